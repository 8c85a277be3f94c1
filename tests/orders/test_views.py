"""The pages against a gateway that does as it is told; the real one is tried with a real worker elsewhere."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from orders import gateway
from orders.contract import By, Door, OrderStatus, OrderView, PaymentStatus, PaymentView, Problem
from orders.gateway import OrderReading
from orders.models import Customer, OrderEvent, OrderSettings, Product, UnmatchedEvent, WebhookEvent
from tests.orders.orders_of import NOON, ORDER_ID, order_view, saved

PAGE = f"/orders/{ORDER_ID}/"
HTMX = {"HX-Request": "true"}


class RecordingGateway:
    """Answers with ``answer``, or raises ``problem``; remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.reading: OrderReading | Exception = OrderReading(order_view(), "temporal", timezone.now())
        self.problem: Exception | None = None
        self.answer: OrderView = order_view(version=4)

    def read_order(self, order_id: str) -> OrderReading:
        if isinstance(self.reading, Exception):
            raise self.reading
        return self.reading

    def function(self, name: str) -> Any:
        def called(*args: Any, **kwargs: Any) -> OrderView:
            self.calls.append((name, {"order_id": args[0] if args else None, **kwargs}))
            if self.problem:
                raise self.problem
            return self.answer

        return called


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> RecordingGateway:
    recording = RecordingGateway()
    monkeypatch.setattr(gateway, "read_order", recording.read_order)
    for name in (
        "start_order",
        "add_item",
        "remove_item",
        "process_payment",
        "accept_payment",
        "ship",
        "deliver",
        "cancel_order",
        "retry_failed_step",
    ):
        monkeypatch.setattr(gateway, name, recording.function(name))
    return recording


def key_in(html: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', html)
    assert found
    return found.group(1)


@pytest.mark.usefixtures("gate")
class TestRights:
    PAGES = (
        "/orders/",
        "/orders/export/",
        "/orders/new/",
        PAGE,
        f"{PAGE}actions/",
        f"{PAGE}payment/",
        "/orders/unmatched/",
    )

    @pytest.mark.parametrize("address", PAGES)
    def test_strangers_go_to_the_log_in_and_come_back(self, db: None, client: Client, address: str) -> None:
        assertRedirects(client.get(address), f"/accounts/login/?next={address}", fetch_redirect_response=False)

    def test_a_fragment_sends_the_whole_page_there(self, db: None, client: Client) -> None:
        headers = {**HTMX, "HX-Current-URL": f"http://testserver{PAGE}?x=1"}
        response = client.get(f"{PAGE}actions/", headers=headers)
        assert response.status_code == 204
        assert response["HX-Redirect"] == f"/accounts/login/?next={PAGE.replace('/', '%2F')}%3Fx%3D1"

    @pytest.mark.parametrize(
        ("address", "status"),
        [
            ("/orders/", 403),
            ("/orders/export/", 403),
            (PAGE, 404),
            (f"{PAGE}payment/", 404),
            ("/orders/unmatched/", 403),
        ],
    )
    def test_without_a_role_nothing_is_seen(self, log_in: Any, address: str, status: int) -> None:
        assert log_in().get(address).status_code == status

    def test_staff_look_and_do_not_act(self, reader: Client, gate: RecordingGateway) -> None:
        assert reader.get(PAGE).status_code == 200
        assert reader.get(f"{PAGE}cancellation/").status_code == 403
        assert reader.post(f"{PAGE}cancellation/", {"reason": "no"}).status_code == 403
        assert reader.get("/orders/new/").status_code == 403
        assert gate.calls == []

    def test_a_refusal_inside_a_dialog_is_a_fragment(self, reader: Client) -> None:
        response = reader.get(f"{PAGE}payment/", headers=HTMX)
        assertContains(response, "You may not do this here", status_code=403)
        assertNotContains(response, "<html", status_code=403)


class TestOrderPage:
    def test_shows_the_order_live(self, ops: Client, gate: RecordingGateway) -> None:
        response = ops.get(PAGE)
        assertContains(response, f'ws-connect="/ws/orders/{ORDER_ID}/?after=3"')
        assertContains(response, "data-operator")
        assertContains(response, "Laptop 14″, 32 GB")
        assertContains(response, 'id="order-actions"')

    def test_has_no_inline_script_style_or_handler(self, ops: Client, gate: RecordingGateway) -> None:
        html = ops.get(PAGE).content.decode()
        assert not re.search(r"<script(?![^>]* src=)", html)
        assert not re.search(r'\s(style|on[a-z]+|hx-on[^=]*)="', html)

    def test_says_when_it_comes_from_the_database(self, ops: Client, gate: RecordingGateway) -> None:
        gate.reading = OrderReading(order_view(), "database", NOON, "No worker answers.")
        response = ops.get(PAGE)
        assertContains(response, "does not answer")
        assertContains(response, "Still works")
        assertContains(response, "All of these need Temporal and a worker.")
        assertContains(response, "&amp;saved")

    def test_a_finished_order_is_no_outage(self, ops: Client, gate: RecordingGateway) -> None:
        gate.reading = OrderReading(order_view(status=OrderStatus.DELIVERED), "database", NOON)
        response = ops.get(PAGE)
        assertNotContains(response, "does not answer")
        assertNotContains(response, "/ws/orders/")

    def test_an_order_that_waits_for_its_start_says_so(self, ops: Client, gate: RecordingGateway) -> None:
        gate.reading = OrderReading(order_view(version=0), "database", NOON, "Its workflow has not started yet.")
        assertContains(ops.get(PAGE), "The order is kept and has not started yet")

    def test_no_such_order(self, ops: Client, gate: RecordingGateway) -> None:
        gate.reading = gateway.OrderNotFound(ORDER_ID)
        assertContains(ops.get(PAGE), "There is nothing at this address", status_code=404)

    def test_nobody_to_ask(self, ops: Client, gate: RecordingGateway) -> None:
        gate.reading = gateway.Unavailable("Temporal is out of reach.", retry_after=7)
        response = ops.get(PAGE)
        assertContains(response, "Temporal is out of reach.", status_code=503)
        assert response["Retry-After"] == "7"

    @pytest.mark.parametrize(
        "odd",
        [
            "ORD-1",
            "ord-20261119-140810-x7f2",
            "ORD-20261119-140810-x7f2%00",
            "..%2f",
            "ORD-20261119-140810-" + "x" * 300,
        ],
    )
    def test_odd_addresses_are_no_pages(self, ops: Client, gate: RecordingGateway, odd: str) -> None:
        assert ops.get(f"/orders/{odd}/").status_code == 404


class TestActing:
    SENT = {
        "items": ({"sku": "MOUSE-001", "quantity": "2"}, "add_item"),
        "items/removal": ({"sku": "MOUSE-001", "quantity": "1"}, "remove_item"),
        "payment": ({"payment_method": "card", "card_token": "tok_visa", "amount_cents": "135997"}, "process_payment"),
        "manual-payment": ({"reference": "BANK 7"}, "accept_payment"),
        "shipment": ({"carrier": "DHL", "tracking_number": "JD01"}, "ship"),
        "delivery": ({"received_by": "Porter"}, "deliver"),
        "cancellation": ({"reason": "Ordered twice"}, "cancel_order"),
        "retry": ({"step": "refund"}, "retry_failed_step"),
    }

    @pytest.mark.parametrize("noun", SENT)
    def test_each_action_has_a_form(self, ops: Client, gate: RecordingGateway, noun: str) -> None:
        page = ops.get(f"{PAGE}{noun}/")
        assertContains(page, "<html")
        fragment = ops.get(f"{PAGE}{noun}/", headers=HTMX)
        assertNotContains(fragment, "<html")
        assertContains(fragment, 'id="dialog-title"')
        assert key_in(page.content.decode()) != key_in(fragment.content.decode())

    @pytest.mark.parametrize("noun", SENT)
    def test_each_action_is_one_gateway_call(self, ops: Client, gate: RecordingGateway, noun: str) -> None:
        data, function = self.SENT[noun]
        assertRedirects(
            ops.post(f"{PAGE}{noun}/", {**data, "idempotency_key": "key-12345"}), PAGE, fetch_redirect_response=False
        )
        ((name, sent),) = gate.calls
        assert name == function
        assert sent["by"] == By("ops", Door.WEB)
        assert sent["key"] == "key-12345"
        assert sent["order_id"] == ORDER_ID

    def test_a_retry_says_which_problem_it_means(self, ops: Client, gate: RecordingGateway) -> None:
        gate.reading.view = order_view(status=OrderStatus.NEEDS_ATTENTION, problem=Problem("refund", "Refused.", NOON))
        assertContains(ops.get(f"{PAGE}retry/"), f'name="since" value="{NOON.isoformat()}"')
        ops.post(f"{PAGE}retry/", {"step": "refund", "since": NOON.isoformat(), "idempotency_key": "key-12345"})
        assert gate.calls[-1][1]["since"] == NOON
        assert ops.post(f"{PAGE}retry/", {"step": "refund", "since": "noon"}).status_code == 422

    def test_the_answer_to_a_fragment_draws_the_order_anew_and_closes_the_dialog(
        self, ops: Client, gate: RecordingGateway
    ) -> None:
        gate.answer = order_view(version=9, status=OrderStatus.PAID, payment=PaymentView(PaymentStatus.PAID))
        response = ops.post(f"{PAGE}manual-payment/", {"reference": "BANK 7"}, headers=HTMX)
        assert json.loads(response["HX-Trigger"]) == {"dialogDone": {"told": "Payment recorded."}}
        assertContains(response, 'id="order-head" hx-swap-oob="true" data-version="9"')
        assertContains(response, 'id="order-actions" aria-labelledby="do-h" hx-swap-oob="true"')

    def test_wrong_fields_keep_the_form(self, ops: Client, gate: RecordingGateway) -> None:
        data = {"carrier": "DHL", "tracking_number": "", "address": "Stage door", "idempotency_key": "key-12345"}
        response = ops.post(f"{PAGE}shipment/", data, headers=HTMX)
        assertContains(response, "This field is required.", status_code=422)
        assertContains(response, 'value="DHL"', status_code=422)
        assertContains(response, 'aria-invalid="true"', count=1, status_code=422)
        assert key_in(response.content.decode()) != "key-12345"
        assert gate.calls == []

    @pytest.mark.parametrize(
        ("problem", "status", "said"),
        [
            (gateway.InvalidRequest("reference", "must not be empty"), 422, "Must not be empty."),
            (gateway.InvalidRequest("nowhere", "is odd"), 422, "Is odd."),
            (gateway.OrderRefused("already_paid", "The order has been paid."), 409, "The order has been paid."),
            (gateway.KeyReused(), 409, "This idempotency key was used"),
        ],
    )
    def test_a_no_is_told_in_the_form(
        self, ops: Client, gate: RecordingGateway, problem: Exception, status: int, said: str
    ) -> None:
        gate.problem = problem
        data = {"reference": "BANK 7", "idempotency_key": "key-12345"}
        response = ops.post(f"{PAGE}manual-payment/", data, headers=HTMX)
        assertContains(response, said, status_code=status)
        assertContains(response, 'value="BANK 7"', status_code=status)
        assert key_in(response.content.decode()) != "key-12345"

    def test_a_declined_card_is_a_wrong_field(self, ops: Client, gate: RecordingGateway) -> None:
        gate.problem = gateway.CardDeclined("card_declined", "The card was declined.")
        data = {"payment_method": "card", "card_token": "tok_declined", "amount_cents": "135997"}
        response = ops.post(f"{PAGE}payment/", data, headers=HTMX)
        assertContains(response, "The card was declined.", status_code=422)
        assertContains(response, "$1,359.97 is charged once", status_code=422)

    def test_an_outage_keeps_what_was_typed_and_the_key(self, ops: Client, gate: RecordingGateway) -> None:
        gate.problem = gateway.Unavailable("No worker answers.", retry_after=3)
        data = {"reference": "BANK 7", "idempotency_key": "key-12345"}
        response = ops.post(f"{PAGE}manual-payment/", data)
        assertContains(response, "Send it again in a moment", status_code=503)
        assertContains(response, 'value="BANK 7"', status_code=503)
        assert response["Retry-After"] == "3"
        assert key_in(response.content.decode()) == "key-12345"

    @pytest.mark.parametrize("odd", ["", "\0", "x" * 10_000, "ключ-12345", "a b c d e f g"])
    def test_an_odd_key_is_replaced(self, ops: Client, gate: RecordingGateway, odd: str) -> None:
        ops.post(f"{PAGE}manual-payment/", {"reference": "BANK 7", "idempotency_key": odd})
        for _, sent in gate.calls:
            assert re.fullmatch(r"[0-9a-f-]{36}", sent["key"])

    @pytest.mark.parametrize("amount", ["", "0", "-1", "1e9", "9" * 40, "\0", "NaN"])
    def test_odd_amounts_are_refused(self, ops: Client, gate: RecordingGateway, amount: str) -> None:
        data = {"payment_method": "card", "card_token": "tok_visa", "amount_cents": amount}
        assert ops.post(f"{PAGE}payment/", data).status_code == 422
        assert gate.calls == []

    def test_other_methods_are_refused(self, ops: Client, gate: RecordingGateway) -> None:
        assert ops.put(f"{PAGE}payment/").status_code == 405
        assert ops.post(PAGE).status_code == 405

    def test_a_paid_order_is_cancelled_by_who_types_the_end_of_its_id(
        self, ops: Client, gate: RecordingGateway
    ) -> None:
        paid = order_view(status=OrderStatus.PAID, payment=PaymentView(status=PaymentStatus.PAID, amount_cents=135_997))
        gate.reading = OrderReading(paid, "temporal", timezone.now())
        tail = ORDER_ID[-4:]
        assertContains(ops.get(f"{PAGE}cancellation/"), f"Type {tail}, the last four characters of its id")
        for typed in ("", "nope"):
            page = ops.post(f"{PAGE}cancellation/", {"reason": "Ordered twice", "typed": typed})
            assertContains(page, 'id="f-typed-error"', status_code=422)
            assertContains(page, "Ordered twice", status_code=422)
        assert gate.calls == []
        assert ops.post(f"{PAGE}cancellation/", {"reason": "x", "typed": f" {tail.upper()} "}).status_code == 302
        assert [name for name, _ in gate.calls] == ["cancel_order"]

    def test_one_that_is_not_paid_is_cancelled_without(self, ops: Client, gate: RecordingGateway) -> None:
        assertContains(ops.get(f"{PAGE}cancellation/"), '<input type="hidden" name="typed"')
        assert ops.post(f"{PAGE}cancellation/", {"reason": "x"}).status_code == 302

    def test_forms_mind_the_csrf_token(self, ops: Client, gate: RecordingGateway) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = ops.cookies
        response = strict.post(f"{PAGE}cancellation/", {"reason": "x"})
        assertContains(response, "This form is out of date", status_code=403)
        assert gate.calls == []


def close_orders(note: str) -> None:
    settings = OrderSettings.current()
    settings.takes_orders, settings.closed_note = False, note
    settings.save()


@pytest.fixture
def shop(db: None) -> None:
    Product.objects.create(sku="LAPTOP-001", name="Laptop 14″", unit_price_cents=129_999, stock=100)
    Product.objects.create(sku="LIMITED-010", name="Desk lamp", unit_price_cents=14_900, stock=10)
    Product.objects.create(sku="GONE-001", name="Gone", unit_price_cents=100, stock=1, is_active=False)
    Customer.objects.create(
        customer_id="CUST-0193", name="Ruth Adeyemi", email="ruth@example.com", shipping_address="1 Row"
    )


@pytest.mark.usefixtures("shop")
class TestNewOrder:
    DATA: dict[str, Any] = {
        "customer": "CUST-0193",
        "customer_email": "ruth@example.com",
        "shipping_address": "1 Row",
        "line": ["aa", "bb"],
        "sku": ["LAPTOP-001", "LIMITED-010"],
        "quantity": ["2", "12"],
        "idempotency_key": "key-12345",
    }

    def test_places_an_order_and_shows_it(self, ops: Client, gate: RecordingGateway) -> None:
        assertRedirects(ops.post("/orders/new/", self.DATA), PAGE, fetch_redirect_response=False)
        ((_, sent),) = gate.calls
        assert sent["items"] == [("LAPTOP-001", 2), ("LIMITED-010", 12)]  # the stock forbids nothing
        assert (sent["customer_id"], sent["customer_name"], sent["key"]) == ("CUST-0193", "Ruth Adeyemi", "key-12345")

    def test_is_not_there_while_no_orders_are_taken(self, ops: Client, gate: RecordingGateway) -> None:
        close_orders("Stocktaking until 14:00.")
        page = ops.get("/orders/new/")
        assertContains(page, "Stocktaking until 14:00.", status_code=503)
        assert page["Retry-After"] == "300"
        listed = ops.get("/orders/")
        assertContains(listed, "No new orders are taken just now. Stocktaking until 14:00.")
        assertNotContains(listed, "Place the first order")
        assertNotContains(listed, 'data-key="n">')

    def test_what_was_typed_before_that_is_kept(self, ops: Client, gate: RecordingGateway) -> None:
        gate.problem = gateway.OrdersClosed("Stocktaking until 14:00.")
        answer = ops.post("/orders/new/", self.DATA)
        assertContains(answer, "Nothing was placed, and what you typed is still here", status_code=503)
        assertContains(answer, "Stocktaking until 14:00.", status_code=503)
        assertContains(answer, "ruth@example.com", status_code=503)
        assert (answer["Retry-After"], key_in(answer.content.decode())) == ("300", "key-12345")

    @pytest.mark.parametrize(
        ("typed", "customer_id", "name"),
        [
            ("ruth adeyemi", "CUST-0193", "Ruth Adeyemi"),
            ("cust-0193", "CUST-0193", "Ruth Adeyemi"),
            ("NEW-1", "NEW-1", ""),
        ],
    )
    def test_takes_a_number_or_a_name(
        self, ops: Client, gate: RecordingGateway, typed: str, customer_id: str, name: str
    ) -> None:
        ops.post("/orders/new/", {**self.DATA, "customer": typed})
        ((_, sent),) = gate.calls
        assert (sent["customer_id"], sent["customer_name"]) == (customer_id, name)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"customer": ""}, "Say whose order it is."),
            ({"customer": "Nobody Known"}, "No customer is called Nobody Known."),
            ({"customer_email": "ruth.example.com"}, "There is no “@” in this address."),
            ({"customer_email": "ruth@"}, "This is not an e-mail address."),
            ({"quantity": ["x", "1"]}, "LAPTOP-001: Give a whole number from 1 to 100,000."),
            ({"quantity": ["0", "1"]}, "Give a whole number"),
            ({"quantity": ["9" * 30, "1"]}, "Give a whole number"),
            ({"quantity": ["²", "1"]}, "Give a whole number"),
            ({"quantity": []}, "Give a whole number"),
            ({"sku": ["", "LIMITED-010"]}, "Choose a product."),
            ({"sku": ["GONE-001", "LIMITED-010"]}, "There is no product GONE-001 for sale."),
            ({"sku": ["LAPTOP-001", "LAPTOP-001"]}, "LAPTOP-001 is in the order twice."),
            ({"sku": [], "line": []}, "The order has no lines."),
        ],
    )
    def test_says_what_to_correct_and_keeps_the_rest(
        self, ops: Client, gate: RecordingGateway, wrong: dict[str, Any], said: str
    ) -> None:
        response = ops.post("/orders/new/", {**self.DATA, **wrong})
        assertContains(response, said, status_code=422)
        assertContains(response, "One thing to correct", status_code=422) if wrong.get("quantity") != [] else None
        assertContains(response, "what you typed is still here", status_code=422)
        assertContains(response, 'role="alert"', status_code=422)
        assert gate.calls == []

    def test_the_banner_links_to_the_fields(self, ops: Client, gate: RecordingGateway) -> None:
        response = ops.post("/orders/new/", {**self.DATA, "customer_email": "x", "quantity": ["2", "y"]})
        html = response.content.decode()
        assert "Two things to correct" in html
        for target in re.findall(r'<li><a href="#([^"]+)"', html):
            assert f'id="{target}"' in html

    def test_only_so_many_in_stock_is_a_warning(self, ops: Client, gate: RecordingGateway) -> None:
        response = ops.get("/orders/new/total/", self.DATA)
        assertContains(response, "Only 10 are in stock.")
        assertContains(
            response, '<output id="amount-aa" for="sku-aa quantity-aa" hx-swap-oob="true">$2,599.98</output>'
        )
        assertContains(response, '<output id="total-amount" hx-swap-oob="true">$4,387.98</output>')

    @pytest.mark.parametrize(
        "odd", [{"sku": "\0", "quantity": "\0"}, {"sku": "x" * 5_000}, {"quantity": "-1"}, {"line": "<b>"}, {}]
    )
    def test_odd_lines_have_a_total_too(self, ops: Client, odd: dict[str, str]) -> None:
        assertContains(ops.get("/orders/new/total/", odd), "$0.00")

    def test_lines_are_added_and_removed_without_scripts(self, ops: Client, gate: RecordingGateway) -> None:
        more = ops.post("/orders/new/", {**self.DATA, "do": "add"})
        assertContains(more, 'name="sku"', count=3)
        assertContains(more, 'value="ruth@example.com"')
        fewer = ops.post("/orders/new/", {**self.DATA, "do": "remove:aa"})
        assertContains(fewer, 'name="sku"', count=1)
        assertContains(fewer, "$1,788.00")
        assert gate.calls == []

    def test_one_more_line_as_a_fragment(self, ops: Client) -> None:
        assertContains(ops.get("/orders/new/line/", headers=HTMX), 'name="sku"', count=1)

    def test_the_customer_is_looked_up_and_fills_in_what_is_empty(self, ops: Client) -> None:
        empty = ops.post(
            "/orders/new/customer/", {"customer": "CUST-0193", "customer_email": "", "shipping_address": ""}
        )
        assertContains(empty, "Ruth Adeyemi, CUST-0193")
        assertContains(empty, 'value="ruth@example.com"')
        typed = ops.post("/orders/new/customer/", {"customer": "CUST-0193", "customer_email": "other@example.com"})
        assertNotContains(typed, "ruth@example.com")
        assertContains(ops.post("/orders/new/customer/", {"customer": "\0"}), 'id="customer-hint"')

    def test_an_outage_keeps_the_form_and_its_key(self, ops: Client, gate: RecordingGateway) -> None:
        gate.problem = gateway.Unavailable("The order is kept.", retry_after=4)
        response = ops.post("/orders/new/", self.DATA)
        assertContains(response, "The order is kept.", status_code=503)
        assertContains(response, "$4,387.98", status_code=503)
        assert response["Retry-After"] == "4"
        assert key_in(response.content.decode()) == "key-12345"

    def test_the_gateway_names_a_line(self, ops: Client, gate: RecordingGateway) -> None:
        gate.problem = gateway.InvalidRequest("items.1.quantity", "must be from 1 to 5, is 12")
        response = ops.post("/orders/new/", self.DATA)
        assertContains(response, "LIMITED-010: Must be from 1 to 5, is 12", status_code=422)


class TestUnmatched:
    @pytest.fixture
    def event(self, db: None) -> WebhookEvent:
        event = WebhookEvent.objects.create(
            event_id="evt_1/2",
            type="payment.succeeded",
            order_id=ORDER_ID,
            payment_id="pay_1",
            amount_cents=2_999,
            currency="USD",
            created=NOON,
            state=WebhookEvent.State.UNMATCHED,
        )
        UnmatchedEvent.objects.create(event=event, reason="There is no such order.")
        return event

    @pytest.mark.usefixtures("event")
    def test_lists_what_waits(self, ops: Client) -> None:
        response = ops.get("/orders/unmatched/")
        assertContains(response, "There is no such order.")
        assertContains(response, "$29.99")
        assertContains(response, 'id="badge-unmatched" hx-swap-oob="true">1</span>')
        assertNotContains(ops.get("/orders/unmatched/?q=nothing"), "There is no such order.")

    def test_replays(self, ops: Client, event: WebhookEvent, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []
        monkeypatch.setattr(gateway, "deliver_payment_event", lambda event: asked.append(event.event_id) or event)
        response = ops.post("/orders/unmatched/evt_1/2/replay/", follow=True)
        assertContains(response, f"Delivered to {ORDER_ID}")
        assert asked == ["evt_1/2"]

    def test_an_outage_leaves_it_on_the_list(
        self, ops: Client, event: WebhookEvent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def out_of_reach(event: WebhookEvent) -> WebhookEvent:
            raise gateway.Unavailable("Temporal is out of reach.")

        monkeypatch.setattr(gateway, "deliver_payment_event", out_of_reach)
        assertContains(ops.post("/orders/unmatched/evt_1/2/replay/", follow=True), "The event stays on the list")

    def test_is_settled_by_hand_with_a_note(self, ops: Client, event: WebhookEvent) -> None:
        assertContains(ops.post("/orders/unmatched/evt_1/2/resolution/", {"note": " "}, follow=True), "Say how")
        ops.post("/orders/unmatched/evt_1/2/resolution/", {"note": "Paid back by hand"})
        assertContains(ops.get("/orders/unmatched/?tab=settled"), "Paid back by hand")
        assertContains(
            ops.post("/orders/unmatched/evt_1/2/resolution/", {"note": "x"}, follow=True), "has settled this event"
        )

    def test_unknown_events_and_readers(self, ops: Client, reader: Client, event: WebhookEvent) -> None:
        assert ops.post("/orders/unmatched/evt_9/replay/").status_code == 404
        assert reader.post("/orders/unmatched/evt_1/2/replay/").status_code == 404


@pytest.mark.django_db
def test_a_page_of_a_saved_order_works_without_temporal(ops: Client) -> None:
    saved(status=OrderStatus.DELIVERED, stage="completed")
    assert OrderEvent.objects.count() == 2
    assertContains(ops.get(PAGE), "It has arrived")
