"""How an order is paid by card, inside the workflow.

While the outcome of a charge is unknown it is looked up before anything that would follow from "not charged".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from orders.contract import (
    ChargeRequest,
    ChargeResult,
    OrderStage,
    PaymentInput,
    PaymentStatus,
    PaymentView,
    RefusalCode,
    Step,
    TimelineKind,
)
from orders.process import effects
from orders.process.parked import Owner
from orders.process.refusals import ended, payment_refusal, refuse
from orders.process.state import OrderState
from orders.process.stock import Stock
from orders.process.till import RETRY_COUNTDOWN, Refundable, Till
from orders.process.waiting import Waiting
from temporal_worker.money import money


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


class CardPayments:
    """One charge at a time, on the workflow's main line; message handlers only hand in."""

    def __init__(self, state: OrderState, stock: Stock, waiting: Waiting, till: Till) -> None:
        self._state, self._stock, self._waiting, self._till = state, stock, waiting, till
        self._charge: Charge | None = None
        self._unsettled: Charge | None = None
        stock.is_charging = lambda: self.is_charging

    @property
    def is_charging(self) -> bool:
        return self._charge is not None or self._unsettled is not None

    @property
    def is_parked(self) -> bool:
        """All tries of the charge are spent; another card may be used, once this one is looked up."""
        return self._state.parked.is_at(Step.PAYMENT)

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
        state.parked.drop(Owner.MAIN_LINE)
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
            state.parked.park(Step.PAYMENT, error)
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
        state.parked.go_on()
        return True

    def _charged(self, charge: Charge, result: ChargeResult) -> None:
        if self._charge is charge:
            self._charge = None
        if self._state.is_paid and self._state.payment.provider_reference != result.payment_id:
            self._till.give_back(Refundable(result.payment_id, result.amount_cents, result.currency, "paid twice"))
        elif not self._state.is_paid:
            self._till.accept(result.payment_id, result.amount_cents, charge.request.payment_method, charge.request.by)
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


def _backoff(tries: int, initial_seconds: int) -> timedelta:
    """1 s, 2 s, 4 s … for an initial second."""
    return timedelta(seconds=initial_seconds * 2 ** min(tries - 1, 20))


def _text(error: ActivityError) -> str:
    return error.cause.message if isinstance(error.cause, ApplicationError) else "The gateway's answer is not known."
