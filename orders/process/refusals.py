"""How an order says no: the code that clients rely on, and a sentence for people. Nothing is changed by a refusal."""

from datetime import datetime

from temporalio.exceptions import ApplicationError

from orders.contract import OrderStage, OrderStatus, PaymentStatus, RefusalCode
from orders.process.state import OrderState

EARLY = {OrderStage.START, OrderStage.ENRICHMENT, OrderStage.RESERVE}


def refuse(code: RefusalCode, sentence: str, **details: object) -> ApplicationError:
    """The error that refuses an update; its type is the code, its details are for machines."""
    return ApplicationError(sentence, details, type=code, non_retryable=True)


def ended(state: OrderState) -> ApplicationError | None:
    """Why nothing more can be done with an order that is over, or on its way there."""
    match state.status:
        case OrderStatus.DELIVERED:
            return refuse(RefusalCode.ALREADY_DELIVERED, "The order has been delivered.")
        case OrderStatus.CANCELLED | OrderStatus.REFUNDED:
            return refuse(RefusalCode.ALREADY_CANCELLED, "The order has been cancelled.")
    if state.cancellation is not None:
        who = state.cancellation.by.username
        return refuse(RefusalCode.CANCELLING, f"The order is being cancelled{f' by {who}' if who else ''}.")
    return None


def items_refusal(state: OrderState, charging: bool) -> ApplicationError | None:
    """Why lines can not be changed now."""
    if problem := ended(state):
        return problem
    if state.shipment is not None:
        return refuse(RefusalCode.ALREADY_SHIPPED, "The order has been shipped; its items are fixed.")
    if state.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDED}:
        return refuse(RefusalCode.ITEMS_FIXED, "The order has been paid; its items are fixed.")
    if charging:
        return refuse(RefusalCode.PAYMENT_IN_PROGRESS, "A payment is being taken; items are fixed until it is settled.")
    return None


def payment_refusal(state: OrderState, charging: bool, amount_cents: int | None) -> ApplicationError | None:
    """Why the order takes no payment now. An amount of None fits any total."""
    if problem := ended(state):
        return problem
    if state.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDED}:
        return refuse(RefusalCode.ALREADY_PAID, "The order has been paid.")
    if charging:
        return refuse(RefusalCode.PAYMENT_IN_PROGRESS, "Another payment of this order is being taken.")
    if state.is_short:
        return refuse(RefusalCode.NOT_PAYABLE, "The order waits for stock; amend its lines first.")
    if amount_cents is not None and state.stage not in EARLY and amount_cents != state.total_cents:
        return refuse(
            RefusalCode.AMOUNT_MISMATCH,
            f"The order's total is {state.total_cents} cents, not {amount_cents}; it may have changed meanwhile.",
            field="amount_cents",
            total_cents=state.total_cents,
        )
    return None


def shipment_refusal(state: OrderState) -> ApplicationError | None:
    if state.shipment is not None and state.status == OrderStatus.SHIPPED:
        return refuse(
            RefusalCode.ALREADY_SHIPPED,
            f"The order was shipped with {state.shipment.carrier} at {state.shipment.shipped_at:%Y-%m-%d %H:%M} UTC.",
        )
    if problem := ended(state):
        return problem
    if not state.is_paid:
        return refuse(RefusalCode.NOT_PAID, "The order is not paid yet.")
    if state.awaits_release:
        return refuse(RefusalCode.AWAITS_RELEASE, "The order is held for a review; somebody has to release it first.")
    return None


def delivery_refusal(state: OrderState) -> ApplicationError | None:
    if problem := ended(state):
        return problem
    if state.shipment is None:
        return refuse(RefusalCode.NOT_SHIPPED, "The order has not been shipped yet.")
    return None


def cancellation_refusal(state: OrderState) -> ApplicationError | None:
    if problem := ended(state):
        return problem
    if state.shipment is not None:
        return refuse(
            RefusalCode.ALREADY_SHIPPED,
            f"The order was shipped at {state.shipment.shipped_at:%Y-%m-%d %H:%M} UTC and can not be cancelled any more.",
        )
    return None


def retry_refusal(state: OrderState, step: str, since: datetime | None) -> ApplicationError | None:
    between_tries = step == "payment" and state.payment.next_attempt_at is not None
    if between_tries or state.parked.waits_for_retry(step, since):
        return None
    sentence = f"The step {step} is not waiting to be tried again."
    if state.parked.waits_for_retry(step, None):
        sentence = "What you meant is not waiting to be tried again any more, but something else is; look at it first."
    return refuse(RefusalCode.NOTHING_TO_RETRY, sentence, field="step")
