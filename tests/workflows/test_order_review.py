"""Orders above the limit wait for a person between the payment and the door, under time-skipping."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from orders.contract import OrderPolicy, OrderView, PaymentEvent
from orders.process.effects import EarlyPayment
from tests.workflows.conftest import Desk, RunningOrder, kinds
from tests.workflows.shop import FakeShop, declined

TOTAL = 129_999 + 2 * 2_999
BELOW = OrderPolicy(version=1, review_above_cents=TOTAL - 1)
AT = OrderPolicy(version=1, review_above_cents=TOTAL)
NO_LIMIT = OrderPolicy(version=1)


async def held(desk: Desk) -> RunningOrder:
    order = await desk.place(policy=BELOW)
    await order.pay()
    await order.until(lambda view: view.problem is not None)
    return order


async def release(order: RunningOrder) -> OrderView:
    return await order.update("retry_failed_step", step="review", by={"username": "ops", "door": "web"})


class TestReview:
    @pytest.mark.parametrize("policy", [AT, NO_LIMIT])
    async def test_an_order_that_is_not_above_the_limit_goes_on(self, desk: Desk, policy: OrderPolicy) -> None:
        order = await desk.place(policy=policy)
        await order.pay()
        view = await order.until_stage("awaiting_shipment")
        assert (view.status, view.problem) == ("paid", None)
        assert (await order.ship()).status == "shipped"

    async def test_is_held_whatever_way_it_is_paid_and_does_not_ship(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place(policy=BELOW)
        await order.signal("approve_payment", approved_by="ops", reference="BANK-7")
        view = await order.until(lambda view: view.problem is not None)
        assert (view.status, view.stage, view.problem.step) == ("needs_attention", "awaiting_shipment", "review")
        assert view.problem.error == ("$1,359.97 is above $1,359.96: it is not shipped before somebody releases it.")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.ship()
        assert refused.value.cause.type == "awaits_release"
        await order.signal("mark_shipped", carrier="DHL", tracking_number="T-1")
        view = await order.until(lambda view: "message_refused" in kinds(view))
        assert view.shipment is None
        assert not shop.shipped

    async def test_a_release_is_noted_and_starts_the_window(self, skipping_desk: Desk) -> None:
        order = await held(skipping_desk)
        assert (await order.view()).countdowns == []
        await skipping_desk.skip(hours=30)
        assert not (await order.view()).late
        view = await release(order)
        assert (view.status, view.problem, view.late) == ("paid", None, False)
        (passed,) = [entry for entry in view.timeline if entry.kind == "review_passed"]
        assert passed.by.username == "ops"
        (window,) = (await order.until(lambda view: view.countdowns)).countdowns
        assert (window.ends_at - passed.at).total_seconds() == pytest.approx(24 * 3600, abs=2)
        assert view.eta.updated_at >= passed.at
        assert (await order.ship()).status == "shipped"

    async def test_a_second_release_is_refused(self, desk: Desk) -> None:
        order = await held(desk)
        await release(order)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await release(order)
        assert refused.value.cause.type == "nothing_to_retry"

    async def test_is_cancelled_and_the_money_goes_back(self, desk: Desk, shop: FakeShop) -> None:
        order = await held(desk)
        view = await order.update("request_cancellation", reason="not one of ours")
        assert (view.status, shop.net_cents) == ("refunded", 0)
        assert shop.stock["LAPTOP-001"] == 100

    async def test_another_problem_meanwhile_does_not_hide_it(self, desk: Desk, shop: FakeShop) -> None:
        order = await held(desk)
        shop.refund_errors = [declined("refused by the gateway")]
        event = {"event_id": "e2", "payment_id": "pay_twice", "amount_cents": TOTAL, "currency": "USD"}
        await order.signal("confirm_payment", **event)
        await order.until(lambda view: view.problem.step == "refund")
        view = await order.update("retry_failed_step", step="refund")
        assert view.problem.step == "review"
        assert (await release(order)).status == "paid"

    async def test_may_be_released_while_another_problem_stands(self, desk: Desk, shop: FakeShop) -> None:
        order = await held(desk)
        shop.refund_errors = [declined("refused by the gateway")]
        event = {"event_id": "e2", "payment_id": "pay_twice", "amount_cents": TOTAL, "currency": "USD"}
        await order.signal("confirm_payment", **event)
        await order.until(lambda view: view.problem.step == "refund")
        view = await release(order)
        assert view.problem.step == "refund"
        view = await order.update("retry_failed_step", step="refund")
        assert (view.status, view.problem) == ("paid", None)

    async def test_a_refund_that_goes_well_now_is_answered_at_once(self, desk: Desk, shop: FakeShop) -> None:
        order = await held(desk)
        shop.refund_errors = [declined("refused by the gateway")]
        event = {"event_id": "e2", "payment_id": "pay_twice", "amount_cents": TOTAL, "currency": "USD"}
        await order.signal("confirm_payment", **event)
        await order.until(lambda view: view.problem.step == "refund")
        view = await order.update("retry_failed_step", step="refund")
        assert view.problem.step == "review"
        events = [event async for event in order.handle.fetch_history_events()]
        assert not [event for event in events if event.HasField("timer_fired_event_attributes")]

    async def test_a_refund_that_stopped_before_the_review_stays(self, desk: Desk, shop: FakeShop) -> None:
        shop.refund_errors = [declined("refused by the gateway")]
        shop.saves = asyncio.Event()  # the main line waits to be saved until the refund is parked
        # Both were there before the order: it takes them up together, and not the second one after the save.
        events = [PaymentEvent(payment, payment, TOTAL, "USD") for payment in ("pay_1", "pay_2")]
        shop.early = [EarlyPayment("payment.succeeded", event) for event in events]
        order = await desk.place(policy=BELOW)
        await order.until(lambda view: view.problem is not None)
        assert (await order.view()).stage == "status_update"
        shop.saves.set()
        await order.until(lambda view: "review_asked" in kinds(view))
        view = await release(order)
        assert view.problem.step == "refund"
        view = await order.update("retry_failed_step", step="refund")
        assert (view.status, view.problem) == ("paid", None)
        assert shop.refunds == {f"{order.order_id}:refund:pay_2": TOTAL}


class TestStoppedBeside:
    """A payment too many goes back beside the story of the order, and its refund stops."""

    async def stopped(self, desk: Desk, shop: FakeShop, **fields: Any) -> RunningOrder:
        order = await desk.place(**fields)
        await order.pay()
        await order.until_stage("awaiting_shipment")
        shop.refund_errors = [declined("refused by the gateway")]
        event = {"event_id": "e2", "payment_id": "pay_twice", "amount_cents": TOTAL, "currency": "USD"}
        await order.signal("confirm_payment", **event)
        await order.until(lambda view: view.problem is not None)
        return order

    async def test_stands_while_the_order_is_shipped_and_delivered(self, desk: Desk, shop: FakeShop) -> None:
        order = await self.stopped(desk, shop)
        view = await order.ship()
        assert (view.status, view.problem.step) == ("needs_attention", "refund")
        await order.until_stage("in_transit")
        await order.update("deliver")
        view = await order.until_stage("notify")
        assert view.problem.step == "refund"
        view = await order.update("retry_failed_step", step="refund")
        assert (view.status, view.problem) == ("delivered", None)
        assert (await order.handle.result()).status == "delivered"
        assert shop.refunds == {f"{order.order_id}:refund:pay_twice": TOTAL}

    async def test_stands_while_the_order_is_cancelled(self, desk: Desk, shop: FakeShop) -> None:
        order = await self.stopped(desk, shop)
        view = await order.update("request_cancellation", reason="no")
        assert (view.stage, view.status, view.problem.step) == ("cancelled", "needs_attention", "refund")
        view = await order.update("retry_failed_step", step="refund")
        assert (view.status, view.problem) == ("refunded", None)
        assert (await order.handle.result()).status == "refunded"
        assert sorted(shop.refunds) == [f"{order.order_id}:refund:pay_1", f"{order.order_id}:refund:pay_twice"]

    async def test_a_late_shipment_is_noted_behind_it(self, skipping_desk: Desk, shop: FakeShop) -> None:
        order = await self.stopped(skipping_desk, shop)
        await skipping_desk.skip(hours=25)
        view = await order.until(lambda view: view.late)
        assert view.problem.step == "refund"
        view = await order.update("retry_failed_step", step="refund")
        assert view.problem.step == "shipment"
        view = await order.ship()
        assert (view.status, view.problem) == ("shipped", None)

    async def test_hides_a_late_shipment_until_it_is_over(self, skipping_desk: Desk, shop: FakeShop) -> None:
        order = await skipping_desk.place()
        await order.pay()
        await order.until_stage("awaiting_shipment")
        await skipping_desk.skip(hours=25)
        await order.until(lambda view: view.problem is not None)
        shop.refund_errors = [declined("refused by the gateway")]
        event = {"event_id": "e2", "payment_id": "pay_twice", "amount_cents": TOTAL, "currency": "USD"}
        await order.signal("confirm_payment", **event)
        await order.until(lambda view: view.problem.step == "refund")
        view = await order.update("retry_failed_step", step="refund")
        assert view.problem.step == "shipment"
