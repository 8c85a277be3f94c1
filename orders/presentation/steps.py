"""The stepper: the way of an order from the cart to the doorstep, or back."""

from dataclasses import dataclass, replace
from datetime import datetime

from dashboard.phrases import Part, text, when
from orders.contract import OrderStage, OrderStatus, OrderView, Step

DONE, NOW, AHEAD, STOPPED, ENDED = "done", "now", "", "stopped", "ended"


@dataclass(frozen=True)
class StepMark:
    """``state`` is done, now, stopped (needs a person), ended (the order is over here) or empty for what is ahead."""

    name: str
    state: str
    note: tuple[Part, ...] = ()


def steps_of(view: OrderView) -> list[StepMark]:
    reached = _reached(view)
    ahead = _forecast(view)
    names = ["Placed", "Checked", "Stock held", "Payment", "Shipment", "In transit", "Delivered"]
    steps: list[StepMark] = []
    for name in names:
        at = reached.get(name)
        if at:
            steps.append(StepMark(name, DONE, (when(at, "clock"),)))
        else:
            steps.append(StepMark(name, AHEAD, ahead.get(name, ())))
    return _mark_where_it_is(view, steps)


def _mark_where_it_is(view: OrderView, steps: list[StepMark]) -> list[StepMark]:
    here = next((number for number, step in enumerate(steps) if step.state == AHEAD), None)
    if here is None:
        return steps
    is_undone = view.stage in {OrderStage.COMPENSATING, OrderStage.CANCELLED}
    if is_undone or view.status in {OrderStatus.CANCELLED, OrderStatus.REFUNDED}:
        return [*steps[:here], _way_back(view)]
    state = STOPPED if view.status == OrderStatus.NEEDS_ATTENTION else NOW
    note = (text("Needs a person"),) if state == STOPPED else _note_now(view, steps[here])
    steps[here] = replace(steps[here], state=state, note=note)
    return steps


def _way_back(view: OrderView) -> StepMark:
    if view.status == OrderStatus.NEEDS_ATTENTION:
        return StepMark("Cancelling", STOPPED, (text("Needs a person"),))
    if view.stage == OrderStage.COMPENSATING and view.status not in {OrderStatus.CANCELLED, OrderStatus.REFUNDED}:
        return StepMark("Cancelling", NOW, (text("Undoing"),))
    at = view.reached.get(view.status)
    name = "Refunded" if view.status == OrderStatus.REFUNDED else "Cancelled"
    return StepMark(name, ENDED, (when(at, "clock"),) if at else ())


def _note_now(view: OrderView, step: StepMark) -> tuple[Part, ...]:
    if step.name == "Payment":
        if view.payment.attempt and view.payment.max_attempts and view.stage == OrderStage.PAYMENT:
            return (text(f"Attempt {view.payment.attempt} of {view.payment.max_attempts}"),)
        return (text("Not paid yet"),)
    if step.name == "Shipment" and view.late:
        return (text("Late"),)
    return step.note or (text("Now"),)


def _reached(view: OrderView) -> dict[str, datetime]:
    """When each step was done. A stage is entered when the one before it is done."""

    def first(*keys: str) -> datetime | None:
        return next((view.reached[key] for key in keys if key in view.reached), None)

    held = None if view.problem and view.problem.step == Step.RESERVE else first(OrderStage.AWAITING_PAYMENT)
    found = {
        "Placed": view.placed_at,
        "Checked": first(OrderStage.RESERVE, OrderStage.AWAITING_PAYMENT),
        "Stock held": held,
        "Payment": first(OrderStatus.PAID, OrderStage.AWAITING_SHIPMENT),
        "Shipment": view.shipment.shipped_at if view.shipment else None,
        "In transit": view.shipment.delivered_at if view.shipment else None,
        "Delivered": view.shipment.delivered_at if view.shipment else None,
    }
    return {name: at for name, at in found.items() if at}


def _forecast(view: OrderView) -> dict[str, tuple[Part, ...]]:
    """What is expected of the steps ahead; nothing while the order needs a person."""
    if view.eta is None or view.status in {OrderStatus.NEEDS_ATTENTION, OrderStatus.CANCELLED, OrderStatus.REFUNDED}:
        return {}
    same_day = view.eta.earliest.date() == view.eta.latest.date()
    arrival = (
        (when(view.eta.latest, "day"),)
        if same_day
        else (when(view.eta.earliest, "day"), text(" – "), when(view.eta.latest, "day"))
    )
    shipment = next((timer for timer in view.countdowns if "ship" in timer.name), None)
    return {
        "Shipment": (text("By "), when(shipment.ends_at, "clock")) if shipment else (),
        "In transit": (text("On its way"),) if view.shipment else (),
        "Delivered": arrival,
    }
