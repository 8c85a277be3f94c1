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
    "OrdersClosed",
    "Unavailable",
    "naming_the_field",
]


class OrderNotFound(NotFound):
    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no order {order_id}.")


class OrdersClosed(Unavailable):
    """The administrators take no new orders just now; nothing was kept of this one."""

    def __init__(self, note: str) -> None:
        super().__init__(f"No new orders are taken just now. {note}".strip(), retry_after=300)
        self.code = "orders_closed"


class CardDeclined(Refused):
    """The card was declined; the order waits for another one."""
