"""What a list, a head line and the stepper need to know of an order, whether it comes from Temporal or from a row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orders.contract import OrderStage, OrderStatus, OrderView, PaymentStatus, Step
from orders.models import Order


@dataclass(frozen=True)
class Timer:
    """A running countdown, by its name in the contract."""

    name: str
    label: str
    ends_at: datetime


@dataclass(frozen=True)
class Glance:
    status: str
    stage: str = OrderStage.START
    payment_status: str = PaymentStatus.UNPAID
    payment_error: str = ""
    attempt: int = 0
    max_attempts: int = 0
    next_attempt_at: datetime | None = None
    problem_step: str = ""
    problem_error: str = ""
    shortages: int = 0
    timers: tuple[Timer, ...] = ()
    earliest: datetime | None = None
    latest: datetime | None = None
    slipped: bool = False
    late: bool = False
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def timer(self) -> Timer | None:
        """The one that ends first."""
        return min(self.timers, key=lambda timer: timer.ends_at, default=None)

    @property
    def is_paid(self) -> bool:
        return self.payment_status == PaymentStatus.PAID

    @property
    def is_compensating(self) -> bool:
        return self.stage == OrderStage.COMPENSATING

    @property
    def is_short(self) -> bool:
        return self.problem_step == Step.RESERVE


def of_view(view: OrderView) -> Glance:
    return Glance(
        status=view.status,
        stage=view.stage,
        payment_status=view.payment.status,
        payment_error=view.payment.last_error,
        attempt=view.payment.attempt,
        max_attempts=view.payment.max_attempts,
        next_attempt_at=view.payment.next_attempt_at,
        problem_step=view.problem.step if view.problem else "",
        problem_error=view.problem.error if view.problem else "",
        shortages=len(view.shortages),
        timers=tuple(Timer(timer.name, timer.label, timer.ends_at) for timer in view.countdowns),
        earliest=view.eta.earliest if view.eta else None,
        latest=view.eta.latest if view.eta else None,
        slipped=bool(view.eta and view.eta.slipped),
        late=view.late,
        shipped_at=view.shipment.shipped_at if view.shipment else None,
        delivered_at=view.shipment.delivered_at if view.shipment else None,
    )


def of_row(order: Order) -> Glance:
    """From the projection alone; a snapshot that lacks something is shown without it."""
    if order.status == Order.STARTING:
        return Glance(status=OrderStatus.PENDING)
    seen = order.snapshot
    payment, eta = _dict(seen, "payment"), _dict(seen, "eta")
    problem, shipment = _dict(seen, "problem"), _dict(seen, "shipment")
    return Glance(
        status=order.status,
        stage=order.stage,
        payment_status=order.payment_status,
        payment_error=str(payment.get("last_error") or ""),
        attempt=payment.get("attempt") or 0,
        max_attempts=payment.get("max_attempts") or 0,
        next_attempt_at=_moment(payment.get("next_attempt_at")),
        problem_step=str(problem.get("step") or ""),
        problem_error=str(problem.get("error") or ""),
        shortages=len(seen.get("shortages") or ()),
        timers=tuple(_timers(seen)),
        earliest=_moment(eta.get("earliest")),
        latest=_moment(eta.get("latest")),
        slipped=bool(eta.get("slipped")),
        late=order.is_late,
        shipped_at=_moment(shipment.get("shipped_at")),
        delivered_at=_moment(shipment.get("delivered_at")),
    )


def _timers(seen: dict[str, Any]) -> list[Timer]:
    found = []
    for timer in seen.get("countdowns") or ():
        ends_at = _moment(timer.get("ends_at"))
        if ends_at:
            found.append(Timer(str(timer.get("name", "")), str(timer.get("label", "")), ends_at))
    return found


def _dict(seen: dict[str, Any], name: str) -> dict[str, Any]:
    return seen.get(name) or {}


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
