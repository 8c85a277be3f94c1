"""Making a cancelled order good: what was done is undone, the last thing first, and what cannot be undone waits for a person."""

from temporalio.exceptions import ActivityError, ApplicationError

from orders.contract import SYSTEM, OrderStage, OrderStatus, PaymentStatus, RefundRequest, Step, TimelineKind
from orders.process import effects
from orders.process.parked import Owner
from orders.process.payment import Payments
from orders.process.state import OrderState, pieces
from orders.process.stock import Stock
from orders.process.till import Refundable
from orders.process.waiting import Waiting
from temporal_worker.money import money


class Compensation:
    def __init__(self, state: OrderState, stock: Stock, payments: Payments, waiting: Waiting) -> None:
        self._state, self._stock, self._payments, self._waiting = state, stock, payments, waiting

    async def run(self) -> None:
        """Refund, then release: the reverse of the order in which an order is reserved and paid."""
        state = self._state
        self._waiting.cancellable = False
        state.countdowns.clear()
        state.parked.drop(Owner.MAIN_LINE)
        state.enter(OrderStage.COMPENSATING)
        await self._payments.card.abandon()
        was_paid = state.is_paid
        if was_paid:
            await self._refund_payment()
        if self._stock.is_held:
            await self._release_stock()
        state.shortages = []
        state.set_status(OrderStatus.REFUNDED if was_paid else OrderStatus.CANCELLED)
        state.stage = OrderStage.CANCELLED
        text = f"Order cancelled{': ' + state.cancel_reason if state.cancel_reason else '.'}"
        state.record(TimelineKind.ORDER_CANCELLED, text, by=state.cancellation.by if state.cancellation else SYSTEM)

    async def _refund_payment(self) -> None:
        state, payment = self._state, self._state.payment
        if self._payments.is_refunded_outside():
            text = "The provider has refunded the payment."
            state.record(TimelineKind.PAYMENT_REFUNDED, text, amount_cents=payment.amount_cents)
        elif self._payments.is_manual:
            payment.status = PaymentStatus.REFUNDING
            await self._pay_back_by_hand()
        else:
            payment.status = PaymentStatus.REFUNDING
            state.touch()
            reason = state.cancel_reason or "cancelled"
            owed = Refundable(payment.provider_reference, self._payments.left_cents, state.order.currency, reason)
            payment.refund_reference = await self.refund(owed)
        payment.status = PaymentStatus.REFUNDED
        state.touch()

    async def refund(self, owed: Refundable, owner: Owner = Owner.MAIN_LINE) -> str:
        """Give one payment back; tried again by itself, then whenever a person says so. Returns the refund's id."""
        state = self._state
        request = RefundRequest(
            order_id=state.order.order_id,
            idempotency_key=f"{state.order.order_id}:refund:{owed.payment_id}",
            payment_id=owed.payment_id,
            amount_cents=owed.amount_cents,
            currency=owed.currency,
            reason=owed.reason,
        )
        amount = money(owed.amount_cents, owed.currency)
        while True:
            try:
                result = await effects.refund_payment(request, state.policy.compensation_attempts)
            except ActivityError as error:
                text = f"Refund of {amount} failed: {_text(error)}"
                await self._park(Step.REFUND, TimelineKind.REFUND_FAILED, text, owner)
            else:
                text = f"{amount} refunded ({owed.reason})."
                state.record(TimelineKind.PAYMENT_REFUNDED, text, amount_cents=owed.amount_cents)
                return result.refund_id

    async def _pay_back_by_hand(self) -> None:
        """Money that came in by hand goes back by hand; a person does it and says so with Retry."""
        state = self._state
        amount = money(state.payment.amount_cents, state.order.currency)
        reference = state.payment.provider_reference.removeprefix("manual:")
        ask = f"{amount} was paid by hand ({reference}): pay it back by hand, then confirm it with Retry."
        await self._park(Step.REFUND, TimelineKind.REFUND_FAILED, ask)
        text = f"{amount} paid back by hand."
        state.record(TimelineKind.PAYMENT_REFUNDED, text, amount_cents=state.payment.amount_cents)

    async def _release_stock(self) -> None:
        state = self._state
        while True:
            try:
                await self._stock.release()
            except ActivityError as error:
                text = f"Stock not released: {_text(error)}"
                await self._park(Step.RELEASE, TimelineKind.RELEASE_FAILED, text)
            else:
                state.record(TimelineKind.STOCK_RELEASED, f"Stock released: {pieces(state.items)}.")
                return

    async def _park(self, step: Step, kind: TimelineKind, text: str, owner: Owner = Owner.MAIN_LINE) -> None:
        self._state.record(kind, text)
        stop = self._state.parked.park(step, text, owner=owner)
        await self._waiting.for_retry(stop)
        self._state.parked.unpark(stop)

    async def refund_surplus(self) -> None:
        """Payments too many, or that came after the order was closed, go back."""
        while self._payments.till.surplus:
            owed = self._payments.till.surplus.pop(0)
            state = self._state
            amount = money(owed.amount_cents, owed.currency)
            text = f"{amount} received ({owed.reason}); it goes back."
            state.record(TimelineKind.PAYMENT_UNMATCHED, text, amount_cents=owed.amount_cents)
            await self.refund(owed, Owner.BESIDE)
            if state.status == OrderStatus.CANCELLED:
                state.payment.status = PaymentStatus.REFUNDED
                state.payment.provider_reference, state.payment.amount_cents = owed.payment_id, owed.amount_cents
                state.set_status(OrderStatus.REFUNDED)
                state.touch()
        self._waiting.ends_beside()


def _text(error: ActivityError) -> str:
    return error.cause.message if isinstance(error.cause, ApplicationError) else "no worker lived to finish it."
