import re
from typing import Any

import pytest
from django.test import Client

from orders import gateway
from orders.contract import OrderStatus, PaymentView
from orders.models import SandboxCharge, WebhookEvent
from orders.payments import checkout_notice
from orders.payments.checkout import checkout_url
from orders.payments.checkout_notice import notice_of, send_notice
from orders.payments.events import read_notice
from tests.orders.at_once import at_once
from tests.orders.orders_of import NOON, ORDER_ID, order_view

CLIENT = Client()


@pytest.fixture(autouse=True)
def shop(monkeypatch) -> dict[str, Any]:
    """An order that the gateway reads; ``shop["view"]`` changes it, ``shop["sent"]`` are the notices of the checkout."""
    state: dict[str, Any] = {"view": order_view(), "sent": []}
    monkeypatch.setattr(gateway, "read_order", lambda order_id: gateway.OrderReading(state["view"], "temporal", NOON))
    monkeypatch.setattr("orders.payments.checkout.send_notice", state["sent"].append)
    return state


def path() -> str:
    return "/" + checkout_url(ORDER_ID).split("/", 3)[3]


def session_of(page: Any) -> str:
    found = re.search(r'name="session" value="([^"]+)"', page.content.decode())
    assert found
    return found.group(1)


def pay(choice: str, client: Client = CLIENT, **fields: str) -> Any:
    fields = fields or {"session": session_of(client.get(path()))}
    return client.post(path(), {"choice": choice, **fields})


@pytest.mark.django_db
class TestPage:
    def test_shows_the_order_to_everybody_who_has_its_address(self):
        page = CLIENT.get(path())
        text = page.content.decode()
        assert page.status_code == 200
        assert ORDER_ID in text
        assert "Laptop 14″, 32 GB" in text
        assert "$1,359.97" in text
        assert "no-store" in page["Cache-Control"]

    @pytest.mark.parametrize("wrong", ["x", "%00", "a:b", "é", "a" * 3_000])
    def test_is_not_there_without_the_signature(self, wrong):
        assert CLIENT.get(f"/checkout/{ORDER_ID}/{wrong}/").status_code == 404
        assert CLIENT.get(path().replace(ORDER_ID, ORDER_ID.replace("x7f2", "x7f3"))).status_code == 404

    def test_is_not_there_with_another_provider(self, settings):
        address = path()
        settings.PAYMENT_PROVIDER = "tests.orders.providers.FakePaymentProvider"
        assert CLIENT.get(address).status_code == 404
        assert checkout_url(ORDER_ID) == ""

    @pytest.mark.parametrize(
        "change",
        [{"payment": PaymentView(status="paid")}, {"status": OrderStatus.CANCELLED}, {"total_cents": 0}],
    )
    def test_offers_no_payment_when_there_is_none_to_make(self, shop, change):
        shop["view"] = order_view(**change)
        assert "Pay, but decline" not in CLIENT.get(path()).content.decode()

    def test_offers_to_pay_less_only_in_the_demo(self, settings):
        assert "lower amount" not in CLIENT.get(path()).content.decode()
        settings.DEMO = True
        assert "lower amount" in CLIENT.get(path()).content.decode()

    def test_no_such_order(self, monkeypatch):
        def nothing(order_id: str) -> gateway.OrderReading:
            raise gateway.OrderNotFound(order_id)

        monkeypatch.setattr(gateway, "read_order", nothing)
        assert CLIENT.get(path()).status_code == 404


@pytest.mark.django_db
class TestPaying:
    def test_books_the_charge_and_tells_the_shop(self, shop):
        answer = pay("pay")
        charge = SandboxCharge.objects.get()
        assert (charge.order_id, charge.amount_cents, charge.currency) == (ORDER_ID, 135_997, "USD")
        assert charge.is_charged
        assert shop["sent"] == [charge]
        done = CLIENT.get(answer["Location"]).content.decode()
        assert "Paid $1,359.97" in done
        assert charge.payment_id in done

    def test_pays_what_the_page_showed(self, shop):
        session = session_of(CLIENT.get(path()))
        shop["view"] = order_view(total_cents=1, status=OrderStatus.CANCELLED)
        pay("pay", session=session)
        assert SandboxCharge.objects.get().amount_cents == 135_997

    def test_a_declined_card_pays_nothing(self, shop):
        answer = pay("decline")
        assert not SandboxCharge.objects.get().is_charged
        assert read_notice(notice_of(shop["sent"][0])).type == "payment.failed"
        assert "The card was declined" in CLIENT.get(answer["Location"]).content.decode()

    def test_pays_less_in_the_demo(self, settings):
        pay("less")
        assert not SandboxCharge.objects.exists()
        settings.DEMO = True
        pay("less")
        assert SandboxCharge.objects.get().amount_cents == 67_998

    def test_the_notice_can_be_sent_again(self, shop):
        pay("pay")
        pay("again", payment=SandboxCharge.objects.get().payment_id)
        first, second = (notice_of(charge) for charge in shop["sent"])
        assert first == second
        assert SandboxCharge.objects.count() == 1

    @pytest.mark.parametrize(
        ("choice", "fields"),
        [
            ("pay", {"session": ""}),
            ("pay", {"session": "forged:forged:forged"}),
            ("steal", {}),
            ("again", {"payment": "pay_of_nobody"}),
            ("again", {"payment": "\0" * 500}),
        ],
    )
    def test_what_the_page_did_not_offer_does_nothing(self, shop, choice, fields):
        assert pay(choice, **fields)["Location"] == path()
        assert shop["sent"] == []
        assert not SandboxCharge.objects.exists()

    def test_a_payment_of_another_order_is_not_shown(self):
        pay("pay")
        SandboxCharge.objects.update(order_id="ORD-20261119-140810-aaaa")
        payment_id = SandboxCharge.objects.get().payment_id
        assert CLIENT.get(f"{path()}?payment={payment_id}").status_code == 404
        assert CLIENT.get(f"{path()}?payment=%00").status_code == 404

    def test_a_post_from_elsewhere_is_refused(self):
        client = Client(enforce_csrf_checks=True)
        assert client.post(path(), {"choice": "pay"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_page_pays_once_however_often_it_is_sent(shop):
    session = session_of(CLIENT.get(path()))
    at_once(10, lambda _: pay("pay", session=session))
    assert SandboxCharge.objects.count() == 1
    assert len({notice_of(charge) for charge in shop["sent"]}) == 1


class TestNotice:
    def test_goes_through_the_shops_own_door(self, live_server, settings, monkeypatch):
        def deliver(event: WebhookEvent) -> WebhookEvent:
            return event

        monkeypatch.setattr(gateway, "deliver_payment_event", deliver)
        settings.BASE_URL = live_server.url
        pay("pay")
        charge = SandboxCharge.objects.get()
        send_notice(charge).join(20)
        event = WebhookEvent.objects.get()
        assert (event.type, event.order_id, event.payment_id) == ("payment.succeeded", ORDER_ID, charge.payment_id)
        assert event.amount_cents == 135_997

    @pytest.mark.django_db
    def test_is_sent_again_until_it_is_taken(self, settings, monkeypatch):
        pay("pay")
        tried: list[bytes] = []

        def refuse_twice(body: bytes) -> None:
            tried.append(body)
            if len(tried) < 3:
                raise ConnectionRefusedError

        monkeypatch.setattr(checkout_notice, "_post", refuse_twice)
        monkeypatch.setattr(checkout_notice, "RETRY_AFTER", (0.0, 0.0, 0.0, 0.0))
        send_notice(SandboxCharge.objects.get()).join(5)
        assert len(tried) == 3
        assert len(set(tried)) == 1
