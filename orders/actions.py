"""What can be done with an order, and why not: drawn on the page, decided anew by the workflow when it is asked."""

from dataclasses import dataclass

from orders.contract import OrderStage, OrderStatus, OrderView, PaymentStatus, ShippingStatus, Step

_EARLY = {OrderStage.START, OrderStage.ENRICHMENT}


@dataclass(frozen=True)
class Action:
    """``reason`` says in a sentence why it is not allowed; empty when the reason is the one for all of them."""

    name: str
    label: str
    url_name: str
    allowed: bool
    reason: str = ""
    danger: bool = False
    icon: str = ""
    hint: str = ""

    @property
    def note(self) -> str:
        return self.hint if self.allowed else self.reason


def actions_for(view: OrderView, *, may_operate: bool, live: bool) -> list[Action]:
    """All actions in their place; those that are not possible now carry the reason."""
    barred = bool(reason_for_all(view, may_operate=may_operate, live=live))

    def action(name: str, label: str, icon: str, reason: str, *, hint: str = "", danger: bool = False) -> Action:
        allowed = not barred and not reason
        return Action(name, label, f"orders:{name}", allowed, "" if barred else reason, danger, icon, hint)

    retry = []
    if step := retryable_step(view):
        label, hint = _retry_words(view, step)
        retry = [action("retry", label, "retry", "", hint=hint)]
    return [
        *retry,
        action("payment", "Take a card payment", "card", _no_payment(view)),
        action("manual_payment", "Record a payment", "check", _no_payment(view), hint="Paid by transfer or in cash"),
        action("items", "Add an item", "plus", _no_items(view), hint="Until the payment is taken"),
        action("item_removal", "Remove an item", "trash", _no_items(view) or _last_piece(view)),
        action("shipment", "Mark as shipped", "truck", _no_shipment(view)),
        action("delivery", "Mark as delivered", "check", _no_delivery(view)),
        action("cancellation", "Cancel order…", "x", _no_cancellation(view), hint=_undoing(view), danger=True),
    ]


def reason_for_all(view: OrderView, *, may_operate: bool, live: bool) -> str:
    """One sentence when nothing at all can be done, whatever the action."""
    if view.status == OrderStatus.DELIVERED:
        return "The order has been delivered; nothing is left to do."
    if view.status in {OrderStatus.CANCELLED, OrderStatus.REFUNDED}:
        return "The order is over; nothing more can be done with it."
    if not may_operate:
        return "You can look at orders. Acting on them takes the role Operations."
    if not live:
        return "All of these need Temporal and a worker. They come back by themselves."
    return ""


def retryable_step(view: OrderView) -> str:
    """The step that a person may have tried again now, if any."""
    if view.problem and view.problem.retryable and view.problem.step in set(Step):
        return view.problem.step
    return Step.PAYMENT if view.payment.next_attempt_at else ""


def _retry_words(view: OrderView, step: str) -> tuple[str, str]:
    if step == Step.REVIEW:
        return "Release for shipping", "Its total is above the limit"
    if step == Step.REFUND and view.payment.method == "manual" and view.payment.status == PaymentStatus.REFUNDING:
        return "Confirm that it was paid back", "It came in by hand and goes back by hand"
    hint = "At once" if step == Step.RESERVE else "At once, with the same key"
    return f"Try {_STEP_NAMES[step]} again", hint


_STEP_NAMES: dict[str, str] = {
    Step.RESERVE: "to hold the stock",
    Step.PAYMENT: "the payment",
    Step.REFUND: "the refund",
    Step.RELEASE: "to give the stock back",
}


def _cancelling(view: OrderView) -> str:
    if view.stage == OrderStage.CANCELLED:  # and not over yet: a payment too many has not gone back
        return "Not any more: the order is cancelled."
    return "Not any more: the order is being cancelled." if view.stage == OrderStage.COMPENSATING else ""


def _is_paid(view: OrderView) -> bool:
    return view.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDING, PaymentStatus.REFUNDED}


def _is_charging(view: OrderView) -> bool:
    return view.payment.status in {PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN}


def _is_parked_at(view: OrderView, step: Step) -> bool:
    return view.problem is not None and view.problem.step == step


def _no_payment(view: OrderView) -> str:
    if reason := _cancelling(view):
        return reason
    if _is_paid(view):
        return "It is paid."
    if _is_charging(view) and not _is_parked_at(view, Step.PAYMENT):
        return "Not now: a payment is being taken."
    if _is_parked_at(view, Step.RESERVE):
        return "Not yet: it waits for stock. Amend its lines first."
    return "Not yet: its stock is being held." if view.stage in _EARLY else ""


def _no_items(view: OrderView) -> str:
    if reason := _cancelling(view):
        return reason
    if _is_paid(view):
        return "Not any more: it is paid, and its items are fixed."
    return "Not now: a payment is being taken for these items." if _is_charging(view) else ""


def _last_piece(view: OrderView) -> str:
    if sum(line.quantity for line in view.items) <= 1:
        return "It is the last one. Cancel the order instead."
    return ""


def _no_shipment(view: OrderView) -> str:
    if view.shipping_status != ShippingStatus.NOT_SHIPPED:
        return f"It was shipped with {view.shipment.carrier}." if view.shipment else "It was shipped."
    if reason := _cancelling(view):
        return reason
    if _is_parked_at(view, Step.REVIEW):
        return "Not yet: it is held for a review. Release it first."
    return "" if _is_paid(view) else "Not yet: the order is not paid."


def _no_delivery(view: OrderView) -> str:
    if reason := _cancelling(view):
        return reason
    if view.shipping_status == ShippingStatus.DELIVERED:
        return "It has been delivered."
    return "" if view.shipping_status == ShippingStatus.SHIPPED else "Not yet: it has not been shipped."


def _no_cancellation(view: OrderView) -> str:
    if reason := _cancelling(view):
        return reason
    if view.shipping_status == ShippingStatus.DELIVERED:
        return "Not any more: it has been delivered."
    if view.shipping_status != ShippingStatus.NOT_SHIPPED:
        return "Not any more: it is on its way."
    return ""


def _undoing(view: OrderView) -> str:
    return "Gives the money and the stock back" if _is_paid(view) else "Gives the stock back; nothing was charged"
