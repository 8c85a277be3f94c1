"""A shop in memory that answers the order's activities: it behaves, and a test sets how."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from orders.contract import (
    ChargeLookup,
    ChargeRequest,
    ChargeResult,
    MailRequest,
    OrderView,
    ProductFacts,
    RefundRequest,
    RefundResult,
    Shortage,
    StockRequest,
    StockResult,
    UnmatchedPayment,
)
from orders.process.effects import CustomerProfile, EarlyPayment


def transient(text: str = "The gateway did not answer.") -> ApplicationError:
    return ApplicationError(text, type="PaymentTransientError")


def declined(text: str = "The card was declined.") -> ApplicationError:
    return ApplicationError(text, type="PermanentError")


@dataclass
class FakeShop:
    """``charge_errors`` and the like are taken from the front, one per call; an empty list means success."""

    stock: dict[str, int] = field(default_factory=lambda: {"LAPTOP-001": 100, "MOUSE-001": 100, "KEYBOARD-001": 100})
    prices: dict[str, int] = field(
        default_factory=lambda: {"LAPTOP-001": 129_999, "MOUSE-001": 2_999, "KEYBOARD-001": 7_999}
    )
    currencies: dict[str, str] = field(default_factory=dict)
    """Of what is not sold for US dollars."""
    charge_errors: list[ApplicationError] = field(default_factory=list)
    charges_before_error: bool = False
    refund_errors: list[ApplicationError] = field(default_factory=list)
    refunding: asyncio.Event | None = None
    """Refunds wait for it."""
    saves: asyncio.Event | None = None
    """What is saved once the order is paid waits for it."""
    mails_fail: bool = False
    enrichment_fails: bool = False
    early: list[EarlyPayment] = field(default_factory=list)

    held: dict[str, dict[str, int]] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)
    revisions: dict[str, int] = field(default_factory=dict)
    charges: dict[str, ChargeResult] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    charge_requests: list[ChargeRequest] = field(default_factory=list)
    saved: dict[str, OrderView] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)
    unmatched: list[UnmatchedPayment] = field(default_factory=list)

    @property
    def net_cents(self) -> int:
        return sum(charge.amount_cents for charge in self.charges.values()) - sum(self.refunds.values())

    def activities(self) -> list[Any]:
        return [
            getattr(self, name)
            for name in dir(type(self))
            if hasattr(getattr(self, name), "__temporal_activity_definition")
        ]

    def _facts(self, skus: list[str], currency: str = "") -> list[ProductFacts]:
        known = [sku for sku in skus if sku in self.stock and currency in ("", self._currency(sku))]
        return [ProductFacts(s, f"Product {s}", self.prices[s], self._currency(s), self.stock[s]) for s in known]

    def _currency(self, sku: str) -> str:
        return self.currencies.get(sku, "USD")

    @activity.defn
    async def snapshot_inventory(self, skus: list[str]) -> list[ProductFacts]:
        if self.enrichment_fails:
            raise ApplicationError("no inventory today", non_retryable=True)
        return self._facts(skus)

    @activity.defn
    async def load_customer_profile(self, customer_id: str) -> CustomerProfile:
        if self.enrichment_fails:
            raise ApplicationError("no customers today", non_retryable=True)
        return CustomerProfile("Maren Holt", 7)

    @activity.defn
    async def recommend_products(self, skus: list[str]) -> list[str]:
        if self.enrichment_fails:
            raise ApplicationError("no recommendations today", non_retryable=True)
        return ["KEYBOARD-001"]

    @activity.defn
    async def hold_stock(self, request: StockRequest) -> StockResult:
        self.calls["hold_stock"] += 1
        assert request.revision > self.revisions.get(request.order_id, 0)
        self.revisions[request.order_id] = request.revision
        held = self.held.get(request.order_id, {})
        wanted = {line.sku: line.quantity for line in request.lines}
        sold = [sku for sku in self.stock if request.currency in ("", self._currency(sku))]
        free = {sku: self.stock[sku] + held.get(sku, 0) for sku in sold}
        short = [Shortage(sku, n, free.get(sku, 0)) for sku, n in wanted.items() if free.get(sku, 0) < n]
        facts = self._facts(list(wanted), request.currency)
        if not short:
            self.stock |= {sku: count - wanted.get(sku, 0) for sku, count in free.items()}
            self.held[request.order_id] = wanted
        return StockResult(not short, short, facts, [sku for sku in wanted if sku not in sold])

    @activity.defn
    async def ship_stock(self, order_id: str) -> None:
        self.shipped.add(order_id)

    @activity.defn
    async def collect_early_payments(self, order_id: str) -> list[EarlyPayment]:
        return self.early

    @activity.defn
    async def record_unmatched_payment(self, payment: UnmatchedPayment) -> None:
        self.unmatched.append(payment)

    @activity.defn
    async def charge_payment(self, request: ChargeRequest) -> ChargeResult:
        self.calls["charge_payment"] += 1
        self.charge_requests.append(request)
        if self.charge_errors and not self.charges_before_error:
            raise self.charge_errors.pop(0)
        done = ChargeResult(f"pay_{len(self.charges) + 1}", request.amount_cents, request.currency)
        result = self.charges.setdefault(request.idempotency_key, done)
        if self.charge_errors:
            raise self.charge_errors.pop(0)
        return result

    @activity.defn
    async def look_up_charge(self, idempotency_key: str) -> ChargeLookup:
        self.calls["look_up_charge"] += 1
        return ChargeLookup(True, self.charges.get(idempotency_key))

    @activity.defn
    async def refund_payment(self, request: RefundRequest) -> RefundResult:
        self.calls["refund_payment"] += 1
        if self.refunding is not None:
            await self.refunding.wait()
        if self.refund_errors:
            raise self.refund_errors.pop(0)
        self.refunds[request.idempotency_key] = request.amount_cents
        return RefundResult(f"ref_{request.payment_id}")

    @activity.defn
    async def save_order(self, order: OrderView) -> None:
        if self.saves is not None and order.payment.status == "paid":
            await self.saves.wait()
        self.saved[order.order_id] = order

    @activity.defn
    async def send_order_mail(self, request: MailRequest) -> str:
        if self.mails_fail:
            raise ApplicationError("no mail today")
        self.mails.append(request.kind)
        return request.order.customer_email
