"""A payment provider that behaves the same each time: which card does what is written on the card."""

import secrets
import time
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import F

from orders.contract import MAX_CENTS, ChargeLookup, ChargeRequest, ChargeResult, RefundRequest, RefundResult
from orders.models import Order, SandboxCharge, SandboxRefund, WebhookEvent
from orders.payments.base import PaymentProvider, PaymentTransientError, PermanentError, ValidationError
from orders.payments.events import PaymentEventType

FLAKY_TIMEOUTS = 2
LONGEST_PAYMENT_ID = 64


class SandboxCard(StrEnum):
    """The card tokens that the sandbox knows."""

    VISA = "tok_visa"
    """Pays."""
    DECLINED = "tok_declined"
    """Is declined, for good."""
    FLAKY = "tok_flaky"
    """Times out twice, then pays."""
    TIMEOUT_AFTER_CHARGE = "tok_timeout_after_charge"
    """Pays, but the answer is lost: the next ask or a look-up finds the charge."""


class SandboxPaymentProvider(PaymentProvider):
    """Keeps its books in :class:`SandboxCharge` and :class:`SandboxRefund`; ``PAYMENT_SANDBOX_LATENCY`` slows it."""

    def charge(self, request: ChargeRequest) -> ChargeResult:
        _check_amount(request.idempotency_key, request.amount_cents, request.currency)
        _pause()
        charge, is_answered = self._book(request)
        _pause()
        if not is_answered:
            raise PaymentTransientError("The payment gateway did not answer in time.")
        return _result(charge)

    def look_up_charge(self, idempotency_key: str) -> ChargeLookup:
        charge = SandboxCharge.objects.filter(idempotency_key=idempotency_key, is_charged=True).first()
        return ChargeLookup(settled=True, charge=_result(charge) if charge else None)

    def refund(self, request: RefundRequest) -> RefundResult:
        _check_amount(request.idempotency_key, request.amount_cents, request.currency)
        _pause()
        # durable: what the provider did is done, whatever becomes of the caller's transaction.
        with transaction.atomic(durable=True):
            charge = SandboxCharge.objects.select_for_update().filter(payment_id=request.payment_id).first()
            charge = charge or _adopt(request)
            if charge is None or not charge.is_charged:
                raise PermanentError(f"There is no payment {request.payment_id}.")
            if charge.currency != request.currency:
                raise ValidationError("currency", f"must be {charge.currency}, as it was paid")
            refund, is_new = SandboxRefund.objects.get_or_create(
                idempotency_key=request.idempotency_key,
                defaults={
                    "charge": charge,
                    "refund_id": f"re_{secrets.token_hex(12)}",
                    "amount_cents": request.amount_cents,
                },
            )
            if refund.charge_id != charge.pk or refund.amount_cents != request.amount_cents:
                raise ValidationError("idempotency_key", "was used for another refund")
            if is_new:
                self._book_refund(charge, refund)
        _pause()
        return RefundResult(refund.refund_id)

    def _book(self, request: ChargeRequest) -> tuple[SandboxCharge, bool]:
        """The charge of this key, and whether the caller gets to hear of it."""
        with transaction.atomic(durable=True):
            charge = SandboxCharge.objects.select_for_update().filter(idempotency_key=request.idempotency_key).first()
            if charge is None or not charge.is_charged:
                _check_card(request.card_token)
            charge = _open_charge(request.idempotency_key, request.order_id, request.amount_cents, request.currency)
            if charge.is_charged:
                return charge, True
            if request.card_token == SandboxCard.FLAKY and charge.timeouts < FLAKY_TIMEOUTS:
                charge.timeouts += 1
                charge.save(update_fields=["timeouts"])
                return charge, False
            is_answered = request.card_token != SandboxCard.TIMEOUT_AFTER_CHARGE
            charge.is_charged = True
            charge.timeouts += not is_answered
            charge.save(update_fields=["is_charged", "timeouts"])
            return charge, is_answered

    def _book_refund(self, charge: SandboxCharge, refund: SandboxRefund) -> None:
        # The condition, and not the row read above, keeps the sum: SQLite has no row locks.
        is_booked = SandboxCharge.objects.filter(
            pk=charge.pk, amount_cents__gte=F("refunded_cents") + refund.amount_cents
        ).update(refunded_cents=F("refunded_cents") + refund.amount_cents)
        if not is_booked:
            left = charge.amount_cents - charge.refunded_cents
            raise PermanentError(f"Only {left} of {charge.amount_cents} {charge.currency} cents are left to refund.")


def pay_at_checkout(
    idempotency_key: str, order_id: str, amount_cents: int, currency: str, *, is_declined: bool
) -> SandboxCharge:
    """What the hosted checkout books, in the same books, so that it can be refunded. A declined card pays nothing."""
    _check_amount(idempotency_key, amount_cents, currency)
    with transaction.atomic(durable=True):
        charge = _open_charge(idempotency_key, order_id, amount_cents, currency)
        if not is_declined and not charge.is_charged:
            charge.is_charged = True
            charge.save(update_fields=["is_charged"])
        return charge


def _open_charge(idempotency_key: str, order_id: str, amount_cents: int, currency: str) -> SandboxCharge:
    """The one row of an idempotency key, locked; made when there is none. Call it in a transaction.

    Raises:
        ValidationError: the key belongs to another charge.
    """
    charge, _ = SandboxCharge.objects.select_for_update().get_or_create(
        idempotency_key=idempotency_key,
        defaults={
            "payment_id": f"pay_{secrets.token_hex(12)}",
            "order_id": order_id,
            "amount_cents": amount_cents,
            "currency": currency,
        },
    )
    if (charge.order_id, charge.amount_cents, charge.currency) != (order_id, amount_cents, currency):
        raise ValidationError("idempotency_key", "was used for another charge")
    return charge


def _adopt(request: RefundRequest) -> SandboxCharge | None:
    """A payment that was played by hand: by a signed event from ``curl``, or a signal from the Temporal CLI.

    Whoever does that stands in for the provider, so the shop's own records tell what "the provider" has taken.
    """
    told = _told_by_event(request) or _told_by_signal(request)
    if told is None or len(request.payment_id) > LONGEST_PAYMENT_ID:
        return None
    amount_cents, currency = told
    charge, _ = SandboxCharge.objects.select_for_update().get_or_create(
        payment_id=request.payment_id,
        defaults={
            "idempotency_key": f"told:{request.payment_id}",
            "order_id": request.order_id,
            "amount_cents": amount_cents,
            "currency": currency,
            "is_charged": True,
        },
    )
    return charge


def _told_by_event(request: RefundRequest) -> tuple[int, str] | None:
    events = WebhookEvent.objects.filter(
        type=PaymentEventType.SUCCEEDED, order_id=request.order_id, payment_id=request.payment_id
    )
    return events.values_list("amount_cents", "currency").first()


def _told_by_signal(request: RefundRequest) -> tuple[int, str] | None:
    order = Order.objects.filter(order_id=request.order_id).values_list("snapshot", flat=True).first() or {}
    payment = order.get("payment", {})
    if payment.get("provider_reference") != request.payment_id:
        return None
    return payment["amount_cents"], order["currency"]


def _check_amount(idempotency_key: str, amount_cents: int, currency: str) -> None:
    if not 0 < len(idempotency_key) <= 200:
        raise ValidationError("idempotency_key", "must have 1 to 200 characters")
    if not 0 < amount_cents <= MAX_CENTS:
        raise ValidationError("amount_cents", f"must be from 1 to {MAX_CENTS}, is {amount_cents}")
    if len(currency) != 3:
        raise ValidationError("currency", "must be a three-letter ISO 4217 code")


def _check_card(card_token: str) -> None:
    if card_token == SandboxCard.DECLINED:
        raise PermanentError("The card was declined.")
    if card_token not in set(SandboxCard):
        raise ValidationError("card_token", f"is none of the sandbox's cards: {', '.join(SandboxCard)}")


def _result(charge: SandboxCharge) -> ChargeResult:
    return ChargeResult(payment_id=charge.payment_id, amount_cents=charge.amount_cents, currency=charge.currency)


def _pause() -> None:
    if settings.PAYMENT_SANDBOX_LATENCY > 0:
        time.sleep(settings.PAYMENT_SANDBOX_LATENCY)
