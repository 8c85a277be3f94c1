"""The orders' rows in the database: written by the workflows' activity, read by lists, search and, in need, pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from orders.contract import OrderInput, OrderView, TimelineEntry, is_order_id
from orders.models import Order, OrderEvent
from orders.process.state import TIMELINE_KEPT, OrderState
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import from_json, to_json

COUNTER = "orders"

log = structlog.get_logger(__name__)


def save(view: OrderView) -> bool:
    """Write a version of an order. False, with nothing changed, when the row has a newer one already.

    Nor is there a row for an id that is none: no address could hold it, and every list that it stands in would fail.
    """
    if not is_order_id(view.order_id):  # started by a stranger at Temporal, where it goes on
        log.warning("order_without_address", order_id=view.order_id)
        return False
    now = timezone.now()
    with transaction.atomic():
        row, created = Order.objects.select_for_update().get_or_create(
            order_id=view.order_id,
            # An order that was started by the Temporal CLI has no row of the web side's.
            defaults={
                "idempotency_key": f"workflow:{view.order_id}",
                "customer_id": view.customer_id,
                "customer_email": view.customer_email,
            },
        )
        OrderEvent.objects.bulk_create([_event(row, entry, now) for entry in view.timeline], ignore_conflicts=True)
        if not created and row.version >= view.version:
            return False
        _fill(row, view, now)
        row.change = ChangeCounter.bump(COUNTER)
        row.save()
        return True


def save_new(views: Sequence[OrderView]) -> None:
    """Write many orders that are over and that there is no row of, each as if it had come here with its last entry."""
    with transaction.atomic():
        change = ChangeCounter.bump(COUNTER)
        rows = []
        for view in views:
            row = Order(order_id=view.order_id, idempotency_key=f"workflow:{view.order_id}", change=change)
            _fill(row, view, view.timeline[-1].at)
            rows.append(row)
        Order.objects.bulk_create(rows)
        OrderEvent.objects.bulk_create(
            _event(row, entry, entry.at) for row, view in zip(rows, views, strict=True) for entry in view.timeline
        )


def _event(row: Order, entry: TimelineEntry, saved_at: datetime) -> OrderEvent:
    return OrderEvent(
        order=row,
        sequence=entry.sequence,
        at=entry.at,
        kind=entry.kind,
        username=entry.by.username,
        door=entry.by.door,
        text=entry.text,
        amount_cents=entry.amount_cents,
        saved_at=saved_at,
    )


def _fill(row: Order, view: OrderView, at: datetime) -> None:
    row.version, row.status, row.stage = view.version, view.status, view.stage
    row.payment_status, row.shipping_status = view.payment.status, view.shipping_status
    row.customer_id, row.customer_name, row.customer_email = view.customer_id, view.customer_name, view.customer_email
    row.currency, row.total_cents = view.currency, view.total_cents
    row.skus = f" {' '.join(line.sku for line in view.items)} "
    row.tracking_number = view.shipment.tracking_number if view.shipment else ""
    row.next_at = min((countdown.ends_at for countdown in view.countdowns), default=None)
    row.pays_again_at = view.payment.next_attempt_at
    row.is_late = view.late
    row.placed_at = view.placed_at or row.placed_at
    row.updated_at = at
    snapshot = to_json(view)
    snapshot["timeline"] = []
    row.snapshot = snapshot


def load_view(row: Order) -> OrderView:
    """The order as it was last saved, with its timeline; for a row whose workflow has not started, as it will start."""
    if not row.snapshot:
        return OrderState(load_input(row), lambda: row.placed_at, lambda: None).view()
    view = from_json(OrderView, row.snapshot)
    entries = row.events.order_by("-sequence")[:TIMELINE_KEPT]
    view.timeline = [from_json(TimelineEntry, _entry(event)) for event in reversed(entries)]
    return view


def _entry(event: OrderEvent) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "by": {"username": event.username, "door": event.door},
        "text": event.text,
        "amount_cents": event.amount_cents,
    }


def load_input(row: Order) -> OrderInput:
    """What the row's order starts from."""
    return from_json(OrderInput, row.start_input)
