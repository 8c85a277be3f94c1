"""How an order is paid, inside the workflow: by card, by the provider's webhook, or by hand.

All of it is decided on the workflow's main line, one thing at a time; message handlers only hand in.
"""

from collections import deque

from orders.contract import (
    By,
    Door,
    ManualPaymentInput,
    PaymentEvent,
    PaymentStatus,
    TimelineKind,
    UnmatchedPayment,
)
from orders.process import effects
from orders.process.card import CardPayments
from orders.process.refusals import EARLY, ended, payment_refusal
from orders.process.state import OrderState
from orders.process.stock import Stock
from orders.process.till import Refundable, Till
from orders.process.waiting import Waiting
from temporal_worker.money import money

SUCCEEDED, FAILED, REFUNDED = "payment.succeeded", "payment.failed", "payment.refunded"
PROVIDER = By("", Door.WEBHOOK)


class Payments:
    def __init__(self, state: OrderState, stock: Stock, waiting: Waiting) -> None:
        self._state, self._stock = state, stock
        self.till = Till(state)
        self.card = CardPayments(state, stock, waiting, self.till)
        self._events: deque[tuple[str, PaymentEvent]] = deque()
        self._seen: set[str] = set()
        self._refunded_outside: set[str] = set()
        waiting.add_inbox(self._can_take_events, self.take_events)

    @property
    def is_refunded_outside(self) -> bool:
        return self._state.payment.provider_reference in self._refunded_outside

    # ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def accept_manual(self, payment: ManualPaymentInput) -> None:
        async with self._stock.lock:
            if refusal := payment_refusal(self._state, self.card.is_charging, None):
                raise refusal
            self.till.accept(f"manual:{payment.reference}", self._state.total_cents, "manual", payment.by)

    @property
    def is_manual(self) -> bool:
        return self._state.payment.method == "manual"

    # ── Webhook ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def hand_in(self, kind: str, event: PaymentEvent) -> None:
        self._events.append((kind, event))

    def _can_take_events(self) -> bool:
        return bool(self._events) and self._state.stage not in EARLY

    async def take_early(self) -> None:
        """What the provider said before this order existed."""
        for early in await effects.collect_early_payments(self._state.order.order_id):
            self.hand_in(early.kind, early.event)

    async def take_events(self) -> None:
        while self._events:
            kind, event = self._events.popleft()
            if event.event_id in self._seen:
                continue
            if kind == SUCCEEDED:
                await self._take_success(event)
            elif kind == FAILED:
                self._take_failure(event)
            else:
                self._take_refund(event)

    async def _take_success(self, event: PaymentEvent) -> None:
        state = self._state
        async with self._stock.lock:
            await self.card.settle()
            if event.payment_id == state.payment.provider_reference:
                self._seen.add(event.event_id)
                return
            if event.payment_id in self._refunded_outside and (ended(state) or state.is_paid):
                self._seen.add(event.event_id)
                return
            if ended(state) or state.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDED}:
                self._seen.add(event.event_id)
                reason = "paid twice" if not ended(state) else "paid after the order was closed"
                self.till.give_back(Refundable(event.payment_id, event.amount_cents, event.currency, reason))
                return
            if (event.amount_cents, event.currency) != (state.total_cents, state.order.currency):
                await self._unmatched(event)
                return
            self._seen.add(event.event_id)
            self.till.accept(event.payment_id, event.amount_cents, "provider", PROVIDER)
        if event.payment_id in self._refunded_outside:
            self._was_refunded()

    async def _unmatched(self, event: PaymentEvent) -> None:
        """A wrong amount never pays an order; a person decides."""
        state = self._state
        got, expected = money(event.amount_cents, event.currency), money(state.total_cents, state.order.currency)
        reason = f"The provider took {got}, the order's total is {expected}."
        await effects.record_unmatched_payment(UnmatchedPayment(state.order.order_id, event, SUCCEEDED, reason))
        state.record(TimelineKind.PAYMENT_UNMATCHED, reason, by=PROVIDER, amount_cents=event.amount_cents)

    def _take_failure(self, event: PaymentEvent) -> None:
        """News only while nothing is paid; a failure that comes late says nothing about a payment that succeeded."""
        state = self._state
        self._seen.add(event.event_id)
        if state.payment.status == PaymentStatus.UNPAID and not ended(state):
            state.payment.status = PaymentStatus.DECLINED
            state.payment.last_error = "The provider reports that the payment failed."
            state.record(
                TimelineKind.PAYMENT_DECLINED, state.payment.last_error, by=PROVIDER, amount_cents=event.amount_cents
            )

    def _take_refund(self, event: PaymentEvent) -> None:
        """Events come in any order: a refund may be reported before the payment that it gives back."""
        self._seen.add(event.event_id)
        self._refunded_outside.add(event.payment_id)
        if self._state.is_paid and event.payment_id == self._state.payment.provider_reference:
            self._was_refunded()

    def _was_refunded(self) -> None:
        """The provider gave the money back by itself. What is not shipped is not shipped any more."""
        state = self._state
        text = "The provider has refunded the payment."
        if state.shipment is None:
            if state.cancellation is None:
                state.cancel(text, PROVIDER)
            return
        state.payment.status = PaymentStatus.REFUNDED
        state.record(TimelineKind.PAYMENT_REFUNDED, text, by=PROVIDER, amount_cents=state.payment.amount_cents)
