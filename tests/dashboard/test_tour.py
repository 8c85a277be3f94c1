"""The first minute: the tour of the home page, and the orders that a new user finds."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from pytest_django.asserts import assertContains, assertNotContains

from dashboard.demo_users import load_demo_users
from dashboard.roles import OPERATIONS, STAFF
from dashboard.tour import tour_of
from orders import gateway
from orders.contract import OrderStatus
from orders.demo import load_demo_data
from orders.demo_orders import ORDERS, place_demo_orders, unplaced_orders
from orders.models import Order, Product, UnmatchedEvent
from tests.eventually import eventually


def somebody(*groups: str, username: str = "somebody") -> User:
    user = User.objects.create_user(username)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def titles(user: User) -> list[str]:
    tour = tour_of(user)
    return [step.title for step in tour.steps] if tour else []


@pytest.mark.django_db
class TestTour:
    def test_shows_what_somebody_may_do_and_in_the_demo_who_may_do_the_rest(self, settings: Settings) -> None:
        ops, nobody = somebody(OPERATIONS, STAFF), somebody(username="nobody")
        assert titles(ops) == ["Place an order and take the payment", "Decide a request"]
        assert titles(nobody) == []
        settings.DEMO = True
        shown = tour_of(ops)
        assert shown is not None
        assert {step.title: step.log_in for step in shown.steps if not step.link}["Run a campaign"] == "marketer"

    def test_what_is_to_be_typed_looks_like_it(self, settings: Settings) -> None:
        settings.DEMO = True
        client = Client()
        client.force_login(somebody(OPERATIONS, STAFF))
        assertContains(client.get("/"), "the card <code>tok_visa</code> pays.")

    def test_stays_away_once_it_was_put_away(self) -> None:
        ops, client = somebody(OPERATIONS, STAFF), Client()
        client.force_login(ops)
        assertContains(client.get("/"), "Put the tour away")
        assert client.post("/tour/dismissal/")["Location"] == "/"
        assertNotContains(client.get("/"), "Put the tour away")
        assert titles(somebody(OPERATIONS, username="another"))


@pytest.mark.soak
def test_the_demo_holds_orders_in_every_state(worker: None) -> None:
    load_demo_users()
    load_demo_data()
    place_demo_orders()
    assert unplaced_orders() == []
    wanted = set(OrderStatus)
    eventually(lambda: set(Order.objects.values_list("status", flat=True)) == wanted, timeout=60)
    failing = Order.objects.get(idempotency_key="ops:demo-order-payment-failing").order_id
    reading = gateway.read_order(failing).view
    assert reading.payment.next_attempt_at is not None
    assert reading.payment.next_attempt_at > timezone.now() + timedelta(minutes=5)
    stopped = {
        order.idempotency_key: order.snapshot["problem"]["step"]
        for order in Order.objects.filter(status="needs_attention")
    }
    assert stopped["ops:demo-order-payment-stopped"] == "payment"
    assert stopped["ops:demo-order-refund-owed"] == "refund"
    assert UnmatchedEvent.objects.get().event.order_id != failing
    assert Product.objects.get(sku="LIMITED-010").stock == 10
    place_demo_orders()
    assert Order.objects.count() == len(ORDERS)
