"""One row of the orders list, made from the projection row alone: a list costs the same SQL whatever is in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.phrases import Part
from orders.models import Order
from orders.presentation.glance import of_row
from orders.presentation.status import Status, next_of, status_of
from temporal_worker.money import money


@dataclass(frozen=True)
class OrderRow:
    order_id: str
    who: str
    email: str
    status: Status
    next: Sequence[Part]
    total: str
    placed_at: datetime

    @property
    def head(self) -> str:
        return self.order_id[:-4]

    @property
    def tail(self) -> str:
        return self.order_id[-4:]


def row_of(order: Order) -> OrderRow:
    glance = of_row(order)
    return OrderRow(
        order_id=order.order_id,
        who=order.customer_name or order.customer_id,
        email=order.customer_email,
        status=status_of(glance),
        next=next_of(glance),
        total=money(order.total_cents, order.currency),
        placed_at=order.placed_at,
    )
