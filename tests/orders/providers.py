"""Payment providers for tests: both implement the interface, neither needs a database."""

from collections import deque

from orders.contract import ChargeLookup, ChargeRequest, ChargeResult, RefundRequest, RefundResult
from orders.payments.base import PaymentProvider, PermanentError, ValidationError


class FakePaymentProvider(PaymentProvider):
    """Behaves as a provider has to, in memory. Exceptions put into ``failures`` are raised by the next calls, in order.

    Those of ``after_booking`` are raised once the charge is booked: it was done, and the caller never heard of it.
    """

    def __init__(self) -> None:
        self.charges: dict[str, ChargeResult] = {}
        self.refunds: dict[str, RefundResult] = {}
        self.failures: deque[Exception] = deque()
        self.after_booking: deque[Exception] = deque()

    def charge(self, request: ChargeRequest) -> ChargeResult:
        if self.failures:
            raise self.failures.popleft()
        booked = self.charges.setdefault(
            request.idempotency_key,
            ChargeResult(f"pay_{len(self.charges) + 1}", request.amount_cents, request.currency),
        )
        if booked.amount_cents != request.amount_cents:
            raise ValidationError("idempotency_key", "was used for another charge")
        if self.after_booking:
            raise self.after_booking.popleft()
        return booked

    def look_up_charge(self, idempotency_key: str) -> ChargeLookup:
        return ChargeLookup(settled=True, charge=self.charges.get(idempotency_key))

    def refund(self, request: RefundRequest) -> RefundResult:
        if self.failures:
            raise self.failures.popleft()
        if request.payment_id not in {charge.payment_id for charge in self.charges.values()}:
            raise PermanentError(f"There is no payment {request.payment_id}.")
        return self.refunds.setdefault(request.idempotency_key, RefundResult(f"re_{len(self.refunds) + 1}"))


class RecordingPaymentProvider(FakePaymentProvider):
    """Remembers what it was asked, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ChargeRequest | RefundRequest | str]] = []

    def charge(self, request: ChargeRequest) -> ChargeResult:
        self.asked.append(("charge", request))
        return super().charge(request)

    def look_up_charge(self, idempotency_key: str) -> ChargeLookup:
        self.asked.append(("look_up_charge", idempotency_key))
        return super().look_up_charge(idempotency_key)

    def refund(self, request: RefundRequest) -> RefundResult:
        self.asked.append(("refund", request))
        return super().refund(request)
