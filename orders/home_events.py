"""The latest of all orders' timelines, for the home page."""

from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from dashboard.home.parts import LATE_FOR, Event
from orders.contract import TimelineKind
from orders.models import OrderEvent
from orders.presentation.timeline import icon_of

SEE = "orders.view_order"
LATEST = 8
# What is only the machinery's own, or follows in the same second from what is shown.
UNTOLD = (
    TimelineKind.STATUS_SAVED,
    TimelineKind.MAIL_SENT,
    TimelineKind.ORDER_CHECKED,
    TimelineKind.PAYMENT_WINDOW_OPENED,
    TimelineKind.PAYMENT_WINDOW_CLOSED,
    TimelineKind.STOCK_RESERVED,
    TimelineKind.PAYMENT_STARTED,
)
ON_THE_WAY = (TimelineKind.CANCELLATION_REQUESTED, TimelineKind.STOCK_RELEASED)
"""Told while the order is being cancelled; once it is, the line that says so has the reason too."""
LOOKED_THROUGH = 60


def latest_events() -> list[Event]:
    """By the order in which they came into the database, which needs no index of its own. Two queries."""
    newest = (
        OrderEvent.objects.order_by("-pk")
        .select_related("order")
        .only("at", "kind", "username", "text", "order__order_id")
    )
    rows = list(newest[:LOOKED_THROUGH])
    cancelled = {row.order.pk for row in rows if row.kind == TimelineKind.ORDER_CANCELLED}
    told = [
        row for row in rows if row.kind not in UNTOLD and not (row.kind in ON_THE_WAY and row.order.pk in cancelled)
    ]
    told = told[:LATEST]
    names = names_of({row.username for row in told if row.username})
    return [
        Event(
            right=SEE,
            key=f"order-event-{row.pk}",
            at=row.at,
            subject=f"Order {row.order.order_id[-4:]}",
            href=reverse("orders:detail", args=[row.order.order_id]),
            # "Order 3bed placed for …": its name stands before it.
            text=row.text.removeprefix("Order "),
            icon=icon_of(row.kind),
            person=row.username,
            who=names.get(row.username, row.username),
            title=row.order.order_id,
        )
        for row in told
    ]


def names_of(usernames: set[str]) -> dict[str, str]:
    people = User.objects.filter(username__in=usernames).only("username", "first_name", "last_name")
    return {one.username: one.get_full_name() or one.username for one in people}


def behind(now: datetime) -> float | None:
    """How long the last thing that happened took to come into the lists, in seconds, if it was just now. One query."""
    last = OrderEvent.objects.filter(saved_at__isnull=False).order_by("-pk").values_list("at", "saved_at").first()
    if last is None or last[1] is None or last[1] < now - LATE_FOR:
        return None
    return max(0.0, (last[1] - last[0]).total_seconds())
