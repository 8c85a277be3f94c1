"""Made-up orders for measurements: three months of them, most of them long delivered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dashboard.generating import MARK, Rows, keys_of, moment
from orders.contract import Door, OrderInput, OrderLine, OrderStage, OrderStatus, TimelineKind
from orders.models import Order, OrderEvent
from orders.process.state import OrderState
from temporal_worker.snapshots import to_json

OPTION = "orders"
HELP = "orders of the last 90 days, with their timelines"
DAYS = 90
_NAMES = ("Amara Okafor", "Jonas Beck", "Lena Fischer", "Milo Ferreira", "Noor Haddad", "Sofia Lindgren", "Tom Walsh")
_STEPS = (
    (TimelineKind.ORDER_PLACED, "Order placed", timedelta(0)),
    (TimelineKind.PAYMENT_RECEIVED, "Payment received", timedelta(minutes=9)),
    (TimelineKind.ORDER_SHIPPED, "Shipped with DHL", timedelta(hours=20)),
    (TimelineKind.ORDER_DELIVERED, "Delivered to the door", timedelta(hours=60)),
)
_STAGES = {
    OrderStatus.PENDING: OrderStage.AWAITING_PAYMENT,
    OrderStatus.PAID: OrderStage.AWAITING_SHIPMENT,
    OrderStatus.SHIPPED: OrderStage.IN_TRANSIT,
    OrderStatus.DELIVERED: OrderStage.COMPLETED,
    OrderStatus.CANCELLED: OrderStage.CANCELLED,
    OrderStatus.NEEDS_ATTENTION: OrderStage.AWAITING_SHIPMENT,
}
_STEPS_DONE = {OrderStatus.PENDING: 1, OrderStatus.CANCELLED: 1, OrderStatus.SHIPPED: 3, OrderStatus.DELIVERED: 4}


def has_real_rows() -> bool:
    return Order.objects.exclude(idempotency_key__startswith=MARK).exists()


@dataclass(frozen=True)
class _Made:
    order_id: str
    status: OrderStatus
    placed_at: datetime
    is_late: bool


def generate(count: int, chance: Random, now: datetime) -> None:
    made = [_make(number, chance, now) for number in range(count)]
    Rows(Order, version=9, currency="USD", skus=" LAPTOP-001 ").write(_row(one, chance) for one in made)
    keys = keys_of(Order.objects.filter(idempotency_key__startswith=MARK), "order_id")
    Rows(OrderEvent, username="", door=Door.SYSTEM).write(_events(made, keys, now))


def _make(number: int, chance: Random, now: datetime) -> _Made:
    at = moment(chance, now, DAYS)
    age, dice = now - at, chance.random()
    if dice < 0.06:
        status = OrderStatus.CANCELLED
    elif dice < 0.0603:
        status = OrderStatus.NEEDS_ATTENTION
    elif age > timedelta(days=3):
        status = OrderStatus.DELIVERED
    elif age > timedelta(days=1):
        status = OrderStatus.SHIPPED
    else:
        status = OrderStatus.PAID if dice < 0.6 else OrderStatus.PENDING
    is_late = status in (OrderStatus.PAID, OrderStatus.SHIPPED) and chance.random() < 0.02
    return _Made(f"ORD-{at:%Y%m%d-%H%M%S}-{_tail(number)}", status, at, is_late)


def _tail(number: int) -> str:
    """Eight letters and digits, another one for each number."""
    return f"g{number:07x}"


def _row(one: _Made, chance: Random) -> dict[str, Any]:
    name = chance.choice(_NAMES)
    customer = f"CUST-{chance.randrange(20_000):05}"
    email = f"{customer.lower()}@example.com"
    return {
        "order_id": one.order_id,
        "idempotency_key": f"{MARK}{one.order_id}",
        "status": one.status,
        "stage": _STAGES[one.status],
        "customer_id": customer,
        "customer_name": name,
        "customer_email": email,
        "total_cents": 1_000 + chance.randrange(300_000),
        "is_late": one.is_late,
        "next_at": one.placed_at + timedelta(days=1),
        "placed_at": one.placed_at,
        "updated_at": one.placed_at + _STEPS[_STEPS_DONE.get(one.status, 2) - 1][2],
        "snapshot": _snapshot(one, customer, name, email),
    }


_kept: dict[str, str] = {}


def _snapshot(one: _Made, customer: str, name: str, email: str) -> dict[str, Any]:
    """A whole order as its workflow would have saved it, so that the rows are as heavy as real ones."""
    if "view" not in _kept:
        start = OrderInput(
            "@order@", "@customer@", "customer@example.com", [OrderLine("LAPTOP-001", 1, "Laptop", 129_999)]
        )
        _kept["view"] = json.dumps(to_json(OrderState(start, lambda: one.placed_at, lambda: None).view()))
    seen: dict[str, Any] = json.loads(_kept["view"])
    own = {"customer_id": customer, "customer_name": name, "customer_email": email, "timeline": []}
    return seen | own | {"order_id": one.order_id, "status": one.status, "stage": _STAGES[one.status], "version": 9}


def _events(made: list[_Made], keys: dict[str, int], now: datetime) -> Iterator[dict[str, Any]]:
    for one in sorted(made, key=lambda order: order.placed_at):
        for sequence, (kind, text, later) in enumerate(_STEPS[: _STEPS_DONE.get(one.status, 2)], start=1):
            at = min(one.placed_at + later, now)
            yield {
                "order_id": keys[one.order_id],
                "sequence": sequence,
                "at": at,
                "kind": kind,
                "text": text,
                "saved_at": at + timedelta(milliseconds=400),
            }
