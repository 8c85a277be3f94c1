"""The sockets of the order page and of the orders list."""

from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.template.loader import render_to_string

from dashboard.consumers import DONE, LiveConsumer, query_of
from dashboard.live_pages import LiveProcess, ProcessConsumer, whole_number
from orders.contract import is_order_id
from orders.live import live_order
from orders.live_list import ROW_FIELDS, Batch, order_feed, row_fragment
from orders.models import Order
from orders.projection import COUNTER
from temporal_worker.models import ChangeCounter

MOST_SHOWN = 100
"""Rows of a page that one list may follow."""


class OrderConsumer(ProcessConsumer):
    """``/ws/orders/<order_id>/``: one order."""

    permission = "orders.view_order"

    def process(self) -> LiveProcess | None:
        order_id = self.scope["url_route"]["kwargs"]["order_id"]
        return live_order(order_id) if is_order_id(order_id) else None


class OrderListConsumer(LiveConsumer):
    """``/ws/orders/?after=<change>&show=<order ids>&newest=<pk>``: the rows that a list shows, its counts, the badges.

    ``newest`` is left out by lists in which a new order would not stand.
    """

    permission = "orders.view_order"

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope))
        self.after = whole_number(query.get("after", [""])[0])
        shown = query.get("show", [""])[0].split(",")[:MOST_SHOWN]
        self.shown = {order_id for order_id in shown if is_order_id(order_id)}
        self.newest = whole_number(query["newest"][0]) if "newest" in query else None
        self.fresh: set[str] = set()
        self.sees_unmatched = False
        await super().connect()

    def may_look(self) -> bool:
        self.sees_unmatched = self.scope["user"].has_perm("orders.view_unmatchedevent")
        return True

    async def follow(self) -> int:
        now = await database_sync_to_async(ChangeCounter.read)()
        stop = order_feed().listen(self._take, now.get(COUNTER, 0))
        try:
            for order_id, html in await database_sync_to_async(self._missed)():
                self.outbox.put(order_id, html)
            await self.gone()
        finally:
            stop()
        return DONE

    def _missed(self) -> list[tuple[str, str]]:
        """What changed between the drawing of the page and now; the feed tells what comes after."""
        changed = Order.objects.filter(order_id__in=self.shown, change__gt=self.after).only(*ROW_FIELDS)
        return [(order.order_id, row_fragment(order)) for order in changed]

    def _take(self, batch: Batch) -> None:
        for row in batch.rows:
            if row.order_id in self.shown:
                self.outbox.put(row.order_id, row.html)
            elif self.newest is not None and row.pk > self.newest:
                self.fresh.add(row.order_id)
        if self.fresh:
            self.outbox.put("new", render_to_string("orders/_orders_new.html", {"number": len(self.fresh)}))
        self.outbox.put(
            "summary", batch.summary + batch.badges + (batch.unmatched_badge if self.sees_unmatched else "")
        )
