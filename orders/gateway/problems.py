"""What can go wrong with a request about an order, in the shop's own words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orders.contract import InvalidField


class OrderProblem(Exception):
    """Why a request about an order was not done. ``code`` is for machines, ``detail`` a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class OrderNotFound(OrderProblem):
    def __init__(self, order_id: str) -> None:
        super().__init__("not_found", f"There is no order {order_id}.")


class InvalidRequest(OrderProblem):
    """Something in the request cannot be meant; ``field`` names it, as in ``items.0.quantity``."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__("invalid", problem)
        self.field = field


class OrderRefused(OrderProblem):
    """The order says no, and nothing was changed. ``code`` is a :class:`RefusalCode`, ``extra`` are its details."""

    def __init__(self, code: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.extra = extra or {}


class CardDeclined(OrderRefused):
    """The card was declined; the order waits for another one."""


class KeyReused(OrderRefused):
    """The idempotency key stands for another request already."""

    def __init__(self) -> None:
        super().__init__("key_reused", "This idempotency key was used for another request.")


class Unavailable(OrderProblem):
    """Temporal or its worker is out of reach; the same request with the same key is safe to repeat."""

    def __init__(self, detail: str, retry_after: int = 5) -> None:
        super().__init__("unavailable", detail)
        self.retry_after = retry_after


@contextmanager
def naming_the_field() -> Iterator[None]:
    """A message that fails its own check becomes an :class:`InvalidRequest`."""
    try:
        yield
    except InvalidField as error:
        raise InvalidRequest(error.field, error.problem) from error
