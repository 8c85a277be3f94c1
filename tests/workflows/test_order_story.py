"""From the cart to the doorstep, under time-skipping."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from orders.contract import OrderPolicy
from tests.workflows.conftest import Desk, kinds
from tests.workflows.shop import FakeShop, declined, transient


class TestHappyPath:
    async def test_an_order_is_reserved_paid_shipped_and_delivered(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place()
        view = await order.pay()
        assert (view.status, view.payment.status, view.payment.attempt) == ("paid", "paid", 1)
        view = await order.ship()
        assert (view.status, view.shipment.carrier) == ("shipped", "DHL")
        view = await order.update("deliver", received_by="Maren")
        assert view.status == "delivered"
        result = await order.handle.result()
        assert result.status == "delivered"
        final = await order.view()
        assert final.stage == "completed"
        assert final.total_cents == 129_999 + 2 * 2_999
        assert shop.net_cents == final.total_cents
        assert shop.stock["MOUSE-001"] == 98
        assert shop.shipped == {order.order_id}
        assert shop.mails == ["order_confirmation", "payment_received", "order_shipped", "order_delivered"]
        expected = ["order_placed", "stock_reserved", "payment_received", "order_shipped", "order_delivered"]
        assert [kind for kind in kinds(final) if kind in expected] == expected
        assert shop.saved[order.order_id].version == final.version
        assert shop.saved[order.order_id].stage == "completed"

    async def test_names_and_prices_left_open_are_the_products(self, desk: Desk) -> None:
        view = await (await desk.place(("LAPTOP-001", 1))).until_stage("awaiting_payment")
        assert [(i.name, i.unit_price_cents) for i in view.items] == [("Product LAPTOP-001", 129_999)]

    async def test_goes_on_without_enrichment_and_mails(self, desk: Desk, shop: FakeShop) -> None:
        shop.enrichment_fails = True
        shop.mails_fail = True
        order = await desk.place()
        await order.pay()
        view = await order.until(lambda v: "mail_failed" in kinds(v))
        assert view.status == "paid"
        assert view.total_cents == 129_999 + 2 * 2_999


class TestPayment:
    async def test_retries_after_one_two_and_four_seconds(self, skipping_desk: Desk, shop: FakeShop) -> None:
        shop.charge_errors = [transient() for _ in range(3)]
        order = await skipping_desk.place()
        await order.start_paying()
        await skipping_desk.skip(seconds=10)
        view = await order.view()
        assert view.payment.status == "paid"
        waits = [e.text.rpartition("after ")[2] for e in view.timeline if e.kind == "payment_retry"]
        assert waits == ["1 s.", "2 s.", "4 s."]
        assert {r.idempotency_key for r in shop.charge_requests} == {f"{order.order_id}:charge:1"}
        assert view.payment.attempt == 4

    async def test_shows_attempt_error_and_next_try(self, desk: Desk, shop: FakeShop) -> None:
        shop.charge_errors = [transient("no answer in 10 s")]
        order = await desk.place()
        await order.start_paying()
        view = await order.until(lambda v: v.payment.next_attempt_at is not None)
        assert (view.payment.attempt, view.payment.last_error) == (1, "no answer in 10 s")
        assert "payment_retry" in {c.name for c in view.countdowns}

    async def test_a_declined_card_leaves_the_order_waiting_for_another(self, desk: Desk, shop: FakeShop) -> None:
        shop.charge_errors = [declined()]
        order = await desk.place()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.pay()
        assert refused.value.cause.type == "card_declined"
        view = await order.view()
        assert (view.status, view.stage, view.payment.status) == ("pending", "awaiting_payment", "declined")
        assert (await order.pay()).status == "paid"
        assert [r.idempotency_key for r in shop.charge_requests] == [
            f"{order.order_id}:charge:1",
            f"{order.order_id}:charge:2",
        ]

    async def test_spent_retries_park_the_order_and_retry_goes_on_with_the_same_key(
        self, desk: Desk, shop: FakeShop
    ) -> None:
        shop.charge_errors = [transient() for _ in range(2)]
        order = await desk.place(policy=OrderPolicy(payment_attempts=2))
        await order.pay()
        view = await order.until(lambda v: v.problem is not None)
        assert (view.status, view.stage, view.problem.step) == ("needs_attention", "payment", "payment")
        view = await order.update("retry_failed_step", step="payment")
        assert view.status == "paid"
        assert len({r.idempotency_key for r in shop.charge_requests}) == 1

    async def test_another_card_is_charged_only_after_the_first_was_looked_up(self, desk: Desk, shop: FakeShop) -> None:
        shop.charge_errors, shop.charges_before_error = [transient()], True
        order = await desk.place(policy=OrderPolicy(payment_attempts=1))
        await order.pay()
        view = await order.until(lambda v: v.problem is not None)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.update(
                "process_payment", payment_method="card", card_token="tok_other", amount_cents=view.total_cents
            )
        assert refused.value.cause.type == "already_paid"
        assert shop.net_cents == view.total_cents
        assert (await order.view()).status == "paid"

    async def test_a_wrong_amount_is_refused(self, desk: Desk) -> None:
        order = await desk.place()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.pay(amount_cents=1)
        assert refused.value.cause.type == "amount_mismatch"

    async def test_the_token_is_in_no_query(self, desk: Desk, shop: FakeShop) -> None:
        shop.charge_errors = [declined()]
        order = await desk.place()
        with pytest.raises(WorkflowUpdateFailedError):
            await order.pay(card_token="tok_secret_token")
        raw = await order.handle.query("get_order_details")
        assert "tok_secret_token" not in str(raw)

    async def test_manual_payment(self, desk: Desk) -> None:
        order = await desk.place()
        await order.until_stage("awaiting_payment")
        view = await order.update("accept_payment", approved_by="ops", reference="BANK-7")
        assert (view.status, view.payment.method) == ("paid", "manual")

    async def test_manual_payment_by_signal(self, desk: Desk) -> None:
        order = await desk.place()
        await order.signal("approve_payment", approved_by="ops", reference="BANK-7")
        assert (await order.until(lambda v: v.payment.status == "paid")).payment.method == "manual"


class TestItems:
    async def test_added_and_removed_items_keep_the_stock_right(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place(("LAPTOP-001", 1))
        view = await order.update("add_item", sku="MOUSE-001", quantity=3)
        assert shop.stock["MOUSE-001"] == 97
        view = await order.update("remove_item", sku="MOUSE-001", quantity=2)
        assert shop.stock["MOUSE-001"] == 99
        assert view.total_cents == 129_999 + 2_999

    async def test_what_is_sold_in_another_currency_is_none_of_them(self, desk: Desk, shop: FakeShop) -> None:
        shop.currencies["MOUSE-001"] = "EUR"
        order = await desk.place(("LAPTOP-001", 1))
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.update("add_item", sku="MOUSE-001", quantity=1)
        assert refused.value.cause.type == "unknown_sku"
        assert ((await order.view()).total_cents, shop.stock["MOUSE-001"]) == (129_999, 100)

    async def test_an_order_that_was_started_with_two_currencies_waits_for_its_lines_to_be_amended(
        self, desk: Desk, shop: FakeShop
    ) -> None:
        shop.currencies["MOUSE-001"] = "EUR"
        order = await desk.place(("LAPTOP-001", 1), ("MOUSE-001", 1))
        view = await order.until(lambda view: view.problem is not None)
        assert (view.problem.step, [short.sku for short in view.shortages]) == ("reserve", ["MOUSE-001"])
        view = await order.update("remove_item", sku="MOUSE-001", quantity=1)
        assert view.total_cents == 129_999

    async def test_add_line_item_signals_are_drained(self, desk: Desk, shop: FakeShop) -> None:
        order = await desk.place(("LAPTOP-001", 1))
        for _ in range(3):
            await order.signal("add_line_item", sku="MOUSE-001", quantity=1)
        await order.signal("add_line_item", sku="NOPE", quantity=1)
        view = await order.until(lambda v: "item_refused" in kinds(v))
        assert {i.sku: i.quantity for i in view.items} == {"LAPTOP-001": 1, "MOUSE-001": 3}

    async def test_the_queue_is_bounded(self, desk: Desk) -> None:
        order = await desk.place(policy=OrderPolicy(max_queued_items=1), start_signal=None)
        for _ in range(20):
            await order.signal("add_line_item", sku="MOUSE-001", quantity=1)
        view = await order.until(lambda v: v.stage == "awaiting_payment" and not v.shortages)
        assert view.timeline_total < 40

    @pytest.mark.parametrize(
        ("name", "message", "code"),
        [
            ("add_item", {"sku": "NOPE", "quantity": 1}, "unknown_sku"),
            ("add_item", {"sku": "MOUSE-001", "quantity": 1000}, "out_of_stock"),
            ("remove_item", {"sku": "KEYBOARD-001", "quantity": 1}, "not_in_order"),
            ("remove_item", {"sku": "LAPTOP-001", "quantity": 2}, "not_in_order"),
            ("remove_item", {"sku": "LAPTOP-001", "quantity": 1}, "last_item"),
            ("add_item", {"sku": "MOUSE-001", "quantity": 0}, "ValidationError"),
            ("ship", {"carrier": "DHL", "tracking_number": "1"}, "not_paid"),
            ("deliver", {}, "not_shipped"),
            ("retry_failed_step", {"step": "refund"}, "nothing_to_retry"),
        ],
    )
    async def test_refusals_change_nothing(self, desk: Desk, name: str, message: dict, code: str) -> None:
        order = await desk.place(("LAPTOP-001", 1))
        before = await order.until(lambda v: "mail_sent" in kinds(v) and v.stage == "awaiting_payment")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.update(name, **message)
        assert refused.value.cause.type == code
        after = await order.view()
        assert (after.version, after.items) == (before.version, before.items)

    async def test_too_many_lines(self, desk: Desk) -> None:
        order = await desk.place(("LAPTOP-001", 1), policy=OrderPolicy(max_lines=1))
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.update("add_item", sku="MOUSE-001", quantity=1)
        assert refused.value.cause.type == "too_many_lines"


class TestShortage:
    async def test_names_each_line_holds_nothing_and_is_amendable(self, desk: Desk, shop: FakeShop) -> None:
        shop.stock["MOUSE-001"] = 1
        order = await desk.place(("LAPTOP-001", 1), ("MOUSE-001", 2))
        view = await order.until(lambda v: v.status == "needs_attention")
        assert view.stage == "reserve"
        assert [(s.sku, s.wanted, s.available) for s in view.shortages] == [("MOUSE-001", 2, 1)]
        assert shop.stock["LAPTOP-001"] == 100
        assert not view.countdowns  # the payment window does not run
        view = await order.update("remove_item", sku="MOUSE-001", quantity=1)
        view = await order.until_stage("awaiting_payment")
        assert view.status == "pending"
        assert not view.shortages
        assert shop.stock == {"LAPTOP-001": 99, "MOUSE-001": 0, "KEYBOARD-001": 100}

    async def test_can_be_tried_again_when_stock_has_come(self, desk: Desk, shop: FakeShop) -> None:
        shop.stock["MOUSE-001"] = 1
        order = await desk.place(("MOUSE-001", 2))
        await order.until(lambda v: v.status == "needs_attention")
        shop.stock["MOUSE-001"] = 5
        assert (await order.update("retry_failed_step", step="reserve")).status == "pending"

    async def test_can_be_cancelled(self, desk: Desk, shop: FakeShop) -> None:
        shop.stock["MOUSE-001"] = 1
        order = await desk.place(("MOUSE-001", 2))
        await order.until(lambda v: v.status == "needs_attention")
        view = await order.update("request_cancellation", reason="no patience")
        assert view.status == "cancelled"
        assert shop.stock["MOUSE-001"] == 1


class TestWindows:
    async def test_an_unpaid_order_cancels_itself(self, skipping_desk: Desk, shop: FakeShop) -> None:
        order = await skipping_desk.place()
        await order.until_stage("awaiting_payment")
        result = await order.handle.result()
        assert result.status == "cancelled"
        final = await order.view()
        window = final.reached["cancelled"] - final.reached["awaiting_payment"]
        assert timedelta(hours=24) <= window < timedelta(hours=24, minutes=1)
        assert shop.stock["LAPTOP-001"] == 100
        assert shop.mails[-1] == "order_cancelled"

    async def test_a_late_shipment_needs_attention_and_reminds_daily(self, skipping_desk: Desk, shop: FakeShop) -> None:
        order = await skipping_desk.place()
        await order.pay()
        promised = (await order.view()).eta.latest
        await skipping_desk.skip(hours=73)
        view = await order.view()
        assert (view.status, view.stage, view.late) == ("needs_attention", "awaiting_shipment", True)
        assert shop.mails.count("shipment_late") == 3
        assert view.eta.slipped
        assert view.eta.latest > promised
        assert (await order.ship()).status == "shipped"

    async def test_an_eta_that_passes_slips(self, skipping_desk: Desk) -> None:
        order = await skipping_desk.place()
        await order.pay()
        promised = (await order.ship()).eta.latest
        await skipping_desk.skip(days=7)
        view = await order.view()
        assert view.eta.latest > promised
        assert view.eta.slipped
        assert "eta_slipped" in kinds(view)
        assert (await order.update("deliver")).status == "delivered"
