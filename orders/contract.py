"""Names and shapes of the order area's messages: what clients outside the code rely on.

Standard library only (with what all areas share, ``temporal_worker.contract``), so that workflow code, the web side and a
foreign client can import it alike. Money is integer minor units beside an ISO 4217 currency, times are timezone-aware UTC,
durations are seconds. Every field added later has a default.

Each message checks itself in ``check()``: the worker's interceptor calls it before any handler sees the message, the
gateway calls it before anything is sent. It raises :class:`InvalidField`, which names the field.

Annotations are types and not texts (no ``from __future__ import annotations``): Temporal's converter reads them anew for
each object that it decodes, and reading an order took 4.6 ms instead of 1.2 ms.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from temporal_worker.contract import MAX_TEXT as MAX_TEXT
from temporal_worker.contract import SYSTEM as SYSTEM
from temporal_worker.contract import By as By
from temporal_worker.contract import Door as Door
from temporal_worker.contract import InvalidField as InvalidField
from temporal_worker.contract import check_number, check_text

TASK_QUEUE = "order-processing-queue"
WORKFLOW_TYPE = "OrderWorkflow"

MAX_REASON = 2_000
MAX_QUANTITY = 100_000
MAX_CENTS = 10**12

_ORDER_ID = re.compile(r"ORD-\d{8}-\d{6}-[0-9a-z]{4,12}")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


def order_workflow_id(order_id: str) -> str:
    """The workflow id of an order, ``order-<order_id>``."""
    return f"order-{order_id}"


def is_order_id(text: str) -> bool:
    """Whether ``text`` has the form ``ORD-YYYYMMDD-HHMMSS-xxxx``."""
    return _ORDER_ID.fullmatch(text) is not None


class OrderStatus(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    NEEDS_ATTENTION = "needs_attention"

    @property
    def is_final(self) -> bool:
        return self in {OrderStatus.DELIVERED, OrderStatus.CANCELLED, OrderStatus.REFUNDED}


class OrderStage(StrEnum):
    START = "start"
    ENRICHMENT = "enrichment"
    RESERVE = "reserve"
    AWAITING_PAYMENT = "awaiting_payment"
    PAYMENT = "payment"
    STATUS_UPDATE = "status_update"
    AWAITING_SHIPMENT = "awaiting_shipment"
    IN_TRANSIT = "in_transit"
    NOTIFY = "notify"
    COMPLETED = "completed"
    COMPENSATING = "compensating"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    UNPAID = "unpaid"
    PROCESSING = "processing"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class ShippingStatus(StrEnum):
    NOT_SHIPPED = "not_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"


class RefusalCode(StrEnum):
    """Type of the ``ApplicationError`` by which an order says no."""

    VALIDATION = "ValidationError"
    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"
    OUT_OF_STOCK = "out_of_stock"
    NOT_PAYABLE = "not_payable"
    AMOUNT_MISMATCH = "amount_mismatch"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    ALREADY_PAID = "already_paid"
    NOT_PAID = "not_paid"
    ALREADY_SHIPPED = "already_shipped"
    NOT_SHIPPED = "not_shipped"
    ALREADY_DELIVERED = "already_delivered"
    ALREADY_CANCELLED = "already_cancelled"
    CANCELLING = "cancelling"
    ITEMS_FIXED = "items_fixed"
    TOO_MANY_LINES = "too_many_lines"
    UNKNOWN_SKU = "unknown_sku"
    NOT_IN_ORDER = "not_in_order"
    LAST_ITEM = "last_item"
    NOTHING_TO_RETRY = "nothing_to_retry"
    BUSY = "busy"


class Step(StrEnum):
    """Steps that can fail for good and be tried again by a person (``retry_failed_step``)."""

    RESERVE = "reserve"
    PAYMENT = "payment"
    REFUND = "refund"
    RELEASE = "release"


class TimelineKind(StrEnum):
    ORDER_PLACED = "order_placed"
    ORDER_CHECKED = "order_checked"
    ITEM_ADDED = "item_added"
    ITEM_REMOVED = "item_removed"
    ITEM_REFUSED = "item_refused"
    STOCK_RESERVED = "stock_reserved"
    STOCK_SHORT = "stock_short"
    PAYMENT_WINDOW_OPENED = "payment_window_opened"
    PAYMENT_WINDOW_CLOSED = "payment_window_closed"
    PAYMENT_STARTED = "payment_started"
    PAYMENT_RETRY = "payment_retry"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_UNMATCHED = "payment_unmatched"
    PAYMENT_REFUNDED = "payment_refunded"
    REFUND_FAILED = "refund_failed"
    STATUS_SAVED = "status_saved"
    SHIPMENT_LATE = "shipment_late"
    ORDER_SHIPPED = "order_shipped"
    ETA_SLIPPED = "eta_slipped"
    ORDER_DELIVERED = "order_delivered"
    CANCELLATION_REQUESTED = "cancellation_requested"
    ORDER_CANCELLED = "order_cancelled"
    STOCK_RELEASED = "stock_released"
    RELEASE_FAILED = "release_failed"
    STEP_RETRIED = "step_retried"
    MAIL_SENT = "mail_sent"
    MAIL_FAILED = "mail_failed"
    MESSAGE_REFUSED = "message_refused"
    ORDER_REOPENED = "order_reopened"


# ── Messages in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class OrderLine:
    """One line of an order. A name left empty, or a price left at None, is taken from the product when the order starts."""

    sku: str
    quantity: int
    name: str = ""
    unit_price_cents: int | None = None

    @property
    def amount_cents(self) -> int:
        return self.quantity * (self.unit_price_cents or 0)

    def check(self) -> None:
        check_text("sku", self.sku, most=64, required=True)
        check_number("quantity", self.quantity, least=1, most=MAX_QUANTITY)
        check_text("name", self.name)
        if self.unit_price_cents is not None:
            check_number("unit_price_cents", self.unit_price_cents, least=0, most=MAX_CENTS)


@dataclass(frozen=True)
class OrderPolicy:
    """Windows, limits and retry numbers of one order, copied from the admin's settings when it starts."""

    version: int = 0
    payment_window_seconds: int = 24 * 3600
    shipment_window_seconds: int = 24 * 3600
    shipment_reminder_seconds: int = 24 * 3600
    max_lines: int = 50
    max_queued_items: int = 100
    payment_attempts: int = 6
    payment_retry_initial_seconds: int = 1
    payment_retry_maximum_seconds: int = 60
    compensation_attempts: int = 5
    packing_days: int = 1
    transit_days_min: int = 1
    transit_days_max: int = 3

    def check(self) -> None:
        for name in ("payment_window_seconds", "shipment_window_seconds", "shipment_reminder_seconds"):
            check_number(f"policy.{name}", getattr(self, name), least=1, most=366 * 24 * 3600)
        for name in (
            "max_lines",
            "max_queued_items",
            "payment_attempts",
            "payment_retry_initial_seconds",
            "payment_retry_maximum_seconds",
            "compensation_attempts",
        ):
            check_number(f"policy.{name}", getattr(self, name), least=1, most=3600)
        for name in ("packing_days", "transit_days_min", "transit_days_max"):
            check_number(f"policy.{name}", getattr(self, name), least=0, most=365)
        if self.transit_days_max < self.transit_days_min:
            raise InvalidField("policy.transit_days_max", "must not be below transit_days_min")


@dataclass(frozen=True)
class OrderInput:
    """What an order starts from. ``resume`` is set when a closed order wakes again for a late payment."""

    order_id: str
    customer_id: str
    customer_email: str
    items: list[OrderLine]
    currency: str = "USD"
    shipping_address: str = ""
    customer_name: str = ""
    policy: OrderPolicy = field(default_factory=OrderPolicy)
    by: By = field(default_factory=By)
    resume: "OrderView | None" = None

    def check(self) -> None:
        check_text("order_id", self.order_id, most=64, required=True)
        check_text("customer_id", self.customer_id, most=64, required=True)
        check_text("customer_name", self.customer_name)
        check_text("customer_email", self.customer_email, most=254, required=True)
        if not _EMAIL.fullmatch(self.customer_email):
            raise InvalidField("customer_email", "is not an e-mail address")
        check_text("shipping_address", self.shipping_address)
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise InvalidField("currency", "must be a three-letter ISO 4217 code")
        self.policy.check()
        self.by.check()
        if not self.items:
            raise InvalidField("items", "must have at least one line")
        if len(self.items) > self.policy.max_lines:
            raise InvalidField("items", f"must have {self.policy.max_lines} lines at most, has {len(self.items)}")
        seen: set[str] = set()
        for number, line in enumerate(self.items):
            try:
                line.check()
            except InvalidField as error:
                raise InvalidField(f"items.{number}.{error.field}", error.problem) from None
            if line.sku in seen:
                raise InvalidField(f"items.{number}.sku", f"{line.sku} is listed twice")
            seen.add(line.sku)


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
    """``retry_failed_step``; step is one of :class:`Step`."""

    step: str
    by: By = field(default_factory=By)

    def check(self) -> None:
        if self.step not in set(Step):
            raise InvalidField("step", f"must be one of {', '.join(Step)}")
        self.by.check()


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Shortage:
    sku: str
    wanted: int
    available: int


@dataclass(frozen=True)
class Eta:
    """When the order is expected at the door; ``basis`` says in words what the range rests on."""

    earliest: datetime
    latest: datetime
    basis: str
    updated_at: datetime
    slipped: bool = False


@dataclass
class PaymentView:
    """``attempt`` counts the tries of the running charge; ``charge_number`` the charges this order has asked for."""

    status: str = PaymentStatus.UNPAID
    provider_reference: str = ""
    amount_cents: int = 0
    attempt: int = 0
    max_attempts: int = 0
    last_error: str = ""
    next_attempt_at: datetime | None = None
    method: str = ""
    charge_number: int = 0
    refund_reference: str = ""


@dataclass(frozen=True)
class ShipmentView:
    carrier: str
    tracking_number: str
    address: str
    shipped_at: datetime
    delivered_at: datetime | None = None
    received_by: str = ""


@dataclass(frozen=True)
class TimelineEntry:
    """``sequence`` grows by one with each entry of an order and never changes."""

    sequence: int
    at: datetime
    kind: str
    by: By
    text: str
    amount_cents: int | None = None


@dataclass(frozen=True)
class Countdown:
    """A running timer: when it ends, since when it runs, and in words what happens then."""

    name: str
    label: str
    started_at: datetime
    ends_at: datetime
    then: str


@dataclass(frozen=True)
class Problem:
    """Why the order needs a person: the step that stopped, its error, since when."""

    step: str
    error: str
    since: datetime
    retryable: bool = True


@dataclass(frozen=True)
class Enrichment:
    """What the parallel checks at the start found; best effort, so each may be empty."""

    customer_orders: int | None = None
    bought_together: list[str] = field(default_factory=list)


@dataclass
class OrderView:
    """The order as everybody outside sees it: the answer of ``get_order_details`` and of every update."""

    order_id: str
    workflow_id: str
    status: str
    stage: str
    version: int
    currency: str
    total_cents: int
    items: list[OrderLine]
    shortages: list[Shortage]
    eta: Eta | None
    payment: PaymentView
    shipment: ShipmentView | None
    timeline: list[TimelineEntry]
    customer_id: str = ""
    customer_name: str = ""
    customer_email: str = ""
    shipping_address: str = ""
    shipping_status: str = ShippingStatus.NOT_SHIPPED
    placed_at: datetime | None = None
    problem: Problem | None = None
    countdowns: list[Countdown] = field(default_factory=list)
    late: bool = False
    cancel_reason: str = ""
    enrichment: Enrichment = field(default_factory=Enrichment)
    policy_version: int = 0
    actions_version: int = 0
    timeline_total: int = 0
    reached: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class TotalView:
    """``get_total``."""

    total_cents: int
    currency: str


@dataclass(frozen=True)
class OrderProgressView:
    """``get_progress``."""

    status: str
    stage: str
    version: int
    items_count: int
    total_cents: int
    payment_status: str
    shipping_status: str


@dataclass(frozen=True)
class OrderResult:
    """What a finished order's workflow returns."""

    order_id: str
    status: str
    total_cents: int
    currency: str


# ── Activities ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ProductFacts:
    sku: str
    name: str
    unit_price_cents: int
    currency: str
    available: int


@dataclass(frozen=True)
class StockRequest:
    """The whole of what an order wants held. A request older than one already applied changes nothing."""

    order_id: str
    revision: int
    lines: list[OrderLine]


@dataclass(frozen=True)
class StockResult:
    """``held`` is false when a line is short; then this request changed nothing. ``products`` are its lines' facts."""

    held: bool
    shortages: list[Shortage]
    products: list[ProductFacts]
    unknown_skus: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ChargeRequest:
    """``idempotency_key`` is ``<order_id>:charge:<n>``; the provider charges once for it, whatever is retried."""

    order_id: str
    idempotency_key: str
    amount_cents: int
    currency: str
    payment_method: str
    card_token: str = field(repr=False)


@dataclass(frozen=True)
class ChargeResult:
    payment_id: str
    amount_cents: int
    currency: str


@dataclass(frozen=True)
class ChargeLookup:
    """``settled`` is false while the provider itself does not know yet; ``charge`` is None when it did not charge."""

    settled: bool
    charge: ChargeResult | None


@dataclass(frozen=True)
class RefundRequest:
    """``idempotency_key`` is ``<order_id>:refund:<payment_id>``."""

    order_id: str
    idempotency_key: str
    payment_id: str
    amount_cents: int
    currency: str
    reason: str


@dataclass(frozen=True)
class RefundResult:
    refund_id: str


@dataclass(frozen=True)
class UnmatchedPayment:
    """A payment event that the order could not take; kept for a person to replay or settle."""

    order_id: str
    event: PaymentEvent
    kind: str
    reason: str


@dataclass(frozen=True)
class MailRequest:
    """``kind`` names a folder in ``templates/emails/``; one mail of a kind and number is sent per order."""

    kind: str
    order: OrderView
    number: int = 1
