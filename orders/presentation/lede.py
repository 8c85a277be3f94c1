"""The sentence at the head of an order page: where is it, and what happens next."""

from dashboard.phrases import Part, strong, text, when
from orders.contract import OrderStage, OrderStatus, PaymentStatus, Step
from orders.presentation.glance import Glance
from orders.presentation.status import EARLY, LATE_SHIPMENT, STEP_WORDS


def lede_of(order: Glance, *, total: str) -> list[Part]:
    """The sentence that answers the page's question: where is it, and what happens next."""
    match order.status:
        case OrderStatus.NEEDS_ATTENTION:
            return _attention_lede(order)
        case OrderStatus.DELIVERED:
            at = [text(" "), when(order.delivered_at, "at")] if order.delivered_at else []
            return [strong("It has arrived"), *at, text(". Nothing is left to do.")]
        case OrderStatus.CANCELLED:
            return [strong("It was cancelled"), text(" before any money was taken. Its stock is free again.")]
        case OrderStatus.REFUNDED:
            return [strong("It was cancelled after the payment"), text(f"; {total} went back to the customer.")]
    if order.is_compensating:
        return [text("It is "), strong("being cancelled"), text(": what was done is undone, the last step first.")]
    if order.status == OrderStatus.SHIPPED:
        return _shipped_lede(order)
    if order.status == OrderStatus.PAID:
        return _paid_lede(order)
    return _payment_lede(order, total)


def _attention_lede(order: Glance) -> list[Part]:
    if order.is_short:
        return [
            strong("There is not enough stock"),
            text(". Amend its lines or cancel it; until then nothing is held, and the time to pay does not run."),
        ]
    if order.problem_step == LATE_SHIPMENT:
        return _late_lede()
    if order.problem_step == Step.REVIEW:
        return [
            strong("It is paid and held for a review"),
            text(": its total is above the limit. Release it or cancel it; until then it is not shipped."),
        ]
    words = STEP_WORDS.get(order.problem_step, "A step")
    return [
        strong(f"{words} has stopped and needs you"),
        text(". Everything before it is kept; nothing is done twice."),
    ]


def _shipped_lede(order: Glance) -> list[Part]:
    if not order.latest:
        return [strong("It is on its way"), text(" to the customer.")]
    if order.slipped:
        return [
            strong("It is on its way, later than promised"),
            text(". Expected by "),
            when(order.latest, "soon"),
            text("."),
        ]
    return [strong("It is on its way"), text(" and expected by "), when(order.latest, "soon"), text(".")]


def _paid_lede(order: Glance) -> list[Part]:
    if order.late:
        return _late_lede()
    if not order.timer:
        return [strong("It is paid"), text(" and waits to be shipped.")]
    return [
        strong("It is paid and waits to be shipped"),
        text(" by "),
        when(order.timer.ends_at, "clock"),
        text(". After that it counts as late."),
    ]


def _payment_lede(order: Glance, total: str) -> list[Part]:
    if order.stage in EARLY:
        return [text("It has just been placed. "), strong("Customer and stock are being checked"), text(".")]
    if order.next_attempt_at:
        return [
            text("The payment provider did not answer and "),
            strong("the charge is tried again"),
            text(". All attempts share one key, so the card can be charged only once."),
        ]
    if order.stage in {OrderStage.PAYMENT, OrderStage.STATUS_UPDATE}:
        return [strong(f"{total} is being taken"), text(". The items are fixed until the provider has answered.")]
    end = _window_end(order)
    if order.payment_status == PaymentStatus.DECLINED:
        return [strong("The card was declined"), text(". It can be paid another way"), *end]
    return [text("The stock is held and it "), strong(f"waits for {total}"), *end]


def _window_end(order: Glance) -> list[Part]:
    if not order.timer:
        return [text(".")]
    return [text("; if that does not come by "), when(order.timer.ends_at, "clock"), text(", it cancels itself.")]


def _late_lede() -> list[Part]:
    return [
        text("It is paid and "),
        strong("should have been shipped by now"),
        text(". Ship it or cancel it; until then operations are reminded."),
    ]
