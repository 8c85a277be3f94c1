"""What an order starts from: what is asked for by whom, and the windows and limits that hold for it."""

import re
from dataclasses import dataclass, field

from orders.contract.answers import OrderView
from orders.contract.lines import OrderLine
from orders.contract.words import MAX_CENTS
from temporal_worker.contract import By, InvalidField, check_number, check_text

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


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
    review_above_cents: int | None = None
    """A paid order whose total is above it waits for a person's release; in minor units of the order's currency."""

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
        if self.review_above_cents is not None:
            check_number("policy.review_above_cents", self.review_above_cents, least=0, most=MAX_CENTS)
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
    resume: OrderView | None = None

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
