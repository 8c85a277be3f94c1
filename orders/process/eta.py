"""When an order is expected at the door: a range, and in words what it rests on. Pure; the time is passed in."""

from datetime import datetime, timedelta

from orders.contract import Eta, OrderPolicy


def add_working_days(start: datetime, days: int) -> datetime:
    """``start`` moved on by ``days`` days from Monday to Friday (UTC); a start at the weekend counts from Monday."""
    moment = start
    while moment.weekday() >= 5:
        moment += timedelta(days=1)
    for _ in range(days):
        moment += timedelta(days=1)
        while moment.weekday() >= 5:
            moment += timedelta(days=1)
    return moment


def _working_days(low: int, high: int) -> str:
    if low == high:
        return f"{low} working day{'s' if low != 1 else ''}"
    return f"{low} to {high} working days"


def _range(start: datetime, policy: OrderPolicy, *, packing: int, basis: str, now: datetime) -> Eta:
    return Eta(
        earliest=add_working_days(start, packing + policy.transit_days_min),
        latest=add_working_days(start, packing + policy.transit_days_max),
        basis=basis,
        updated_at=now,
    )


def before_payment(policy: OrderPolicy, now: datetime) -> Eta:
    transit = _working_days(policy.transit_days_min, policy.transit_days_max)
    packing = _working_days(policy.packing_days, policy.packing_days)
    return _range(
        now,
        policy,
        packing=policy.packing_days,
        now=now,
        basis=f"If paid now: {packing} to pack, {transit} with the carrier.",
    )


def after_payment(policy: OrderPolicy, paid_at: datetime, now: datetime) -> Eta:
    transit = _working_days(policy.transit_days_min, policy.transit_days_max)
    packing = _working_days(policy.packing_days, policy.packing_days)
    return _range(
        paid_at,
        policy,
        packing=policy.packing_days,
        now=now,
        basis=f"Paid: {packing} to pack, {transit} with the carrier.",
    )


def shipping_late(policy: OrderPolicy, before: Eta | None, now: datetime) -> Eta:
    """Not shipped in time: counted again as if it were packed from now on, never earlier than promised before."""
    transit = _working_days(policy.transit_days_min, policy.transit_days_max)
    fresh = _range(now, policy, packing=policy.packing_days, now=now, basis="")
    return Eta(
        earliest=max(fresh.earliest, before.earliest) if before else fresh.earliest,
        latest=max(fresh.latest, before.latest) if before else fresh.latest,
        basis=f"Not shipped in time: counted again from today, {transit} with the carrier.",
        updated_at=now,
        slipped=True,
    )


def after_shipment(policy: OrderPolicy, shipped_at: datetime, now: datetime) -> Eta:
    transit = _working_days(policy.transit_days_min, policy.transit_days_max)
    return _range(shipped_at, policy, packing=0, now=now, basis=f"Shipped: {transit} with the carrier.")


def delivery_late(before: Eta, now: datetime) -> Eta:
    """The last promised moment has passed without a delivery: one more working day."""
    return Eta(
        earliest=now,
        latest=add_working_days(now, 1),
        basis=f"Expected until {before.latest:%d %b %H:%M} UTC, not delivered; one more working day.",
        updated_at=now,
        slipped=True,
    )


def delivered(at: datetime, now: datetime) -> Eta:
    return Eta(earliest=at, latest=at, basis="Delivered.", updated_at=now)
