"""Cancelled and made good, whatever happens at once."""

import asyncio
from itertools import permutations

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from orders.contract import OrderPolicy, PaymentEvent
from orders.process.effects import EarlyPayment
from temporal_worker.money import money
from tests.workflows.conftest import Desk, RunningOrder, kinds, open_desk
from tests.workflows.shop import FakeShop, declined, transient

SIGNALS = {"paid": "confirm_payment", "failed": "report_payment_failed", "refunded": "report_payment_refunded"}


async def provider_says(
    order: RunningOrder, what: str, *, payment: str = "pay_web", cents: int | None = None, **more: str
) -> None:
    total = (await order.view()).total_cents if cents is None else cents
    event = {"event_id": f"evt_{what}_{payment}", "payment_id": payment, "amount_cents": total, "currency": "USD"}
    await order.signal(SIGNALS[what], **{**event, **more})


class TestCancelOrder:
    async def test_unpaid_releases_the_stock(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        await order.until_stage("awaiting_payment")
        view = await order.update("request_cancellation", reason="changed my mind")
        assert view.status == "cancelled"
        assert (await order.handle.result()).status == "cancelled"
        assert shop.stock["LAPTOP-001"] == 100
        assert shop.net_cents == 0
        assert "payment_refunded" not in kinds(await order.view())

    async def test_paid_is_refunded_before_the_stock_is_released(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        await order.pay()
        view = await order.update("request_cancellation", reason="too late", by={"username": "ops", "door": "web"})
        assert (view.status, view.payment.status) == ("refunded", "refunded")
        await order.handle.result()
        final = await order.view()
        undone = [k for k in kinds(final) if k in {"payment_refunded", "stock_released", "order_cancelled"}]
        assert undone == ["payment_refunded", "stock_released", "order_cancelled"]
        assert final.timeline[[*kinds(final)].index("cancellation_requested")].by.username == "ops"
        assert shop.net_cents == 0

    async def test_shipped_is_refused(self, desk: Desk) -> None:
        order = await desk.place()
        await order.pay()
        await order.ship()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.update("request_cancellation", reason="no")
        assert refused.value.cause.type == "already_shipped"
        await order.signal("cancel_order", reason="no", requested_by="me")
        assert "message_refused" in kinds(await order.until(lambda v: "message_refused" in kinds(v)))

    async def test_by_signal_and_by_temporal(self, desk: Desk) -> None:
        for cancel in ("signal", "workflow"):
            order = await desk.place()
            await order.pay()
            if cancel == "signal":
                await order.signal("cancel_order", reason="no", requested_by="me")
            else:
                await order.handle.cancel()
            assert (await order.handle.result()).status == "refunded"

    async def test_before_the_stock_is_held(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        await order.update("request_cancellation", reason="quick")
        assert (await order.handle.result()).status == "cancelled"
        assert shop.stock["LAPTOP-001"] == 100

    async def test_a_failing_refund_parks_until_somebody_retries(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place(policy=OrderPolicy(compensation_attempts=1))
        await order.pay()
        shop.refund_errors = [declined("refused by the gateway"), transient()]
        view = await order.update("request_cancellation", reason="no")
        assert (view.status, view.problem.step) == ("needs_attention", "refund")
        assert shop.stock["LAPTOP-001"] == 99
        view = await order.update("retry_failed_step", step="refund")
        assert view.problem is not None
        view = await order.update("retry_failed_step", step="refund")
        assert view.status == "refunded"
        assert shop.stock["LAPTOP-001"] == 100

    async def test_money_paid_by_hand_is_confirmed_by_hand(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        await order.update("accept_payment", approved_by="ops", reference="BANK-7")
        view = await order.update("request_cancellation", reason="no")
        assert (view.status, view.problem.step) == ("needs_attention", "refund")
        assert (await order.update("retry_failed_step", step="refund")).status == "refunded"
        assert shop.calls["refund_payment"] == 0

    async def both_stopped(self, desk: Desk, shop: FakeShop) -> RunningOrder:
        """Paid by hand and by card, and cancelled: what came in by hand waits for a person, and so does the card's refund."""
        order = await desk.place()
        paid = await order.update("accept_payment", approved_by="ops", reference="BANK-7")
        await order.until_stage("awaiting_shipment")
        shop.refund_errors, shop.refunding = [declined("refused by the gateway")], asyncio.Event()
        await provider_says(order, "paid", cents=paid.total_cents)
        await order.until(lambda view: "payment_unmatched" in kinds(view))
        await order.update("request_cancellation", reason="no")
        shop.refunding.set()
        await order.until(lambda view: kinds(view).count("refund_failed") == 2)
        return order

    async def test_a_retry_wakes_one_of_two_refunds(self, desk: Desk, shop: FakeShop) -> None:
        order = await self.both_stopped(desk, shop)
        total = (await order.view()).total_cents
        assert "paid by hand" in (await order.view()).problem.error
        view = await order.update("retry_failed_step", step="refund")
        assert [entry.text for entry in view.timeline if entry.kind == "payment_refunded"] == [
            f"{money(total, 'USD')} paid back by hand."
        ]
        assert "refused by the gateway" in view.problem.error
        assert not shop.refunds
        view = await order.update("retry_failed_step", step="refund")
        assert (view.status, view.problem) == ("refunded", None)
        assert (await order.handle.result()).status == "refunded"
        assert shop.refunds == {f"{order.order_id}:refund:pay_web": total}

    async def test_a_retry_that_means_one_refund_never_confirms_the_other(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        paid = await order.update("accept_payment", approved_by="ops", reference="BANK-7")
        await order.until_stage("awaiting_shipment")
        shop.refund_errors = [declined("refused by the gateway")]
        await provider_says(order, "paid", cents=paid.total_cents)
        card = (await order.until(lambda view: view.problem is not None)).problem
        view = await order.update("request_cancellation", reason="no")
        assert "paid by hand" in view.problem.error
        view = await order.update("retry_failed_step", step="refund", since=card.since.isoformat())
        assert "paid by hand" in view.problem.error
        assert shop.refunds == {f"{order.order_id}:refund:pay_web": paid.total_cents}
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.update("retry_failed_step", step="refund", since=card.since.isoformat())
        assert refused.value.cause.type == "nothing_to_retry"
        view = await order.update("retry_failed_step", step="refund", since=view.problem.since.isoformat())
        assert view.status == "refunded"

    async def test_a_charge_of_unknown_outcome_is_looked_up_and_refunded(self, desk: Desk, shop: FakeShop) -> None:
        shop.charge_errors, shop.charges_before_error = [transient()] * 2, True
        order = await desk.place(
            policy=OrderPolicy(payment_retry_initial_seconds=600, payment_retry_maximum_seconds=600)
        )
        await order.start_paying()
        await order.until(lambda v: v.payment.next_attempt_at is not None)
        view = await order.update("request_cancellation", reason="no")
        assert view.status == "refunded"
        assert shop.net_cents == 0
        assert shop.refunds

    @pytest.mark.soak
    async def test_paying_and_cancelling_at_once_is_one_or_the_other(self, desk: Desk, shop: FakeShop) -> None:
        for number in range(20):
            order = await desk.place()
            total = (await order.until_stage("awaiting_payment")).total_cents
            before = shop.net_cents
            pay = order.update("process_payment", payment_method="card", card_token="t", amount_cents=total)
            cancel = order.update("request_cancellation", reason="no")
            await asyncio.gather(*([pay, cancel] if number % 2 else [cancel, pay]), return_exceptions=True)
            view = await order.until(lambda v: v.stage in {"awaiting_shipment", "cancelled"})
            if view.stage == "cancelled":
                assert shop.net_cents == before
            else:
                assert shop.net_cents == before + total


class TestPaymentEvents:
    @pytest.mark.parametrize("order_of_events", list(permutations(["paid", "failed", "refunded"])))
    async def test_end_the_same_in_any_order(
        self, desk: Desk, shop: FakeShop, order_of_events: tuple[str, ...]
    ) -> None:
        order = await desk.place()
        total = (await order.until_stage("awaiting_payment")).total_cents
        for what in order_of_events:
            await provider_says(order, what, cents=total)
        assert (await order.handle.result()).status == "refunded"
        view = await order.view()
        assert (view.payment.status, view.payment.amount_cents) == ("refunded", total)
        assert shop.calls["refund_payment"] == 0
        assert shop.stock["LAPTOP-001"] == 100

    async def test_the_same_event_counts_once(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        total = (await order.until_stage("awaiting_payment")).total_cents
        for _ in range(10):
            await provider_says(order, "paid", cents=total)
        view = await order.until(lambda v: v.stage == "awaiting_shipment")
        assert kinds(view).count("payment_received") == 1
        assert not shop.refunds

    @pytest.mark.parametrize("cents", [1, 10**9, 0])
    async def test_another_amount_never_pays(self, desk: Desk, shop: FakeShop, cents: int) -> None:
        order = await desk.place()
        await order.until_stage("awaiting_payment")
        await provider_says(order, "paid", cents=cents)
        view = await order.until(lambda v: "payment_unmatched" in kinds(v))
        assert view.status == "pending"
        assert [u.event.amount_cents for u in shop.unmatched] == [cents]

    async def test_that_come_before_the_order_are_applied(self, desk: Desk, shop: FakeShop) -> None:
        total = 129_999 + 2 * 2_999
        shop.early = [EarlyPayment("payment.succeeded", PaymentEvent("evt_1", "pay_early", total, "USD"))]
        order = await desk.place()
        view = await order.until(lambda v: v.stage == "awaiting_shipment")
        assert view.payment.provider_reference == "pay_early"

    async def test_a_second_payment_goes_back(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        total = (await order.pay()).total_cents
        await provider_says(order, "paid", payment="pay_again", cents=total)
        await order.until(lambda v: "payment_refunded" in kinds(v))
        assert shop.refunds == {f"{order.order_id}:refund:pay_again": total}
        assert (await order.view()).status == "paid"

    async def test_a_part_that_was_refunded_cancels_nothing(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        paid = await order.pay()
        card, total = paid.payment.provider_reference, paid.total_cents
        for _ in range(3):
            await provider_says(order, "refunded", payment=card, cents=500)
        view = await order.until(lambda v: "payment_refunded" in kinds(v))
        assert (view.status, view.payment.status) == ("paid", "paid")
        assert view.timeline[kinds(view).index("payment_refunded")].text == (
            f"The provider has refunded $5.00 of {money(total, 'USD')}."
        )
        view = await order.update("request_cancellation", reason="no")
        assert (view.status, view.payment.status) == ("refunded", "refunded")
        assert shop.refunds == {f"{order.order_id}:refund:{card}": total - 500}
        assert [unmatched.event.amount_cents for unmatched in shop.unmatched] == [500]

    @pytest.mark.parametrize("paid_at", [0, 1, 2])
    async def test_parts_that_add_up_are_all_of_it(self, desk: Desk, shop: FakeShop, paid_at: int) -> None:
        order = await desk.place()
        total = (await order.until_stage("awaiting_payment")).total_cents
        for number, cents in enumerate((500, total - 500, None)):
            if number == paid_at:
                await provider_says(order, "paid", cents=total)
            if cents is not None:
                await provider_says(order, "refunded", cents=cents, event_id=f"evt_{number}")
        assert (await order.handle.result()).status == "refunded"
        view = await order.view()
        assert (view.payment.status, view.payment.amount_cents) == ("refunded", total)
        assert shop.calls["refund_payment"] == 0
        assert shop.stock["LAPTOP-001"] == 100

    async def test_a_part_that_was_refunded_before_it_was_paid_counts(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        total = (await order.until_stage("awaiting_payment")).total_cents
        await provider_says(order, "refunded", cents=500)
        await provider_says(order, "paid", cents=total)
        await order.until(lambda v: v.stage == "awaiting_shipment" and "payment_refunded" in kinds(v))
        await order.update("request_cancellation", reason="no")
        assert shop.refunds == {f"{order.order_id}:refund:pay_web": total - 500}

    async def test_a_refund_in_another_currency_is_none_of_it(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        paid = await order.pay()
        card = paid.payment.provider_reference
        await provider_says(order, "refunded", payment=card, currency="EUR")
        view = await order.until(lambda v: "payment_unmatched" in kinds(v))
        assert view.status == "paid"
        await order.update("request_cancellation", reason="no")
        assert shop.refunds == {f"{order.order_id}:refund:{card}": paid.total_cents}

    async def test_a_part_after_the_order_was_shipped_leaves_it_paid(self, desk: Desk) -> None:
        order = await desk.place()
        paid = await order.pay()
        await order.ship()
        card, total = paid.payment.provider_reference, paid.total_cents
        await provider_says(order, "refunded", payment=card, cents=500)
        view = await order.until(lambda v: "payment_refunded" in kinds(v))
        assert (view.status, view.payment.status) == ("shipped", "paid")
        await provider_says(order, "refunded", payment=card, cents=total - 500, event_id="evt_rest")
        view = await order.until(lambda v: kinds(v).count("payment_refunded") == 2)
        assert (view.status, view.payment.status) == ("shipped", "refunded")

    async def test_of_a_second_payment_only_what_is_left_goes_back(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        total = (await order.pay()).total_cents
        await provider_says(order, "refunded", payment="pay_again", cents=500)
        await provider_says(order, "paid", payment="pay_again", cents=total)
        await order.until(lambda v: "payment_refunded" in kinds(v))
        assert shop.refunds == {f"{order.order_id}:refund:pay_again": total - 500}
        assert (await order.view()).status == "paid"

    async def test_of_a_second_payment_of_which_nothing_is_left_nothing_goes_back(
        self, desk: Desk, shop: FakeShop
    ) -> None:
        order = await desk.place()
        paid = await order.pay()
        card, total = paid.payment.provider_reference, paid.total_cents
        await order.ship()
        await provider_says(order, "refunded", payment=card, cents=total)
        await provider_says(order, "refunded", payment="pay_again", cents=total)
        await provider_says(order, "paid", payment="pay_again", cents=total)
        await order.update("deliver")
        await order.handle.result()
        assert shop.refunds == {}
        assert kinds(await order.view()).count("payment_refunded") == 1

    async def test_the_provider_confirms_the_card_it_charged(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        view = await order.pay()
        await provider_says(order, "paid", payment=view.payment.provider_reference)
        await order.ship()
        await order.update("deliver")
        await order.handle.result()
        assert not shop.refunds

    async def test_an_order_closed_before_wakes_to_give_late_money_back(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        total = (await order.until_stage("awaiting_payment")).total_cents
        await order.update("request_cancellation", reason="no")
        await order.handle.result()
        closed = await order.view()
        event = {"event_id": "evt_late", "payment_id": "pay_late", "amount_cents": total, "currency": "USD"}
        again = await desk.reopen(order, closed, event)
        assert (await again.handle.result()).status == "refunded"
        view = await again.view()
        assert view.version > closed.version
        assert view.payment.status == "refunded"
        assert shop.refunds == {f"{order.order_id}:refund:pay_late": total}
        assert kinds(view)[: len(kinds(closed))] == kinds(closed)


class TestReplay:
    @pytest.mark.soak
    async def test_every_task_replayed_from_the_start(
        self, time_skipping_env: WorkflowEnvironment, shop: FakeShop
    ) -> None:
        """Without a cache each workflow task replays the whole history: what is not deterministic fails here."""
        shop.charge_errors = [transient(), declined()]
        async with open_desk(time_skipping_env, shop, max_cached_workflows=0) as desk:
            order = await desk.place()
            await order.update("add_item", sku="KEYBOARD-001", quantity=2)
            with pytest.raises(WorkflowUpdateFailedError):
                await order.pay()
            await order.pay()
            await order.update("request_cancellation", reason="no")
            assert (await order.handle.result()).status == "refunded"
