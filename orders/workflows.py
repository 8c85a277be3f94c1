"""The story of an order, from the cart to the doorstep or back.

``run`` reads top down; each step is a method in the order in which it is called. Queries, updates and signals follow. The
parts of a step that are more than a few lines live in ``orders.process``. No Django here: configuration comes in with the
order, effects go out through ``orders.process.effects``.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orders.contract import (
        SYSTEM,
        By,
        CancellationInput,
        CancellationSignal,
        DeliveryInput,
        Enrichment,
        Eta,
        ItemInput,
        LineItemSignal,
        ManualPaymentInput,
        OrderInput,
        OrderProgressView,
        OrderResult,
        OrderStage,
        OrderStatus,
        OrderView,
        PaymentEvent,
        PaymentInput,
        RetryInput,
        ShipmentInput,
        ShipmentView,
        TimelineKind,
        TotalView,
    )
    from orders.process import effects, eta, refusals
    from orders.process.compensation import Compensation
    from orders.process.follow_up import Mails, Projection
    from orders.process.payment import FAILED, REFUNDED, SUCCEEDED, WINDOW_COUNTDOWN, Payments
    from orders.process.state import OrderState, pieces, span
    from orders.process.stock import Stock
    from orders.process.waiting import OrderCancelled, Waiting
    from temporal_worker.progress import LiveWorkflow, carried_through


@workflow.defn
class OrderWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self.state = OrderState(order, workflow.now, self.touch)
        self.resume_version(self.state.version)
        self.waiting = Waiting(self.state)
        self.stock = Stock(self.state, self.waiting)
        self.payments = Payments(self.state, self.stock, self.waiting)
        self.compensation = Compensation(self.state, self.stock, self.payments, self.waiting)
        self.projection = Projection(self.state)
        self.mails = Mails(self.state)
        self.payments.on_surplus = lambda: self.mails.do(self.compensation.refund_surplus())

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await carried_through(self._story(order), self._on_workflow_cancelled)

    async def _story(self, order: OrderInput) -> OrderResult:
        saving = asyncio.create_task(self.projection.keep())
        if order.resume is not None:
            await self._settle_late_payments()
        else:
            self._place(order)
            try:
                await self._enrich()
                await self._reserve_stock()
                await self._await_payment()
                await self._save_status()
                await self._await_shipment()
                await self._await_delivery()
                await self._notify()
            except OrderCancelled:
                await self._compensate()
        result = await self._finish()
        saving.cancel()
        return result

    def current_details(self) -> str:
        state = self.state
        waits = [f"* {one.label}: {one.ends_at:%Y-%m-%d %H:%M} UTC. {one.then}" for one in state.countdowns.values()]
        problem = [f"* Needs a person: {state.problem.error}"] if state.problem else []
        return "\n".join([f"**{state.shown_status}**, at the step {state.stage}", *problem, *waits])

    # ── The steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _place(self, order: OrderInput) -> None:
        who = order.customer_name or order.customer_id
        text = f"Order placed for {who}: {pieces(order.items)}."
        self.state.record(TimelineKind.ORDER_PLACED, text, by=order.by, amount_cents=self.state.total_cents or None)

    async def _enrich(self) -> None:
        """Stock, customer, recommendations, asked at once. Best effort: the order goes on without what fails."""
        self.state.enter(OrderStage.ENRICHMENT)
        skus = [line.sku for line in self.state.items]
        # Orders from before there were recommendations replay without them (tests/histories/orders/0.1.0-first).
        with_recommendations = workflow.patched("recommend-products")
        products, profile, recommended = await asyncio.gather(
            effects.snapshot_inventory(skus),
            effects.load_customer_profile(self.state.order.customer_id),
            effects.recommend_products(skus) if with_recommendations else asyncio.sleep(0, []),
            return_exceptions=True,
        )
        missing = []
        if isinstance(products, BaseException):
            missing.append("the inventory")
        else:
            self.state.take_facts(products)
        if isinstance(profile, BaseException):
            missing.append("the customer")
        else:
            self.state.customer_name = self.state.customer_name or profile.name
        self.state.enrichment = Enrichment(
            customer_orders=None if isinstance(profile, BaseException) else profile.orders,
            bought_together=[] if isinstance(recommended, BaseException) else recommended,
        )
        text = f"Checked without {' and '.join(missing)}: no answer." if missing else "Inventory and customer checked."
        self.state.record(TimelineKind.ORDER_CHECKED, text)

    async def _reserve_stock(self) -> None:
        self.state.enter(OrderStage.RESERVE)
        await self.stock.reserve()
        self.state.eta = eta.before_payment(self.state.policy, self.state.now)
        self.mails.send("order_confirmation")

    async def _await_payment(self) -> None:
        """Until the order is paid, by whatever way; or its window closes and it cancels itself."""
        state, window = self.state, self.state.policy.payment_window_seconds
        state.enter(OrderStage.AWAITING_PAYMENT)
        closes_at = state.now + timedelta(seconds=window)
        state.count_down(
            WINDOW_COUNTDOWN,
            "Payment window closes",
            closes_at,
            f"The order cancels itself: {pieces(state.items)} go back to stock, the customer is told, nothing is charged.",
        )
        state.record(TimelineKind.PAYMENT_WINDOW_OPENED, f"Payment window opened for {span(window)}.")
        await self.payments.take_early()
        while not state.is_paid:
            in_time = await self.waiting.until(
                lambda: state.is_paid or self.payments.has_charge,
                deadline=closes_at,
                summary="Payment window: the order cancels itself",
            )
            if not in_time:
                self._close_payment_window(window)
            elif self.payments.has_charge:
                await self.payments.run_charge(closes_at)

    def _close_payment_window(self, window: int) -> NoReturn:
        self.state.record(TimelineKind.PAYMENT_WINDOW_CLOSED, f"Not paid within {span(window)}.")
        self.state.cancel(f"not paid within {span(window)}", SYSTEM)
        raise OrderCancelled

    async def _save_status(self) -> None:
        """The database knows that the order is paid before anything follows from it."""
        self.state.enter(OrderStage.STATUS_UPDATE)
        await self.projection.saved()
        self.state.record(TimelineKind.STATUS_SAVED, "Paid; the warehouse can pack it.")
        self.mails.send("payment_received")

    async def _await_shipment(self) -> None:
        """Until it is shipped. Not in time: a person is needed, and reminded again and again."""
        state, policy = self.state, self.state.policy
        state.stage = OrderStage.AWAITING_SHIPMENT
        due = state.now + timedelta(seconds=policy.shipment_window_seconds)
        state.count_down("shipment_window", "Ship by", due, "The order needs attention, and operations get a reminder.")
        state.touch()
        reminders = 0
        while not await self.waiting.until(
            lambda: state.shipment is not None, deadline=due, summary="Shipment window: operations are reminded"
        ):
            reminders += 1
            due = state.now + timedelta(seconds=policy.shipment_reminder_seconds)
            self._shipment_is_late(due)
            self.mails.send("shipment_late", reminders)
        state.stop_countdown("shipment_window")
        state.problem = None
        state.enter(OrderStage.IN_TRANSIT)
        await effects.ship_stock(state.order.order_id)
        self.mails.send("order_shipped")

    def _shipment_is_late(self, remind_at: datetime) -> None:
        state = self.state
        state.late = True
        state.eta = eta.shipping_late(state.policy, state.eta, state.now)
        state.count_down("shipment_window", "Next reminder", remind_at, "Operations are reminded to ship it.")
        window = span(state.policy.shipment_window_seconds)
        if state.problem is None:
            state.park("shipment", f"Not shipped within {window} of the payment.", retryable=False)
        state.record(TimelineKind.SHIPMENT_LATE, f"Not shipped within {window}. Operations are reminded.")

    async def _await_delivery(self) -> None:
        """Until it is at the door. An estimate that passes slips to the next working day, and says so."""
        state = self.state
        while not await self.waiting.until(
            lambda: state.status == OrderStatus.DELIVERED,
            deadline=state.eta.latest,
            summary="Expected delivery: the estimate slips a day",
        ):
            state.late = True
            state.eta = eta.delivery_late(state.eta, state.now)
            self._count_down_to_delivery()
            state.record(
                TimelineKind.ETA_SLIPPED, f"Not delivered yet; now expected until {state.eta.latest:%d %b %H:%M} UTC."
            )
        state.stop_countdown("delivery")

    async def _notify(self) -> None:
        self.state.enter(OrderStage.NOTIFY)
        self.mails.send("order_delivered")
        await self.mails.finish()
        self.state.enter(OrderStage.COMPLETED)

    async def _compensate(self) -> None:
        await self.compensation.run()
        self.mails.send("order_cancelled")

    async def _settle_late_payments(self) -> None:
        """The order was closed when the provider said something about its payment: take it up, and close again."""
        self.state.record(TimelineKind.ORDER_REOPENED, "Opened again for a message of the payment provider.")
        await self.payments.take_events()

    async def _finish(self) -> OrderResult:
        """Everything that came in is dealt with and saved; everybody who waits is told."""
        self.waiting.cancellable = False
        finished = False
        while not finished:
            await self.waiting.until(lambda: True)
            await self.mails.finish()
            self.waiting.is_over = True
            await self.drain()
            await self.projection.saved()
            finished = not self.waiting.has_mail
        state = self.state
        return OrderResult(state.order.order_id, state.status, state.total_cents, state.order.currency)

    def _on_workflow_cancelled(self) -> None:
        if refusals.cancellation_refusal(self.state) is None:
            self.state.cancel("cancelled in Temporal", By())

    def _count_down_to_delivery(self) -> None:
        expected: Eta = self.state.eta
        self.state.count_down("delivery", "Expected by", expected.latest, "The estimate slips by a working day.")

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
        _raise(refusals.items_refusal(self.state, self.payments.is_charging) or self.stock.addition_refusal(change))

    @workflow.update
    async def remove_item(self, change: ItemInput) -> OrderView:
        await self._lines_are_known()
        await self.stock.remove(change)
        return self.state.view()

    @remove_item.validator
    def validate_remove_item(self, change: ItemInput) -> None:
        _raise(refusals.items_refusal(self.state, self.payments.is_charging) or self.stock.removal_refusal(change))

    @workflow.update
    async def process_payment(self, payment: PaymentInput) -> OrderView:
        """Answers when the card is charged or declined; a gateway that takes longer is followed on the page."""
        await self._is_payable()
        _raise(self.payments.refusal(payment.amount_cents))
        charge = self.payments.submit(payment)
        await self.waiting.briefly(lambda: charge.is_answered)
        _raise(charge.refusal)
        return self.state.view()

    @process_payment.validator
    def validate_process_payment(self, payment: PaymentInput) -> None:
        _raise(self.payments.refusal(payment.amount_cents))

    @workflow.update
    async def accept_payment(self, payment: ManualPaymentInput) -> OrderView:
        await self._is_payable()
        await self.payments.accept_manual(payment)
        return self.state.view()

    @accept_payment.validator
    def validate_accept_payment(self, payment: ManualPaymentInput) -> None:
        _raise(refusals.payment_refusal(self.state, self.payments.is_charging, None))

    @workflow.update
    async def ship(self, shipment: ShipmentInput) -> OrderView:
        _raise(refusals.shipment_refusal(self.state))
        self._ship(shipment)
        return self.state.view()

    @ship.validator
    def validate_ship(self, shipment: ShipmentInput) -> None:
        _raise(refusals.shipment_refusal(self.state))

    @workflow.update
    async def deliver(self, delivery: DeliveryInput) -> OrderView:
        _raise(refusals.delivery_refusal(self.state))
        self._deliver(delivery)
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
        _raise(refusals.retry_refusal(self.state, retry.step))
        self.state.record(TimelineKind.STEP_RETRIED, f"Asked to try again: {retry.step}.", by=retry.by)
        self.waiting.retries.add(retry.step)
        await self.waiting.settled()
        return self.state.view()

    @retry_failed_step.validator
    def validate_retry_failed_step(self, retry: RetryInput) -> None:
        _raise(refusals.retry_refusal(self.state, retry.step))

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
            self._ship(shipment)

    @workflow.signal
    def mark_delivered(self, delivery: DeliveryInput) -> None:
        if refusal := refusals.delivery_refusal(self.state):
            self._refused("mark_delivered", refusal)
        else:
            self._deliver(delivery)

    @workflow.signal
    def cancel_order(self, cancellation: CancellationSignal) -> None:
        if refusal := refusals.cancellation_refusal(self.state):
            self._refused("cancel_order", refusal)
        else:
            self.state.cancel(cancellation.reason, By(cancellation.requested_by))

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.state.record(TimelineKind.MESSAGE_REFUSED, f"Message {name} ignored: {problem}"[:500], by=By())

    # ── What updates and signals share ───────────────────────────────────────────────────────────────────────────────

    def _ship(self, shipment: ShipmentInput) -> None:
        state = self.state
        address = shipment.address or state.order.shipping_address
        state.shipment = ShipmentView(shipment.carrier, shipment.tracking_number, address, shipped_at=state.now)
        state.set_status(OrderStatus.SHIPPED)
        state.problem = None
        state.eta = eta.after_shipment(state.policy, state.now, state.now)
        self._count_down_to_delivery()
        text = f"Shipped with {shipment.carrier}, tracking number {shipment.tracking_number}."
        state.record(TimelineKind.ORDER_SHIPPED, text, by=shipment.by)

    def _deliver(self, delivery: DeliveryInput) -> None:
        state, shipment = self.state, self.state.shipment
        assert shipment is not None
        at = delivery.delivered_at or state.now
        state.shipment = ShipmentView(
            shipment.carrier, shipment.tracking_number, shipment.address, shipment.shipped_at, at, delivery.received_by
        )
        state.set_status(OrderStatus.DELIVERED)
        state.eta = eta.delivered(at, state.now)
        state.stop_countdown("delivery")
        who = f", received by {delivery.received_by}" if delivery.received_by else ""
        state.record(TimelineKind.ORDER_DELIVERED, f"Delivered{who}.", by=delivery.by)

    def _refused(self, name: str, refusal: ApplicationError) -> None:
        self.state.record(TimelineKind.MESSAGE_REFUSED, f"Message {name} ignored: {refusal.message}", by=By())


def _raise(refusal: ApplicationError | None) -> None:
    if refusal is not None:
        raise refusal
