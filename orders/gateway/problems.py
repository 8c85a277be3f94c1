"""What can go wrong with a request about an order, in the shop's own words."""

from temporal_worker.problems import InvalidRequest as InvalidRequest
from temporal_worker.problems import KeyReused as KeyReused
from temporal_worker.problems import NotFound, Refused
from temporal_worker.problems import Problem as OrderProblem
from temporal_worker.problems import Refused as OrderRefused
from temporal_worker.problems import Unavailable as Unavailable
from temporal_worker.problems import naming_the_field as naming_the_field

__all__ = [
    "CardDeclined",
    "InvalidRequest",
    "KeyReused",
    "OrderNotFound",
    "OrderProblem",
    "OrderRefused",
    "Unavailable",
    "naming_the_field",
]


class OrderNotFound(NotFound):
    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no order {order_id}.")


class CardDeclined(Refused):
    """The card was declined; the order waits for another one."""
