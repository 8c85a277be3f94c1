"""The gateway with a real server, a real worker and the real activities."""

import pytest
from django.utils import timezone
from temporalio.client import WorkflowExecutionStatus

from orders import gateway, projection
from orders.contract import By, Door, OrderView
from orders.gateway import placing
from orders.models import Order, OrderMail, OrderSettings, Product, SandboxCharge, UnmatchedEvent, WebhookEvent
from temporal_worker import client
from temporal_worker.client import forget_client
from tests.eventually import eventually
from tests.orders.at_once import at_once

OPS = By("ops", Door.WEB)
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(autouse=True)
def _products(worker: None) -> None:
    Product.objects.create(sku="LAPTOP-001", name="Laptop", unit_price_cents=129_999, stock=100)
    Product.objects.create(sku="MOUSE-001", name="Mouse", unit_price_cents=2_999, stock=100)


def place(key: str = "k1", **fields: object) -> OrderView:
    order = {
        "customer_id": "C1",
        "customer_email": "c@example.com",
        "items": [("LAPTOP-001", 1)],
        "by": OPS,
        "key": key,
    }
    return gateway.start_order(**{**order, **fields})  # type: ignore[arg-type]


def until(order_id: str, **fields: object) -> OrderView:
    def reached() -> OrderView | None:
        view = gateway.read_order(order_id).view
        return view if all(getattr(view, name) == value for name, value in fields.items()) else None

    return eventually(reached, timeout=15)


def placed_and_payable(key: str = "k1") -> OrderView:
    return until(place(key).order_id, stage="awaiting_payment")


def pay(view: OrderView, token: str = "tok_visa", key: str = "pay") -> OrderView:
    return gateway.process_payment(
        view.order_id, payment_method="card", card_token=token, amount_cents=view.total_cents, by=OPS, key=key
    )


def provider_event(view: OrderView, kind: str = "succeeded", payment: str = "pay_x", **fields: object) -> WebhookEvent:
    event = {
        "event_id": f"evt_{kind}_{payment}",
        "type": f"payment.{kind}",
        "order_id": view.order_id,
        "payment_id": payment,
        "amount_cents": view.total_cents,
        "currency": "USD",
        "created": timezone.now(),
    }
    return WebhookEvent.objects.create(**{**event, **fields})


def test_an_order_goes_from_the_cart_to_the_doorstep() -> None:
    view = placed_and_payable()
    view = gateway.add_item(view.order_id, sku="MOUSE-001", quantity=2, by=OPS, key="a")
    assert view.total_cents == 129_999 + 2 * 2_999
    assert pay(view).status == "paid"
    gateway.ship(view.order_id, carrier="DHL", tracking_number="T1", by=OPS, key="s")
    gateway.deliver(view.order_id, by=OPS, key="d")
    _await_end(view)
    final = until(view.order_id, stage="completed")
    row = Order.objects.get()
    assert (row.status, row.version, row.tracking_number) == ("delivered", final.version, "T1")
    assert set(OrderMail.objects.exclude(sent_at=None).values_list("kind", flat=True)) == {
        "order_confirmation",
        "payment_received",
        "order_shipped",
        "order_delivered",
    }
    assert Product.objects.get(sku="MOUSE-001").stock == 98
    # The last press of a button, sent again, gets its answer from a workflow that is over by now.
    assert gateway.deliver(view.order_id, by=OPS, key="d").status == "delivered"
    with pytest.raises(gateway.OrderRefused) as refused:
        gateway.deliver(view.order_id, by=OPS, key="another")
    assert refused.value.code == "already_delivered"


def test_an_order_is_in_the_currency_of_its_products_and_takes_no_other() -> None:
    Product.objects.create(sku="LAMP-EU", name="Lampe", unit_price_cents=10_000, currency="EUR", stock=5)
    view = until(place(items=[("LAMP-EU", 1)]).order_id, stage="awaiting_payment")
    assert (view.currency, view.total_cents, Order.objects.get().currency) == ("EUR", 10_000, "EUR")
    with pytest.raises(gateway.OrderRefused) as refused:
        gateway.add_item(view.order_id, sku="MOUSE-001", quantity=1, by=OPS, key="a")
    assert refused.value.code == "unknown_sku"
    assert Product.objects.get(sku="MOUSE-001").stock == 100
    assert pay(view).total_cents == 10_000
    assert SandboxCharge.objects.get().currency == "EUR"
    with pytest.raises(gateway.InvalidRequest, match="same currency"):
        place("both", items=[("LAMP-EU", 1), ("MOUSE-001", 1)])


def test_one_key_is_one_order() -> None:
    views = at_once(20, lambda _: place("same"))
    assert len({view.order_id for view in views}) == 1
    assert Order.objects.count() == 1
    with pytest.raises(gateway.KeyReused):
        place("same", customer_email="other@example.com")
    assert place("other").order_id != views[0].order_id


def test_while_no_orders_are_taken_those_that_were_go_on() -> None:
    view = placed_and_payable()
    settings = OrderSettings.current()
    settings.takes_orders, settings.closed_note = False, "Stocktaking."
    settings.save()
    with pytest.raises(gateway.OrdersClosed) as closed:
        place("another")
    assert (closed.value.code, closed.value.detail) == (
        "orders_closed",
        "No new orders are taken just now. Stocktaking.",
    )
    assert place("k1").order_id == view.order_id
    assert Order.objects.count() == 1
    assert pay(view).status == "paid"
    settings.takes_orders = True
    settings.save()
    assert place("another").order_id != view.order_id


def test_an_order_above_the_limit_is_held_until_somebody_releases_it() -> None:
    settings = OrderSettings.current()
    settings.review_above_cents = 100_000
    settings.save()
    view = placed_and_payable()
    pay(view)
    held = until(view.order_id, status="needs_attention")
    assert held.policy_version == settings.version
    with pytest.raises(gateway.OrderRefused) as refused:
        gateway.ship(view.order_id, carrier="DHL", tracking_number="T1", by=OPS, key="s")
    assert refused.value.code == "awaits_release"
    assert gateway.retry_failed_step(view.order_id, step="review", by=OPS, key="r").status == "paid"


def test_one_key_is_one_item() -> None:
    view = placed_and_payable()
    at_once(20, lambda _: gateway.add_item(view.order_id, sku="MOUSE-001", quantity=1, by=OPS, key="once"))
    items = {item.sku: item.quantity for item in gateway.read_order(view.order_id).view.items}
    assert items == {"LAPTOP-001": 1, "MOUSE-001": 1}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"items": []}, "items"),
        ({"items": [("NOPE", 1)]}, "items.0.sku"),
        ({"items": [("LAPTOP-001", 0)]}, "items.0.quantity"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"customer_id": ""}, "customer_id"),
    ],
)
def test_bad_input_names_the_field_and_leaves_nothing(fields: dict, field: str) -> None:
    with pytest.raises(gateway.InvalidRequest) as problem:
        place(**fields)
    assert problem.value.field == field
    assert not Order.objects.exists()


def test_a_declined_card_is_its_own_problem() -> None:
    view = placed_and_payable()
    with pytest.raises(gateway.CardDeclined):
        pay(view, "tok_declined")
    assert pay(view, key="again").status == "paid"


def test_a_flaky_gateway_charges_once() -> None:
    view = placed_and_payable()
    assert pay(view, "tok_flaky").status == "paid"
    assert SandboxCharge.objects.filter(is_charged=True).count() == 1


def test_a_timeout_after_the_charge_charges_once() -> None:
    view = placed_and_payable()
    assert pay(view, "tok_timeout_after_charge").status == "paid"
    assert SandboxCharge.objects.get().is_charged


def test_a_bad_token_names_its_field() -> None:
    with pytest.raises(gateway.InvalidRequest) as problem:
        pay(placed_and_payable(), "tok_nonsense")
    assert problem.value.field == "card_token"


def test_a_cancelled_paid_order_is_made_good() -> None:
    view = pay(placed_and_payable())
    view = gateway.cancel_order(view.order_id, reason="no", by=OPS, key="c")
    assert view.status == "refunded"
    charge = SandboxCharge.objects.get()
    assert charge.refunded_cents == charge.amount_cents
    assert Product.objects.get(sku="LAPTOP-001").stock == 100


def test_nobody_and_nothing_there() -> None:
    with pytest.raises(gateway.OrderNotFound):
        gateway.read_order("ORD-20260101-000000-0000")
    with pytest.raises(gateway.OrderNotFound):
        gateway.cancel_order("ORD-20260101-000000-0000", reason="", by=OPS, key="c")


class TestPaymentEvents:
    def test_pays_the_order(self) -> None:
        view = placed_and_payable()
        assert gateway.deliver_payment_event(provider_event(view)).state == "delivered"
        assert until(view.order_id, status="paid").payment.provider_reference == "pay_x"

    def test_before_the_order_exists_is_kept_and_applied_when_it_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        order_id = "ORD-20261121-120000-abcd"
        early = OrderView(order_id, "", "", "", 0, "USD", 129_999, [], [], None, None, None, [])  # type: ignore[arg-type]
        event = gateway.deliver_payment_event(provider_event(early))
        assert event.state == "unmatched"
        monkeypatch.setattr(placing, "_new_order_id", lambda: order_id)
        place()
        until(order_id, status="paid")
        assert UnmatchedEvent.objects.get().resolved_at is not None

    def test_a_wrong_amount_is_put_on_the_list_by_the_order(self) -> None:
        view = placed_and_payable()
        gateway.deliver_payment_event(provider_event(view, amount_cents=1))
        unmatched = eventually(UnmatchedEvent.objects.select_related("event").first, timeout=10)
        assert "$0.01" in unmatched.reason
        assert gateway.read_order(view.order_id).view.status == "pending"

    def test_a_late_success_on_a_cancelled_order_is_refunded(self) -> None:
        view = placed_and_payable()
        gateway.cancel_order(view.order_id, reason="no", by=OPS, key="c")
        until(view.order_id, stage="cancelled")
        SandboxCharge.objects.create(
            idempotency_key="checkout", payment_id="pay_x", order_id=view.order_id, amount_cents=view.total_cents,
            currency="USD", is_charged=True,
        )  # fmt: skip
        _await_end(view)
        assert gateway.deliver_payment_event(provider_event(view)).state == "delivered"
        until(view.order_id, status="refunded")
        assert SandboxCharge.objects.get(payment_id="pay_x").refunded_cents == view.total_cents
        kinds = [entry.kind for entry in gateway.read_order(view.order_id).view.timeline]
        assert kinds.count("order_cancelled") == 1
        assert "payment_refunded" in kinds

    def test_late_money_goes_back_whatever_the_settings_allow_by_now(self) -> None:
        view = until(place(items=[("LAPTOP-001", 1), ("MOUSE-001", 1)]).order_id, stage="awaiting_payment")
        gateway.cancel_order(view.order_id, reason="no", by=OPS, key="c")
        _await_end(view)
        settings = OrderSettings.current()
        settings.max_lines = 1
        settings.save()
        SandboxCharge.objects.create(
            idempotency_key="checkout", payment_id="pay_x", order_id=view.order_id, amount_cents=view.total_cents,
            currency="USD", is_charged=True,
        )  # fmt: skip
        gateway.deliver_payment_event(provider_event(view))
        until(view.order_id, status="refunded")

    def test_late_money_of_an_order_that_no_workflow_would_take_is_on_the_list(self) -> None:
        view = placed_and_payable()
        gateway.cancel_order(view.order_id, reason="no", by=OPS, key="c")
        _await_end(view)
        row = Order.objects.get()
        row.snapshot["items"][0]["quantity"] = 100_001
        row.save()
        assert gateway.deliver_payment_event(provider_event(view)).state == "unmatched"
        assert "cannot be opened again: items.0.quantity" in UnmatchedEvent.objects.get().reason


def _await_end(view: OrderView) -> None:
    """Until the workflow itself has ended, not only its story."""

    async def has_ended() -> bool:
        handle = (await client.aget_client()).get_workflow_handle(view.workflow_id)
        return (await handle.describe()).status != WorkflowExecutionStatus.RUNNING

    eventually(lambda: client.call(has_ended()), timeout=10)


def _await_early_payments(view: OrderView) -> None:
    """Until the order has looked in the database for what the provider sent before, as it does when it can be paid."""

    async def has_looked() -> bool:
        handle = (await client.aget_client()).get_workflow_handle(view.workflow_id)
        looks: set[int] = set()
        async for event in handle.fetch_history_events():
            if event.activity_task_scheduled_event_attributes.activity_type.name == "collect_early_payments":
                looks.add(event.event_id)
            if event.activity_task_completed_event_attributes.scheduled_event_id in looks:
                return True
        return False

    eventually(lambda: client.call(has_looked()), timeout=10)


class TestWithoutTemporal:
    def test_an_order_that_was_taken_starts_later(
        self, monkeypatch: pytest.MonkeyPatch, temporal_server: object
    ) -> None:
        with monkeypatch.context() as away:
            away.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
            forget_client()
            with pytest.raises(gateway.Unavailable):
                place("kept")
            row = Order.objects.get()
            assert row.status == Order.STARTING
            reading = gateway.read_order(row.order_id)
            assert (reading.source, reading.view.total_cents) == ("database", 129_999)
            assert reading.reason
            assert gateway.finish_starting_orders() == 0
        forget_client()
        Order.objects.update(placed_at=timezone.now() - 2 * placing.START_AGAIN_AFTER)
        assert gateway.finish_starting_orders() == 1
        until(row.order_id, stage="awaiting_payment")
        assert place("kept").order_id == row.order_id

    def test_a_payment_event_stays_for_the_reconciler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        view = placed_and_payable()
        _await_early_payments(view)
        event = provider_event(view)
        with monkeypatch.context() as away:
            away.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
            forget_client()
            with pytest.raises(gateway.Unavailable):
                gateway.deliver_payment_event(event)
        forget_client()
        event.refresh_from_db()
        assert event.state == "received"
        gateway.deliver_payment_event(event)
        until(view.order_id, status="paid")


def test_a_finished_order_is_read_from_the_database() -> None:
    view = placed_and_payable()
    gateway.cancel_order(view.order_id, reason="no", by=OPS, key="c")
    final = until(view.order_id, stage="cancelled")
    _await_end(view)
    eventually(lambda: projection.load_view(Order.objects.get()).timeline[-1].kind == "mail_sent", timeout=10)
    reading = gateway.read_order(view.order_id)
    assert (reading.source, reading.reason, reading.view.status) == ("database", "", final.status)
