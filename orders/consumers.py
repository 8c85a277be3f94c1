"""The sockets of the order page and of the orders list."""

from typing import Any

from dashboard.live_pages import LiveProcess, ProcessConsumer
from dashboard.projected_pages import ProjectedListConsumer
from orders.contract import is_order_id
from orders.live import live_order
from orders.live_list import ROW_FIELDS, OrderFeed, order_feed, row_fragment
from orders.models import Order


class OrderConsumer(ProcessConsumer):
    """``/ws/orders/<order_id>/``: one order."""

    permission = "orders.view_order"

    def process(self) -> LiveProcess | None:
        order_id = self.scope["url_route"]["kwargs"]["order_id"]
        return live_order(order_id) if is_order_id(order_id) else None


class OrderListConsumer(ProjectedListConsumer):
    """``/ws/orders/?after=<change>&show=<order ids>&newest=<pk>``: the rows that a list shows, its counts, the badges."""

    permission = "orders.view_order"
    model, fields, id_field = Order, ROW_FIELDS, "order_id"
    new_template, lists_of = "orders/_orders_new.html", "orders"
    sees_unmatched = False

    def may_look(self) -> bool:
        self.sees_unmatched = self.scope["user"].has_perm("orders.view_unmatchedevent")
        return True

    def feed(self) -> OrderFeed:
        return order_feed()

    def fragments(self, rows: list[Order]) -> list[str]:
        return [row_fragment(row) for row in rows]

    def is_id(self, text: str) -> bool:
        return is_order_id(text)

    def take(self, batch: Any) -> None:
        super().take(batch)
        self.take_summary(batch.summary + batch.badges + (batch.unmatched_badge if self.sees_unmatched else ""))
