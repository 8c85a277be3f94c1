"""An order's money, inside the workflow: what has paid it, and what came in beside that and goes back."""

from collections.abc import Callable
from dataclasses import dataclass

from orders.contract import By, OrderStatus, PaymentStatus, TimelineKind
from orders.process import eta
from orders.process.parked import Owner
from orders.process.state import OrderState
from temporal_worker.money import money

RETRY_COUNTDOWN, WINDOW_COUNTDOWN = "payment_retry", "payment_window"


@dataclass(frozen=True)
class Refundable:
    """Money that has to go back: the order's own payment, or one too many."""

    payment_id: str
    amount_cents: int
    currency: str
    reason: str


class Till:
    """``on_surplus`` is called when there is something to give back."""

    def __init__(self, state: OrderState) -> None:
        self._state = state
        self.surplus: list[Refundable] = []
        self.on_surplus: Callable[[], None] = lambda: None

    def accept(self, payment_id: str, amount_cents: int, method: str, by: By) -> None:
        """The order is paid, by whatever way."""
        state = self._state
        state.payment.status = PaymentStatus.PAID
        state.payment.provider_reference = payment_id
        state.payment.amount_cents = amount_cents
        state.payment.method = method
        state.payment.last_error, state.payment.next_attempt_at = "", None
        state.parked.drop(Owner.MAIN_LINE)
        state.set_status(OrderStatus.PAID)
        state.stop_countdown(WINDOW_COUNTDOWN)
        state.stop_countdown(RETRY_COUNTDOWN)
        state.eta = eta.after_payment(state.policy, state.now, state.now)
        text = f"{money(amount_cents, state.order.currency)} received ({method}, {payment_id.removeprefix('manual:')})."
        state.record(TimelineKind.PAYMENT_RECEIVED, text, by=by, amount_cents=amount_cents)

    def give_back(self, owed: Refundable) -> None:
        self.surplus.append(owed)
        self.on_surplus()
