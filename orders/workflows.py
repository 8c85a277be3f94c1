"""The story of an order, from the cart to the doorstep or back.

``run`` reads top down; each step is a method in the order in which it is called. The parts of a step that are more than a few
lines live in ``orders.process``; what may be said to an order meanwhile, in ``orders.process.messages``. No Django here:
configuration comes in with the order, effects go out through ``orders.process.effects``.
"""

import asyncio
from datetime import timedelta
from typing import NoReturn

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orders.contract import SYSTEM, By, Enrichment, OrderInput, OrderResult, OrderStage, TimelineKind
    from orders.process import effects, eta, refusals
    from orders.process.messages import OrderMessages
    from orders.process.state import pieces, span
    from orders.process.till import WINDOW_COUNTDOWN
    from orders.process.waiting import OrderCancelled
    from temporal_worker.progress import carried_through


@workflow.defn
class OrderWorkflow(OrderMessages):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await carried_through(self._story(order), self._on_workflow_cancelled)

    async def _story(self, order: OrderInput) -> OrderResult:
        saving = asyncio.create_task(self.projection.keep())
        if order.resume is not None:
            await self._settle_late_payments()
        else:
            # Asked of those alone that a limit holds for: whatever began without one replays as it is.
            self.state.reviews_large = self.state.policy.review_above_cents is not None and workflow.patched(
                "large-orders-are-released"
            )
            self._place(order)
            try:
                await self._enrich()
                await self._reserve_stock()
                await self._await_payment()
                await self._save_status()
                await self.shipping.await_release()
                await self.shipping.await_shipment()
                await self.shipping.await_delivery()
                await self._notify()
            except OrderCancelled:
                await self._compensate()
        result = await self._finish()
        saving.cancel()
        return result

    def current_details(self) -> str:
        state = self.state
        waits = [f"* {one.label}: {one.ends_at:%Y-%m-%d %H:%M} UTC. {one.then}" for one in state.countdowns.values()]
        problem = [f"* Needs a person: {state.parked.shown.error}"] if state.parked.shown else []
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
                lambda: state.is_paid or self.payments.card.has_charge,
                deadline=closes_at,
                summary="Payment window: the order cancels itself",
            )
            if not in_time:
                self._close_payment_window(window)
            elif self.payments.card.has_charge:
                await self.payments.card.run_charge(closes_at)

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
