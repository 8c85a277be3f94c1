"""How an order is paid, inside the workflow: by card, by the provider's webhook, or by hand.

All of it is decided on the workflow's main line, one thing at a time; message handlers only hand in.
"""

from collections import defaultdict, deque

from temporalio import workflow

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
IN_PART = "a-refund-may-be-of-a-part"
"""Patch: before it, whatever the provider had refunded was taken for the whole payment."""


class Payments:
    def __init__(self, state: OrderState, stock: Stock, waiting: Waiting) -> None:
        self._state, self._stock = state, stock
        self.till = Till(state)
        self.card = CardPayments(state, stock, waiting, self.till)
        self._events: deque[tuple[str, PaymentEvent]] = deque()
        self._seen: set[str] = set()
        self._refunds: defaultdict[str, list[PaymentEvent]] = defaultdict(list)
        waiting.add_inbox(self._can_take_events, self.take_events)

    def is_refunded_outside(self) -> bool:
        """Whether the provider has given back all that paid the order, by itself."""
        payment = self._state.payment
        return self._is_refunded(payment.provider_reference, payment.amount_cents, self._state.order.currency)

    @property
    def left_cents(self) -> int:
        """What of the order's payment the provider has not given back by itself."""
        payment = self._state.payment
        return payment.amount_cents - self._refunded_cents(payment.provider_reference, self._state.order.currency)

    def _is_refunded(self, payment_id: str, amount_cents: int, currency: str) -> bool:
        if payment_id not in self._refunds:
            return False
        return self._refunded_cents(payment_id, currency) >= amount_cents or not workflow.patched(IN_PART)

    def _refunded_cents(self, payment_id: str, currency: str) -> int:
        return sum(event.amount_cents for event in self._refunds.get(payment_id, []) if event.currency == currency)

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
                await self._take_refund(event)

    async def _take_success(self, event: PaymentEvent) -> None:
        state = self._state
        async with self._stock.lock:
            await self.card.settle()
            if event.payment_id == state.payment.provider_reference:
                self._seen.add(event.event_id)
                return
            if (ended(state) or state.is_paid) and self._is_refunded(
                event.payment_id, event.amount_cents, event.currency
            ):
                self._seen.add(event.event_id)
                return
            if ended(state) or state.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDED}:
                self._seen.add(event.event_id)
                reason = "paid twice" if not ended(state) else "paid after the order was closed"
                left = event.amount_cents - self._refunded_cents(event.payment_id, event.currency)
                if left <= 0 and workflow.patched(IN_PART):
                    return
                self.till.give_back(Refundable(event.payment_id, left, event.currency, reason))
                return
            if (event.amount_cents, event.currency) != (state.total_cents, state.order.currency):
                await self._unmatched(event)
                return
            self._seen.add(event.event_id)
            self.till.accept(event.payment_id, event.amount_cents, "provider", PROVIDER)
        await self._apply_refunds(self._refunds.get(event.payment_id, []))

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

    async def _take_refund(self, event: PaymentEvent) -> None:
        """Events come in any order: a refund may be reported before the payment that it gives back."""
        self._seen.add(event.event_id)
        self._refunds[event.payment_id].append(event)
        if self._state.is_paid and event.payment_id == self._state.payment.provider_reference:
            await self._apply_refunds([event])

    async def _apply_refunds(self, news: list[PaymentEvent]) -> None:
        """The order is paid, and this has gone back. Its parts may add up to all of it."""
        if not news:
            return
        if self.is_refunded_outside():
            self._was_refunded()
            return
        for event in news:
            await self._was_refunded_in_part(event)

    async def _was_refunded_in_part(self, event: PaymentEvent) -> None:
        """The order goes on, and a person is told: only they know what the money went back for."""
        state = self._state
        part = money(event.amount_cents, event.currency)
        if event.currency == state.order.currency:
            kind = TimelineKind.PAYMENT_REFUNDED
            reason = f"The provider has refunded {part} of {money(state.payment.amount_cents, event.currency)}."
        else:
            kind = TimelineKind.PAYMENT_UNMATCHED
            reason = f"The provider has refunded {part}, the order was paid in {state.order.currency}."
        state.record(kind, reason, by=PROVIDER, amount_cents=event.amount_cents)
        unmatched = UnmatchedPayment(state.order.order_id, event, REFUNDED, f"{reason} The order goes on.")
        await effects.record_unmatched_payment(unmatched)

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
