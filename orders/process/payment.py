"""How an order is paid, inside the workflow: by card, by the provider's webhook, or by hand.

All of it is decided on the workflow's main line, one thing at a time; message handlers only hand in. While the outcome of
a charge is unknown it is looked up before anything that would follow from "not charged".
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from orders.contract import (
    By,
    ChargeRequest,
    ChargeResult,
    Door,
    ManualPaymentInput,
    OrderStage,
    OrderStatus,
    PaymentEvent,
    PaymentInput,
    PaymentStatus,
    PaymentView,
    RefusalCode,
    Step,
    TimelineKind,
    UnmatchedPayment,
)
from orders.process import effects, eta
from orders.process.refusals import EARLY, ended, payment_refusal, refuse
from orders.process.state import OrderState
from orders.process.stock import Stock
from orders.process.waiting import Waiting
from temporal_worker.money import money

SUCCEEDED, FAILED, REFUNDED = "payment.succeeded", "payment.failed", "payment.refunded"
RETRY_COUNTDOWN, WINDOW_COUNTDOWN = "payment_retry", "payment_window"
PROVIDER = By("", Door.WEBHOOK)


@dataclass
class Charge:
    """One charge that somebody asked for. Settled, refused or parked, there is an answer for whoever waits for it."""

    request: PaymentInput
    key: str
    tries: int = 0
    is_settled: bool = False
    is_parked: bool = False
    refusal: ApplicationError | None = None

    @property
    def is_answered(self) -> bool:
        return self.is_settled or self.is_parked

    def settle(self, refusal: ApplicationError | None = None) -> None:
        self.is_settled, self.refusal = True, refusal


@dataclass(frozen=True)
class Refundable:
    """Money that has to go back: the order's own payment, or one too many."""

    payment_id: str
    amount_cents: int
    currency: str
    reason: str


class Payments:
    def __init__(self, state: OrderState, stock: Stock, waiting: Waiting) -> None:
        self._state, self._stock, self._waiting = state, stock, waiting
        self._charge: Charge | None = None
        self._unsettled: Charge | None = None
        self._events: deque[tuple[str, PaymentEvent]] = deque()
        self._seen: set[str] = set()
        self._refunded_outside: set[str] = set()
        self.surplus: list[Refundable] = []
        self.on_surplus: Callable[[], None] = lambda: None
        stock.is_charging = lambda: self.is_charging
        waiting.add_inbox(self._can_take_events, self.take_events)

    @property
    def is_charging(self) -> bool:
        return self._charge is not None or self._unsettled is not None

    @property
    def is_parked(self) -> bool:
        """All tries of the charge are spent; another card may be used, once this one is looked up."""
        return self._state.problem is not None and self._state.problem.step == Step.PAYMENT

    @property
    def is_refunded_outside(self) -> bool:
        return self._state.payment.provider_reference in self._refunded_outside

    # ── Card ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def refusal(self, amount_cents: int | None) -> ApplicationError | None:
        return payment_refusal(self._state, self.is_charging and not self.is_parked, amount_cents)

    def submit(self, request: PaymentInput) -> Charge:
        """Hand a card payment in; the main line takes it up."""
        number = self._state.payment.charge_number + 1
        self._state.payment.charge_number = number
        self._charge = Charge(request, f"{self._state.order.order_id}:charge:{number}")
        return self._charge

    @property
    def has_charge(self) -> bool:
        return self._charge is not None and self._charge is not self._unsettled

    async def run_charge(self, deadline: datetime) -> None:
        """Charge until the gateway says yes or no, the window closes, or something else decides."""
        charge = self._charge
        assert charge is not None
        async with self._stock.lock:
            # A change of the lines that was under way is done now, and new ones are refused: the total stands.
            refusal = payment_refusal(self._state, False, charge.request.amount_cents)
        if refusal is None and self._unsettled is not None:
            await self.settle()
            refusal = payment_refusal(self._state, False, charge.request.amount_cents)
        if refusal is not None:
            self._charge = None
            charge.settle(refusal)
            return
        self._start(charge)
        while not charge.is_settled:
            error = await self._try(charge)
            if error is None or not await self._wait_for_next_try(charge, error, deadline):
                return

    def _start(self, charge: Charge) -> None:
        state, amount = self._state, charge.request.amount_cents
        state.problem = None
        state.payment = PaymentView(
            status=PaymentStatus.PROCESSING,
            amount_cents=amount,
            max_attempts=state.policy.payment_attempts,
            method=charge.request.payment_method,
            charge_number=state.payment.charge_number,
        )
        state.stage = OrderStage.PAYMENT
        state.reached.setdefault(OrderStage.PAYMENT, state.now)
        text = f"Payment of {money(amount, state.order.currency)} by {charge.request.payment_method} started."
        state.record(TimelineKind.PAYMENT_STARTED, text, by=charge.request.by, amount_cents=amount)

    async def _try(self, charge: Charge) -> str | None:
        """One try. The error when its outcome is unknown, else None: it was settled, one way or the other."""
        state = self._state
        charge.tries += 1
        state.payment.status, state.payment.attempt = PaymentStatus.PROCESSING, charge.tries
        state.payment.next_attempt_at = None
        state.touch()
        self._unsettled = charge
        try:
            result = await effects.charge_payment(self._charge_request(charge), charge.tries)
        except ActivityError as error:
            cause = error.cause
            if not isinstance(cause, ApplicationError) or cause.type == effects.TRANSIENT_ERROR:
                return _text(error)
            self._unsettled = None
            self._decline(charge, cause)
            return None
        self._unsettled = None
        self._charged(charge, result)
        return None

    def _charge_request(self, charge: Charge) -> ChargeRequest:
        return ChargeRequest(
            order_id=self._state.order.order_id,
            idempotency_key=charge.key,
            amount_cents=charge.request.amount_cents,
            currency=self._state.order.currency,
            payment_method=charge.request.payment_method,
            card_token=charge.request.card_token,
        )

    async def _wait_for_next_try(self, charge: Charge, error: str, deadline: datetime) -> bool:
        """False when something else came first: another card, a payment by another way, or the window's end."""
        state, policy, retries = self._state, self._state.policy, self._waiting.retries
        state.payment.status, state.payment.last_error = PaymentStatus.UNKNOWN, error
        retries.discard(Step.PAYMENT)
        next_at = None
        if charge.tries >= policy.payment_attempts:
            text = f"Try {charge.tries} failed: {error} No more tries by itself."
            state.record(TimelineKind.PAYMENT_FAILED, text, amount_cents=charge.request.amount_cents)
            state.park(Step.PAYMENT, error)
            charge.is_parked = True
        else:
            wait = _backoff(charge.tries, policy.payment_retry_initial_seconds)
            wait = min(wait, timedelta(seconds=policy.payment_retry_maximum_seconds))
            next_at = state.payment.next_attempt_at = state.now + wait
            state.count_down(
                RETRY_COUNTDOWN,
                "Next payment attempt",
                next_at,
                "All tries share one key, so the card can be charged once only.",
            )
            seconds = int(wait.total_seconds())
            text = f"Try {charge.tries} of {policy.payment_attempts} failed: {error} Next try after {seconds} s."
            state.record(TimelineKind.PAYMENT_RETRY, text)
        try:
            again = await self._waiting.until(
                lambda: Step.PAYMENT in retries or self.has_charge or state.is_paid,
                deadline=min(deadline, next_at) if next_at else deadline,
                summary="Next payment attempt",
            )
        finally:
            state.stop_countdown(RETRY_COUNTDOWN)
            state.payment.next_attempt_at = None
        if state.is_paid or self.has_charge:
            return False
        if not again and state.now >= deadline:
            return False
        if charge.tries >= policy.payment_attempts:
            charge.tries = 0
        retries.discard(Step.PAYMENT)
        state.unpark()
        return True

    def _charged(self, charge: Charge, result: ChargeResult) -> None:
        if self._charge is charge:
            self._charge = None
        if self._state.is_paid and self._state.payment.provider_reference != result.payment_id:
            self._give_back(Refundable(result.payment_id, result.amount_cents, result.currency, "paid twice"))
        elif not self._state.is_paid:
            self._accept(result.payment_id, result.amount_cents, charge.request.payment_method, charge.request.by)
        charge.settle()

    def _decline(self, charge: Charge, cause: ApplicationError) -> None:
        """The gateway said no for good; the order waits for another card."""
        state = self._state
        self._charge = None
        state.payment.status, state.payment.last_error = PaymentStatus.DECLINED, cause.message
        state.stage = OrderStage.AWAITING_PAYMENT
        amount = charge.request.amount_cents
        state.record(TimelineKind.PAYMENT_DECLINED, f"Payment declined: {cause.message}", amount_cents=amount)
        if cause.type == effects.VALIDATION_ERROR:
            charge.settle(refuse(RefusalCode.VALIDATION, cause.message, field="card_token"))
        else:
            charge.settle(refuse(RefusalCode.CARD_DECLINED, cause.message))

    async def settle(self) -> None:
        """Find out how a charge of unknown outcome ended. A charge that the provider does know counts."""
        charge = self._unsettled
        if charge is None:
            return
        wait = 1
        while not (found := await effects.look_up_charge(charge.key)).settled:
            await workflow.sleep(wait, summary="The provider does not know yet")
            wait = min(wait * 2, 60)
        self._unsettled = None
        if found.charge is not None:
            self._charged(charge, found.charge)
        else:
            if self._charge is charge:
                self._charge = None
            charge.settle(ended(self._state) or refuse(RefusalCode.PAYMENT_FAILED, "The card was not charged."))
            if not self._state.is_paid:
                self._state.payment.status = PaymentStatus.UNPAID
                self._state.touch()

    async def abandon(self) -> None:
        """The order is cancelled: nothing more is charged, and what may have been charged is found out."""
        self._state.stop_countdown(RETRY_COUNTDOWN)
        if self.has_charge and self._charge is not None:
            self._charge.settle(ended(self._state))
            self._charge = None
        await self.settle()

    # ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def accept_manual(self, payment: ManualPaymentInput) -> None:
        async with self._stock.lock:
            if refusal := payment_refusal(self._state, self.is_charging, None):
                raise refusal
            self._accept(f"manual:{payment.reference}", self._state.total_cents, "manual", payment.by)

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
            await self.settle()
            if event.payment_id == state.payment.provider_reference:
                self._seen.add(event.event_id)
                return
            if event.payment_id in self._refunded_outside and (ended(state) or state.is_paid):
                self._seen.add(event.event_id)
                return
            if ended(state) or state.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDED}:
                self._seen.add(event.event_id)
                reason = "paid twice" if not ended(state) else "paid after the order was closed"
                self._give_back(Refundable(event.payment_id, event.amount_cents, event.currency, reason))
                return
            if (event.amount_cents, event.currency) != (state.total_cents, state.order.currency):
                await self._unmatched(event)
                return
            self._seen.add(event.event_id)
            self._accept(event.payment_id, event.amount_cents, "provider", PROVIDER)
        if event.payment_id in self._refunded_outside:
            self._was_refunded()

    def _give_back(self, owed: Refundable) -> None:
        self.surplus.append(owed)
        self.on_surplus()

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

    # ── Paid ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _accept(self, payment_id: str, amount_cents: int, method: str, by: By) -> None:
        state = self._state
        state.payment.status = PaymentStatus.PAID
        state.payment.provider_reference = payment_id
        state.payment.amount_cents = amount_cents
        state.payment.method = method
        state.payment.last_error, state.payment.next_attempt_at = "", None
        state.problem = None
        state.set_status(OrderStatus.PAID)
        state.stop_countdown(WINDOW_COUNTDOWN)
        state.stop_countdown(RETRY_COUNTDOWN)
        state.eta = eta.after_payment(state.policy, state.now, state.now)
        text = f"{money(amount_cents, state.order.currency)} received ({method}, {payment_id.removeprefix('manual:')})."
        state.record(TimelineKind.PAYMENT_RECEIVED, text, by=by, amount_cents=amount_cents)


def _backoff(tries: int, initial_seconds: int) -> timedelta:
    """1 s, 2 s, 4 s … for an initial second."""
    return timedelta(seconds=initial_seconds * 2 ** min(tries - 1, 20))


def _text(error: ActivityError) -> str:
    return error.cause.message if isinstance(error.cause, ApplicationError) else "The gateway's answer is not known."
