"""What may be said to an order while it lives, and what it answers: queries, updates, signals.

Each update refuses in its validator, which costs no history, and asks once more in its handler where something may have come
between the two. What the order does by itself is in ``orders.workflows``.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from orders.contract import (
    By,
    CancellationInput,
    CancellationSignal,
    DeliveryInput,
    Eta,
    ItemInput,
    LineItemSignal,
    ManualPaymentInput,
    OrderInput,
    OrderProgressView,
    OrderView,
    PaymentEvent,
    PaymentInput,
    RetryInput,
    ShipmentInput,
    Step,
    TimelineKind,
    TotalView,
)
from orders.process import refusals
from orders.process.compensation import Compensation
from orders.process.follow_up import Mails, Projection
from orders.process.payment import FAILED, REFUNDED, SUCCEEDED, Payments
from orders.process.shipping import Shipping
from orders.process.state import OrderState
from orders.process.stock import Stock
from orders.process.waiting import Waiting
from temporal_worker.progress import LiveWorkflow


class OrderMessages(LiveWorkflow):
    """The parts of an order, and the messages that reach them."""

    def __init__(self, order: OrderInput) -> None:
        self.state = OrderState(order, workflow.now, self.touch)
        self.resume_version(self.state.version)
        self.waiting = Waiting(self.state)
        self.stock = Stock(self.state, self.waiting)
        self.payments = Payments(self.state, self.stock, self.waiting)
        self.compensation = Compensation(self.state, self.stock, self.payments, self.waiting)
        self.projection = Projection(self.state)
        self.mails = Mails(self.state)
        self.shipping = Shipping(self.state, self.waiting, self.mails)
        self.payments.till.on_surplus = lambda: self.mails.do(self.compensation.refund_surplus())

    # ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def get_status(self) -> str:
        return self.state.shown_status

    @workflow.query
    def get_total(self) -> TotalView:
        return TotalView(self.state.total_cents, self.state.order.currency)

    @workflow.query
    def get_eta(self) -> Eta:
        return self.state.eta

    @workflow.query
    def get_progress(self) -> OrderProgressView:
        return self.state.progress()

    @workflow.query
    def get_order_details(self) -> OrderView:
        return self.state.view()

    # ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.update
    async def add_item(self, change: ItemInput) -> OrderView:
        await self._lines_are_known()
        await self.stock.add(change)
        return self.state.view()

    @add_item.validator
    def validate_add_item(self, change: ItemInput) -> None:
        _raise(
            refusals.items_refusal(self.state, self.payments.card.is_charging) or self.stock.addition_refusal(change)
        )

    @workflow.update
    async def remove_item(self, change: ItemInput) -> OrderView:
        await self._lines_are_known()
        await self.stock.remove(change)
        return self.state.view()

    @remove_item.validator
    def validate_remove_item(self, change: ItemInput) -> None:
        _raise(refusals.items_refusal(self.state, self.payments.card.is_charging) or self.stock.removal_refusal(change))

    @workflow.update
    async def process_payment(self, payment: PaymentInput) -> OrderView:
        """Answers when the card is charged or declined; a gateway that takes longer is followed on the page."""
        await self._is_payable()
        _raise(self.payments.card.refusal(payment.amount_cents))
        charge = self.payments.card.submit(payment)
        await self.waiting.briefly(lambda: charge.is_answered)
        _raise(charge.refusal)
        return self.state.view()

    @process_payment.validator
    def validate_process_payment(self, payment: PaymentInput) -> None:
        _raise(self.payments.card.refusal(payment.amount_cents))

    @workflow.update
    async def accept_payment(self, payment: ManualPaymentInput) -> OrderView:
        await self._is_payable()
        await self.payments.accept_manual(payment)
        return self.state.view()

    @accept_payment.validator
    def validate_accept_payment(self, payment: ManualPaymentInput) -> None:
        _raise(refusals.payment_refusal(self.state, self.payments.card.is_charging, None))

    @workflow.update
    async def ship(self, shipment: ShipmentInput) -> OrderView:
        _raise(refusals.shipment_refusal(self.state))
        self.shipping.ship(shipment)
        return self.state.view()

    @ship.validator
    def validate_ship(self, shipment: ShipmentInput) -> None:
        _raise(refusals.shipment_refusal(self.state))

    @workflow.update
    async def deliver(self, delivery: DeliveryInput) -> OrderView:
        _raise(refusals.delivery_refusal(self.state))
        self.shipping.deliver(delivery)
        return self.state.view()

    @deliver.validator
    def validate_deliver(self, delivery: DeliveryInput) -> None:
        _raise(refusals.delivery_refusal(self.state))

    @workflow.update
    async def request_cancellation(self, cancellation: CancellationInput) -> OrderView:
        """Answers when the order is made good, or parked for a person, or after a few seconds."""
        _raise(refusals.cancellation_refusal(self.state))
        self.state.cancel(cancellation.reason, cancellation.by)
        await self.waiting.settled()
        return self.state.view()

    @request_cancellation.validator
    def validate_request_cancellation(self, cancellation: CancellationInput) -> None:
        _raise(refusals.cancellation_refusal(self.state))

    @workflow.update
    async def retry_failed_step(self, retry: RetryInput) -> OrderView:
        _raise(refusals.retry_refusal(self.state, retry.step, retry.since))
        if retry.step == Step.REVIEW:
            self.state.record(TimelineKind.REVIEW_PASSED, "Looked at, and released for shipping.", by=retry.by)
        else:
            self.state.record(TimelineKind.STEP_RETRIED, f"Asked to try again: {retry.step}.", by=retry.by)
        self.waiting.retries.add(retry.step)
        self.state.parked.retry(retry.step, retry.since)
        await self.waiting.settled()
        return self.state.view()

    @retry_failed_step.validator
    def validate_retry_failed_step(self, retry: RetryInput) -> None:
        _raise(refusals.retry_refusal(self.state, retry.step, retry.since))

    async def _lines_are_known(self) -> None:
        """Whoever is quicker than the first look at the stock waits for it."""
        await workflow.wait_condition(lambda: self.state.is_short or self.state.stage not in refusals.EARLY)

    async def _is_payable(self) -> None:
        await self._lines_are_known()

    # ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────
    # An error raised in a signal would fail the whole order, so what cannot be done is written on the timeline instead.

    @workflow.signal
    def confirm_payment(self, event: PaymentEvent) -> None:
        self.payments.hand_in(SUCCEEDED, event)

    @workflow.signal
    def report_payment_failed(self, event: PaymentEvent) -> None:
        self.payments.hand_in(FAILED, event)

    @workflow.signal
    def report_payment_refunded(self, event: PaymentEvent) -> None:
        self.payments.hand_in(REFUNDED, event)

    @workflow.signal
    async def approve_payment(self, payment: ManualPaymentInput) -> None:
        await self._is_payable()
        try:
            await self.payments.accept_manual(payment)
        except ApplicationError as refusal:
            self._refused("approve_payment", refusal)

    @workflow.signal
    def add_line_item(self, item: LineItemSignal) -> None:
        self.stock.enqueue(item)

    @workflow.signal
    def mark_shipped(self, shipment: ShipmentInput) -> None:
        if refusal := refusals.shipment_refusal(self.state):
            self._refused("mark_shipped", refusal)
        else:
            self.shipping.ship(shipment)

    @workflow.signal
    def mark_delivered(self, delivery: DeliveryInput) -> None:
        if refusal := refusals.delivery_refusal(self.state):
            self._refused("mark_delivered", refusal)
        else:
            self.shipping.deliver(delivery)

    @workflow.signal
    def cancel_order(self, cancellation: CancellationSignal) -> None:
        if refusal := refusals.cancellation_refusal(self.state):
            self._refused("cancel_order", refusal)
        else:
            self.state.cancel(cancellation.reason, By(cancellation.requested_by))

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.state.record(TimelineKind.MESSAGE_REFUSED, f"Message {name} ignored: {problem}"[:500], by=By())

    def _refused(self, name: str, refusal: ApplicationError) -> None:
        self.state.record(TimelineKind.MESSAGE_REFUSED, f"Message {name} ignored: {refusal.message}", by=By())


def _raise(refusal: ApplicationError | None) -> None:
    if refusal is not None:
        raise refusal
