"""The state of one order inside its workflow: pure bookkeeping, no effects.

Whoever changes it calls :meth:`OrderState.record` or :meth:`OrderState.touch`, so that ``version`` grows with each change
that a person could see.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from temporalio import workflow

from orders.contract import (
    SYSTEM,
    By,
    CancellationInput,
    Countdown,
    Enrichment,
    OrderInput,
    OrderLine,
    OrderProgressView,
    OrderStage,
    OrderStatus,
    OrderView,
    PaymentStatus,
    PaymentView,
    ProductFacts,
    ShipmentView,
    ShippingStatus,
    Shortage,
    Step,
    TimelineEntry,
    TimelineKind,
    order_workflow_id,
)
from orders.process import eta
from orders.process.parked import Parked

TIMELINE_KEPT = 200
ONE_CURRENCY = "an-order-has-one-currency"
"""Patch, asked where there is another one: before it, a price in any currency was taken for one in the order's."""


class OrderState:
    """``clock`` gives the workflow's time, ``on_change`` is called once for every visible change."""

    def __init__(self, order: OrderInput, clock: Callable[[], datetime], on_change: Callable[[], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self.order = order
        self.policy = order.policy
        self.placed_at = clock()
        self.version = 0
        self.status = OrderStatus.PENDING
        self.stage = OrderStage.START
        self.items: list[OrderLine] = list(order.items)
        self.shortages: list[Shortage] = []
        self.eta = eta.before_payment(order.policy, self.placed_at)
        self.payment = PaymentView()
        self.shipment: ShipmentView | None = None
        self.timeline: list[TimelineEntry] = []
        self.timeline_total = 0
        self.parked = Parked(clock, self.touch)
        self.reviews_large = False
        self.mixes_currencies = False
        self.is_released = False
        self.countdowns: dict[str, Countdown] = {}
        self.late = False
        self.cancellation: CancellationInput | None = None
        self.cancel_reason = ""
        self.enrichment = Enrichment()
        self.customer_name = order.customer_name
        self.reached: dict[str, datetime] = {}
        self.actions_version = 0
        self._actions_key: tuple[object, ...] = ()
        if order.resume is not None:
            self._resume(order.resume)

    def _resume(self, view: OrderView) -> None:
        """Take up a closed order where it was left."""
        self.placed_at = view.placed_at or self.placed_at
        self.version = view.version
        self.status, self.stage = OrderStatus(view.status), OrderStage(view.stage)
        self.items, self.shortages = list(view.items), list(view.shortages)
        self.eta = view.eta or self.eta
        self.payment, self.shipment = view.payment, view.shipment
        self.timeline, self.timeline_total = list(view.timeline), view.timeline_total
        self.late, self.cancel_reason = view.late, view.cancel_reason
        self.enrichment, self.customer_name = view.enrichment, view.customer_name
        self.reached, self.actions_version = dict(view.reached), view.actions_version

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> datetime:
        return self._clock()

    @property
    def total_cents(self) -> int:
        return sum(line.amount_cents for line in self.items)

    @property
    def shown_status(self) -> OrderStatus:
        """The status with ``needs_attention`` laid over it while a person is needed."""
        return OrderStatus.NEEDS_ATTENTION if self.parked.shown else self.status

    @property
    def shipping_status(self) -> ShippingStatus:
        if self.shipment is None:
            return ShippingStatus.NOT_SHIPPED
        return ShippingStatus.DELIVERED if self.shipment.delivered_at else ShippingStatus.SHIPPED

    @property
    def is_paid(self) -> bool:
        return self.payment.status == PaymentStatus.PAID

    @property
    def is_short(self) -> bool:
        return self.parked.is_at(Step.RESERVE)

    @property
    def awaits_release(self) -> bool:
        """Whether it is too large to be shipped before a person has looked at it, and nobody has."""
        limit = self.policy.review_above_cents
        return self.reviews_large and not self.is_released and limit is not None and self.total_cents > limit

    def line(self, sku: str) -> OrderLine | None:
        return next((line for line in self.items if line.sku == sku), None)

    def view(self, timeline_after: int = 0) -> OrderView:
        """The order as outsiders see it, with the timeline's entries after a sequence number (200 at most)."""
        return OrderView(
            order_id=self.order.order_id,
            workflow_id=order_workflow_id(self.order.order_id),
            status=self.shown_status,
            stage=self.stage,
            version=self.version,
            currency=self.order.currency,
            total_cents=self.total_cents,
            items=list(self.items),
            shortages=list(self.shortages),
            eta=self.eta,
            payment=replace(self.payment),
            shipment=self.shipment,
            timeline=[entry for entry in self.timeline if entry.sequence > timeline_after],
            customer_id=self.order.customer_id,
            customer_name=self.customer_name,
            customer_email=self.order.customer_email,
            shipping_address=self.order.shipping_address,
            shipping_status=self.shipping_status,
            placed_at=self.placed_at,
            problem=self.parked.shown,
            countdowns=list(self.countdowns.values()),
            late=self.late,
            cancel_reason=self.cancel_reason,
            enrichment=self.enrichment,
            policy_version=self.policy.version,
            actions_version=self.actions_version,
            timeline_total=self.timeline_total,
            reached=dict(self.reached),
        )

    def progress(self) -> OrderProgressView:
        return OrderProgressView(
            status=self.shown_status,
            stage=self.stage,
            version=self.version,
            items_count=sum(line.quantity for line in self.items),
            total_cents=self.total_cents,
            payment_status=self.payment.status,
            shipping_status=self.shipping_status,
        )

    # ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def touch(self) -> None:
        """Something that a person could see has changed."""
        self.version += 1
        problem = self.parked.shown
        key = (
            self.status,
            self.stage,
            problem and (problem.step, problem.retryable, problem.since),
            self.payment.status,
            self.payment.next_attempt_at is None,
            self.total_cents,
            self.cancellation is None,
        )
        if key != self._actions_key:
            self._actions_key = key
            self.actions_version = self.version
        self._on_change()

    def record(self, kind: TimelineKind, text: str, *, by: By = SYSTEM, amount_cents: int | None = None) -> None:
        """Add an entry to the timeline; counts as a change."""
        self.timeline_total += 1
        self.timeline.append(TimelineEntry(self.timeline_total, self.now, kind, by, text, amount_cents))
        del self.timeline[:-TIMELINE_KEPT]
        self.touch()

    def enter(self, stage: OrderStage) -> None:
        self.stage = stage
        self.reached.setdefault(stage, self.now)
        self.touch()

    def set_status(self, status: OrderStatus) -> None:
        self.status = status
        self.reached.setdefault(status, self.now)

    def cancel(self, reason: str, by: By) -> None:
        """Note that the order is to be cancelled; the workflow's main line makes it good."""
        self.cancellation = CancellationInput(reason, by)
        self.cancel_reason = reason
        self.record(TimelineKind.CANCELLATION_REQUESTED, f"Cancellation: {reason or 'no reason given'}", by=by)

    def count_down(self, name: str, label: str, ends_at: datetime, then: str) -> None:
        self.countdowns[name] = Countdown(name, label, self.now, ends_at, then)

    def stop_countdown(self, name: str) -> None:
        self.countdowns.pop(name, None)

    def take_facts(self, products: list[ProductFacts]) -> None:
        """Fill names and prices that the start left open from the products; a price in another currency is none."""
        facts = {product.sku: product for product in products if self._is_sold_for(product.currency)}
        self.items = [
            replace(
                line,
                name=line.name or facts[line.sku].name,
                unit_price_cents=(
                    facts[line.sku].unit_price_cents if line.unit_price_cents is None else line.unit_price_cents
                ),
            )
            if line.sku in facts
            else line
            for line in self.items
        ]

    def _is_sold_for(self, currency: str) -> bool:
        if currency == self.order.currency:
            return True
        self.mixes_currencies = not workflow.patched(ONE_CURRENCY)
        return self.mixes_currencies

    def with_added(self, sku: str, quantity: int) -> list[OrderLine]:
        """The lines with some pieces more of a product."""
        if self.line(sku) is None:
            return [*self.items, OrderLine(sku, quantity)]
        return [replace(line, quantity=line.quantity + quantity) if line.sku == sku else line for line in self.items]

    def with_removed(self, sku: str, quantity: int) -> list[OrderLine]:
        """The lines with some pieces of a product fewer; a line with none left is gone."""
        fewer = [replace(line, quantity=line.quantity - quantity) if line.sku == sku else line for line in self.items]
        return [line for line in fewer if line.quantity > 0]


def pieces(lines: list[OrderLine]) -> str:
    """``4 pieces in 3 lines``, for people."""
    count = sum(line.quantity for line in lines)
    return f"{count} piece{'s' if count != 1 else ''} in {len(lines)} line{'s' if len(lines) != 1 else ''}"


def span(seconds: int) -> str:
    """A length of time in words: ``24 hours``, ``90 minutes``, ``45 seconds``."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0 and seconds >= size and not (word == "day" and seconds < 2 * size):
            number = seconds // size
            return f"{number} {word}{'s' if number != 1 else ''}"
    return f"{seconds} seconds"
