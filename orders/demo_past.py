"""The demo shop's last fortnight: orders that were delivered or cancelled before the demo began.

They are what is left of an order when Temporal's retention has passed: rows, and no workflow. Each was written by the order's
own bookkeeping with the clock put back, so that its page, its timeline and its figures are those of any other order. Their
mails were never sent and are not claimed, and no stock was taken for them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from dashboard.demo_rhythm import Clock, chance_of, moments
from orders import projection
from orders.contract import (
    SYSTEM,
    By,
    DeliveryInput,
    Door,
    OrderInput,
    OrderLine,
    OrderPolicy,
    OrderStage,
    OrderStatus,
    OrderView,
    PaymentStatus,
    ShipmentInput,
    TimelineKind,
)
from orders.demo import CUSTOMERS, PRODUCTS
from orders.models import Order, OrderSettings
from orders.process.follow_up import Mails
from orders.process.shipping import Shipping
from orders.process.state import OrderState, pieces, span
from orders.process.till import Till
from orders.process.waiting import Waiting
from temporal_worker.money import money

WEEK = (22, 24, 20, 19, 17, 8, 5)
"""Orders of a Monday, …, a Sunday."""
OPS = By("ops", Door.WEB)
CARRIERS = (("DHL", "0034 0434 16"), ("PostNord", "PN-4471-"), ("DPD", "0998-33"), ("UPS", "1Z 999 AA1 "))
BY_HAND = ("City courier", "CC-")
"""Delivers within hours: what would otherwise be under way still, with no process to carry it."""
REASONS = (
    "Ordered twice.",
    "Found it in a shop nearby.",
    "The address was wrong; ordered anew.",
    "Changed their mind.",
)


@transaction.atomic
def load_demo_past(now: datetime) -> int:
    """Writes them, if there is no order yet, and returns how many."""
    if Order.objects.exists():
        return 0
    # By their ends, as their rows would have come: the latest events of all orders are found by the order of rows.
    views = sorted(_views(now, OrderSettings.current().to_policy()), key=lambda view: view.timeline[-1].at)
    projection.save_new(views)
    return len(views)


def _views(now: datetime, policy: OrderPolicy) -> Iterator[OrderView]:
    for number, at in enumerate(moments("orders", WEEK, now)):
        view = PastOrder(number, at, policy, chance_of(f"order {at:%Y-%m-%d} {number}")).told(now)
        if view is not None:
            yield view


class PastOrder:
    """One order from its first word to its last."""

    def __init__(self, number: int, at: datetime, policy: OrderPolicy, chance: Random) -> None:
        self._chance, self._clock = chance, Clock(at)
        customer_id, name, email, address = chance.choice(CUSTOMERS)
        order = OrderInput(
            order_id=f"ORD-{at:%Y%m%d-%H%M%S}-{number:04x}",
            customer_id=customer_id,
            customer_email=email,
            customer_name=name,
            shipping_address=address,
            items=_basket(chance),
            policy=policy,
            by=OPS,
        )
        self._state = OrderState(order, self._clock, lambda: None)

    def told(self, now: datetime) -> OrderView | None:
        """None: it could not be over by now, and nothing would carry it on."""
        fate = self._chance.random()
        self._place()
        if fate < 0.03:
            self._is_never_paid()
        elif fate < 0.06:
            self._is_cancelled()
        else:
            self._clock.forward(minutes=self._chance.uniform(1, 50))
            self._is_paid()
            if fate < 0.09:
                self._is_refunded()
            else:
                self._gets_to_the_door(now)
        return self._state.view() if self._clock.at < now else None

    def _place(self) -> None:
        state = self._state
        text = f"Order placed for {state.customer_name}: {pieces(state.items)}."
        state.record(TimelineKind.ORDER_PLACED, text, by=OPS, amount_cents=state.total_cents)
        state.enter(OrderStage.ENRICHMENT)
        self._clock.forward(seconds=1)
        state.record(TimelineKind.ORDER_CHECKED, "Inventory and customer checked.")
        state.enter(OrderStage.RESERVE)
        state.record(TimelineKind.STOCK_RESERVED, f"Stock held: {pieces(state.items)}.")
        state.enter(OrderStage.AWAITING_PAYMENT)
        window = span(state.policy.payment_window_seconds)
        state.record(TimelineKind.PAYMENT_WINDOW_OPENED, f"Payment window opened for {window}.")

    def _is_paid(self) -> None:
        state = self._state
        payment_id = f"pay_{self._chance.getrandbits(96):024x}"
        Till(state).accept(payment_id, state.total_cents, "card", OPS)
        state.enter(OrderStage.STATUS_UPDATE)
        state.record(TimelineKind.STATUS_SAVED, "Paid; the warehouse can pack it.")
        state.enter(OrderStage.AWAITING_SHIPMENT)

    def _gets_to_the_door(self, now: datetime) -> None:
        state, chance = self._state, self._chance
        packed, carried = timedelta(hours=chance.uniform(2, 20)), timedelta(hours=chance.uniform(14, 40))
        carrier, tracking = chance.choice(CARRIERS)
        if self._clock.at + packed + carried >= now:
            packed, carried = timedelta(minutes=chance.uniform(15, 60)), timedelta(minutes=chance.uniform(30, 120))
            carrier, tracking = BY_HAND
        shipping = Shipping(state, Waiting(state), Mails(state))
        self._clock.at += packed
        shipping.ship(ShipmentInput(carrier, f"{tracking}{chance.randrange(10**6):06}", by=OPS))
        state.enter(OrderStage.IN_TRANSIT)
        self._clock.at += carried
        shipping.deliver(DeliveryInput(received_by=state.customer_name, by=OPS))
        state.enter(OrderStage.NOTIFY)
        state.enter(OrderStage.COMPLETED)

    def _is_never_paid(self) -> None:
        window = self._state.policy.payment_window_seconds
        self._clock.forward(seconds=window)
        self._state.record(TimelineKind.PAYMENT_WINDOW_CLOSED, f"Not paid within {span(window)}.")
        self._state.cancel(f"not paid within {span(window)}", SYSTEM)
        self._close(OrderStatus.CANCELLED)

    def _is_cancelled(self) -> None:
        self._clock.forward(minutes=self._chance.uniform(5, 90))
        self._state.cancel(self._chance.choice(REASONS), OPS)
        self._close(OrderStatus.CANCELLED)

    def _is_refunded(self) -> None:
        state = self._state
        self._clock.forward(minutes=self._chance.uniform(20, 200))
        state.cancel(self._chance.choice(REASONS), OPS)
        state.payment.status = PaymentStatus.REFUNDED
        state.payment.refund_reference = f"re_{self._chance.getrandbits(96):024x}"
        text = f"{money(state.payment.amount_cents, state.order.currency)} refunded ({state.cancel_reason})."
        state.record(TimelineKind.PAYMENT_REFUNDED, text, amount_cents=state.payment.amount_cents)
        self._close(OrderStatus.REFUNDED)

    def _close(self, status: OrderStatus) -> None:
        """As the compensation does it: what was held goes back, and the order says that it is over."""
        state = self._state
        state.stop_countdown("payment_window")
        state.enter(OrderStage.COMPENSATING)
        state.record(TimelineKind.STOCK_RELEASED, f"Stock released: {pieces(state.items)}.")
        state.set_status(status)
        state.stage = OrderStage.CANCELLED
        by = state.cancellation.by if state.cancellation else SYSTEM
        state.record(TimelineKind.ORDER_CANCELLED, f"Order cancelled: {state.cancel_reason}", by=by)


def _basket(chance: Random) -> list[OrderLine]:
    """One to three products, of small things more pieces; nothing of what is scarce."""
    products = chance.sample([product for product in PRODUCTS if product.stock > 100], chance.choice((1, 1, 2, 2, 3)))
    return [
        OrderLine(
            one.sku, chance.choice((1, 1, 1, 2 if one.unit_price_cents < 20_000 else 1)), one.name, one.unit_price_cents
        )
        for one in products
    ]
