"""The sockets of the order page and of the orders list."""

import asyncio
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.template.loader import render_to_string

from dashboard.consumers import DONE, NOT_FOUND, LiveConsumer, query_of
from dashboard.health_watch import Health
from orders.contract import is_order_id, order_workflow_id
from orders.live import order_source, unavailable_fragment
from orders.live_list import ROW_FIELDS, Batch, order_feed, row_fragment
from orders.models import Order
from orders.projection import COUNTER
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import Frame, get_hub
from temporal_worker.models import ChangeCounter

START_LOOKED_FOR_EVERY = 2.0
"""Seconds between two looks for the workflow of an order that is kept and has not started."""
MOST_SHOWN = 100
"""Rows of a page that one list may follow."""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


class OrderConsumer(LiveConsumer):
    """``/ws/orders/<order_id>/?after=<version>``: the shared fragments of one order, from the hub.

    ``saved`` in the query says that the page was drawn from the database, because Temporal or the worker did not answer.
    """

    permission = "orders.view_order"

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope), keep_blank_values=True)
        self.after = _number(query.get("after", [""])[0])
        self.shows_notice = "saved" in query
        # A page that is drawn from the database waits for a finding before it believes what the hub knew last.
        self.is_well = not self.shows_notice
        self.frame: Frame | None = None
        await super().connect()

    async def follow(self) -> int:
        order_id = self.scope["url_route"]["kwargs"]["order_id"]
        if not is_order_id(order_id):
            return NOT_FOUND
        starting = Order.objects.filter(order_id=order_id, status=Order.STARTING)
        while True:
            try:
                async with get_hub().watch(order_workflow_id(order_id), order_source) as watcher:
                    async for frame in watcher:
                        # The first one may be what the hub has known for long. A later one, and the last, is a worker's
                        # answer of this moment, which the health's next look only comes to know.
                        is_answer = frame.closed or self.frame is not None
                        self.frame = frame
                        self._show(is_answer=is_answer)
            except WorkflowNotFound:
                # Not started yet; or there is no such order, or it is past retention, and nothing will come.
                if await database_sync_to_async(starting.exists)():
                    await asyncio.sleep(START_LOOKED_FOR_EVERY)
                    continue
            return DONE

    def take_health(self, health: Health) -> None:
        super().take_health(health)
        self.is_well = health.is_well
        self._show()

    def _show(self, *, is_answer: bool = False) -> None:
        """What this page lacks: the notice when nobody can be asked, the order when it has moved or is back."""
        frame = self.frame
        if not (self.is_well or is_answer) or (frame is not None and frame.unavailable):
            if not self.shows_notice:
                self.shows_notice = True
                self.outbox.put("order", unavailable_fragment())
        elif frame is not None and (frame.version > self.after or self.shows_notice or frame.closed):
            self.after, self.shows_notice = frame.version, False
            self.outbox.put("order", frame.html)


class OrderListConsumer(LiveConsumer):
    """``/ws/orders/?after=<change>&show=<order ids>&newest=<pk>``: the rows that a list shows, its counts, the badges.

    ``newest`` is left out by lists in which a new order would not stand.
    """

    permission = "orders.view_order"

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope))
        self.after = _number(query.get("after", [""])[0])
        shown = query.get("show", [""])[0].split(",")[:MOST_SHOWN]
        self.shown = {order_id for order_id in shown if is_order_id(order_id)}
        self.newest = _number(query["newest"][0]) if "newest" in query else None
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
