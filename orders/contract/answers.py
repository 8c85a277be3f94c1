"""What an order answers: its state, its timeline, its result."""

from dataclasses import dataclass, field
from datetime import datetime

from orders.contract.lines import OrderLine, Shortage
from orders.contract.words import PaymentStatus, ShippingStatus
from temporal_worker.contract import By


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
