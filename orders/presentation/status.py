"""The status of an order as a word with a mark, and what happens next as a phrase."""

from dataclasses import dataclass

from dashboard.phrases import Part, text, when
from orders.contract import OrderStage, OrderStatus, PaymentStatus, Step
from orders.presentation.glance import Glance

EARLY = {OrderStage.START, OrderStage.ENRICHMENT, OrderStage.RESERVE}

# The step by which an order that has not been shipped in time is parked; there is nothing to try again.
LATE_SHIPMENT = "shipment"

STEP_WORDS: dict[str, str] = {
    Step.RESERVE: "Holding the stock",
    Step.PAYMENT: "The payment",
    Step.REFUND: "The refund",
    Step.RELEASE: "Giving the stock back",
    Step.REVIEW: "The review",
}


@dataclass(frozen=True)
class Status:
    """``mark`` is one of idle, move, ok, warn, bad, ended: see ``.status--…`` in components.css."""

    mark: str
    word: str


def status_of(order: Glance) -> Status:
    match order.status:
        case OrderStatus.NEEDS_ATTENTION:
            return _attention(order)
        case OrderStatus.DELIVERED:
            return Status("ok", "Delivered")
        case OrderStatus.CANCELLED:
            return Status("ended", "Cancelled")
        case OrderStatus.REFUNDED:
            return Status("ended", "Refunded")
    if order.is_compensating:
        return Status("move", "Refunding" if order.is_paid or _refunds(order) else "Cancelling")
    if order.status == OrderStatus.SHIPPED:
        return Status("warn", "Shipped, late") if order.late or order.slipped else Status("move", "Shipped")
    if order.status == OrderStatus.PAID:
        return Status("warn", "Paid, late") if order.late else Status("move", "Paid")
    if order.stage in EARLY:
        return Status("move", "Being checked")
    if order.stage in {OrderStage.PAYMENT, OrderStage.STATUS_UPDATE}:
        return Status("move", "Taking payment")
    return Status("idle", "Waiting for payment")


def _attention(order: Glance) -> Status:
    if order.problem_step == LATE_SHIPMENT:
        return Status("warn", "Paid, late")
    if order.problem_step == Step.REFUND:
        return Status("bad", "Refund stopped")
    if order.problem_step == Step.RELEASE:
        return Status("bad", "Release stopped")
    if order.problem_step == Step.PAYMENT:
        return Status("bad", "Payment stopped")
    if order.problem_step == Step.REVIEW:
        return Status("warn", "Paid, held")
    return Status("warn", "Needs attention")


def _refunds(order: Glance) -> bool:
    return order.payment_status == PaymentStatus.REFUNDING


def next_of(order: Glance) -> list[Part]:
    """One short phrase for a list."""
    match order.status:
        case OrderStatus.NEEDS_ATTENTION:
            return [text(_waits_for_you(order))]
        case OrderStatus.DELIVERED:
            return [text("Arrived "), when(order.delivered_at, "soon")] if order.delivered_at else [text("Arrived")]
        case OrderStatus.CANCELLED:
            return [text("Nothing was taken")]
        case OrderStatus.REFUNDED:
            return [text("The money went back")]
    if order.is_compensating:
        return [text("Giving back money and stock" if order.is_paid or _refunds(order) else "Giving the stock back")]
    if order.status == OrderStatus.SHIPPED:
        return _arrival(order)
    if order.status == OrderStatus.PAID:
        return _shipment(order)
    return _payment(order)


def _waits_for_you(order: Glance) -> str:
    if order.problem_step == LATE_SHIPMENT:
        return "Should have shipped by now"
    if order.is_short:
        lines = f"{order.shortages} lines are" if order.shortages > 1 else "One line is"
        return f"{lines} short of stock; amend or cancel"
    if order.problem_step == Step.REVIEW:
        return "Above the limit; waits for your release"
    error = order.problem_error.rstrip(".")
    return f"{_shortened(error)}; waits for you" if error else "Waits for you"


def _shortened(words: str, most: int = 60) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def _payment(order: Glance) -> list[Part]:
    if order.next_attempt_at:
        return [
            text(f"Attempt {order.attempt + 1} of {order.max_attempts} "),
            when(order.next_attempt_at, "until"),
        ]
    if order.stage in EARLY:
        return [text("Stock is being held")]
    if order.stage in {OrderStage.PAYMENT, OrderStage.STATUS_UPDATE}:
        return [text("The provider is asked")]
    before = "Card declined; cancels itself " if order.payment_status == PaymentStatus.DECLINED else "Cancels itself "
    return [text(before), when(order.timer.ends_at, "until")] if order.timer else [text("Waits for the payment")]


def _shipment(order: Glance) -> list[Part]:
    if order.late:
        return [text("Should have shipped by now")]
    return [text("Ship by "), when(order.timer.ends_at, "clock")] if order.timer else [text("Ready to ship")]


def _arrival(order: Glance) -> list[Part]:
    if not order.latest:
        return [text("On its way")]
    late = [text(", later than promised")] if order.slipped else []
    return [text("Arrives by "), when(order.latest, "soon"), *late]
