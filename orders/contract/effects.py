"""What an order's activities are given and answer."""

from dataclasses import dataclass, field

from orders.contract.answers import OrderView
from orders.contract.lines import OrderLine, Shortage
from orders.contract.messages import PaymentEvent


@dataclass(frozen=True)
class ProductFacts:
    sku: str
    name: str
    unit_price_cents: int
    currency: str
    available: int


@dataclass(frozen=True)
class StockRequest:
    """The whole of what an order wants held. A request older than one already applied changes nothing.

    ``currency`` is the order's: what is sold in another is not for sale to it. Left out, all is.
    """

    order_id: str
    revision: int
    lines: list[OrderLine]
    currency: str = ""


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
