"""What is sent to a running order: its updates and signals."""

from dataclasses import dataclass, field
from datetime import datetime

from orders.contract.words import MAX_CENTS, MAX_QUANTITY, MAX_REASON, Step
from temporal_worker.contract import By, InvalidField, check_number, check_text


@dataclass(frozen=True)
class ItemInput:
    """``add_item`` and ``remove_item``; quantity is the number of pieces added or taken off."""

    sku: str
    quantity: int
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("sku", self.sku, most=64, required=True)
        check_number("quantity", self.quantity, least=1, most=MAX_QUANTITY)
        self.by.check()


@dataclass(frozen=True)
class LineItemSignal:
    """``add_line_item``."""

    sku: str
    quantity: int

    def check(self) -> None:
        check_text("sku", self.sku, most=64, required=True)
        check_number("quantity", self.quantity, least=1, most=MAX_QUANTITY)


@dataclass(frozen=True)
class PaymentInput:
    """``process_payment``. The card token is single-use; it never enters the order's state, timeline or logs."""

    payment_method: str
    card_token: str = field(repr=False)
    amount_cents: int
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("payment_method", self.payment_method, most=32, required=True)
        check_text("card_token", self.card_token, most=200, required=True)
        check_number("amount_cents", self.amount_cents, least=1, most=MAX_CENTS)
        self.by.check()


@dataclass(frozen=True)
class ManualPaymentInput:
    """``accept_payment`` (update) and ``approve_payment`` (signal): paid outside the provider."""

    approved_by: str
    reference: str
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("approved_by", self.approved_by, most=150, required=True)
        check_text("reference", self.reference, most=200, required=True)
        self.by.check()


@dataclass(frozen=True)
class PaymentEvent:
    """``confirm_payment``, ``report_payment_failed``, ``report_payment_refunded``: what the provider's webhook said."""

    event_id: str
    payment_id: str
    amount_cents: int
    currency: str

    def check(self) -> None:
        check_text("event_id", self.event_id, most=200, required=True)
        check_text("payment_id", self.payment_id, most=200, required=True)
        check_number("amount_cents", self.amount_cents, least=0, most=MAX_CENTS)
        check_text("currency", self.currency, most=3, required=True)


@dataclass(frozen=True)
class ShipmentInput:
    """``ship`` and ``mark_shipped``."""

    carrier: str
    tracking_number: str
    address: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("carrier", self.carrier, most=64, required=True)
        check_text("tracking_number", self.tracking_number, most=64, required=True)
        check_text("address", self.address)
        self.by.check()


@dataclass(frozen=True)
class DeliveryInput:
    """``deliver`` and ``mark_delivered``; the time left out means now."""

    delivered_at: datetime | None = None
    received_by: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        if self.delivered_at is not None and self.delivered_at.tzinfo is None:
            raise InvalidField("delivered_at", "must carry a time zone")
        check_text("received_by", self.received_by, most=150)
        self.by.check()


@dataclass(frozen=True)
class CancellationInput:
    """``request_cancellation``."""

    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("reason", self.reason, most=MAX_REASON)
        self.by.check()


@dataclass(frozen=True)
class CancellationSignal:
    """``cancel_order``."""

    reason: str = ""
    requested_by: str = ""

    def check(self) -> None:
        check_text("reason", self.reason, most=MAX_REASON)
        check_text("requested_by", self.requested_by, most=150)


@dataclass(frozen=True)
class RetryInput:
    """``retry_failed_step``; step is one of :class:`Step`.

    More than one thing may wait at a step: ``since``, taken from the view's problem, says which one is meant. Left out, it is
    the one that the view shows, or would show next.
    """

    step: str
    by: By = field(default_factory=By)
    since: datetime | None = None

    def check(self) -> None:
        if self.step not in set(Step):
            raise InvalidField("step", f"must be one of {', '.join(Step)}")
        if self.since is not None and self.since.tzinfo is None:
            raise InvalidField("since", "must carry a time zone")
        self.by.check()
