"""The orders list that moves: one look at the projection per change and process, shared by everybody who lists orders."""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from django.db import connections
from django.template.loader import render_to_string

from dashboard.projected import PageFrame, ProjectedFeed
from orders.counts import badge_counts, list_counts
from orders.models import Order
from orders.presentation import row_of
from orders.projection import COUNTER

MOST_ROWS = 500
"""Changed rows that one look takes; more are taken by the next."""

ROW_FIELDS = (
    "order_id",
    "version",
    "change",
    "status",
    "stage",
    "payment_status",
    "customer_id",
    "customer_name",
    "customer_email",
    "currency",
    "total_cents",
    "is_late",
    "placed_at",
    "snapshot",
)


@dataclass(frozen=True)
class ChangedRow:
    pk: int
    order_id: str
    html: str


@dataclass(frozen=True)
class Batch:
    """What has changed since the last one."""

    rows: tuple[ChangedRow, ...]
    summary: str
    badges: str
    unmatched_badge: str
    pages: dict[str, PageFrame] = field(default_factory=dict)


class OrderFeed(ProjectedFeed[Batch]):
    """All lists that are open on one event loop. Get it with ``order_feed()``. (Pages follow their order's workflow.)"""

    counter, most_rows = COUNTER, MOST_ROWS

    def read(self, after: int, watched: set[str]) -> tuple[Batch, int]:
        return read_batch(after)


def read_batch(after: int) -> tuple[Batch, int]:
    """The rows changed after a value of the counter, and the value to go on from. For a thread of its own."""
    try:
        changed = Order.objects.filter(change__gt=after).order_by("change").only(*ROW_FIELDS)[:MOST_ROWS]
        orders = list(changed)
        badges = badge_counts()
        batch = Batch(
            rows=tuple(ChangedRow(order.pk, order.order_id, row_fragment(order)) for order in orders),
            summary=render_to_string("orders/_orders_summary.html", {"counts": list_counts()}),
            badges=render_to_string("orders/_badges.html", {"counts": badges}),
            unmatched_badge=render_to_string("orders/_unmatched_badge.html", {"counts": badges}),
        )
        return batch, orders[-1].change if orders else after
    finally:
        connections.close_all()


def row_fragment(order: Order) -> str:
    return render_to_string("orders/_order_row.html", {"row": row_of(order), "version": order.version})


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderFeed] = WeakKeyDictionary()


def order_feed() -> OrderFeed:
    return _feeds.setdefault(asyncio.get_running_loop(), OrderFeed())
