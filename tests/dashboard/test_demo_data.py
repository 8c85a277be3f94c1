import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from dashboard.auth import DEMO_PASSWORD, DEMO_USERNAMES
from dashboard.demo_users import demo_token, load_demo_users
from dashboard.tokens import user_of_token
from orders.demo import load_demo_data
from orders.models import Product


@pytest.mark.django_db
class TestDemoData:
    def test_has_what_the_contract_names(self) -> None:
        load_demo_data()
        prices = dict(Product.objects.values_list("sku", "unit_price_cents"))
        assert (prices["LAPTOP-001"], prices["MOUSE-001"], prices["KEYBOARD-001"]) == (129_999, 2_999, 7_999)
        stock = dict(Product.objects.values_list("sku", "stock"))
        assert all(stock[sku] >= 1_000 for sku in ("LAPTOP-001", "MOUSE-001", "KEYBOARD-001"))
        assert stock["LIMITED-010"] == 10

    def test_loading_it_again_resets_nothing(self) -> None:
        load_demo_data()
        Product.objects.filter(sku="LIMITED-010").update(stock=3, unit_price_cents=1)
        load_demo_data()
        product = Product.objects.get(sku="LIMITED-010")
        assert (product.stock, product.unit_price_cents) == (3, 1)


@pytest.mark.django_db
class TestDemoUsers:
    def test_are_the_ones_of_the_log_in_page(self, settings: Settings, client: Client) -> None:
        settings.DEMO = True
        load_demo_users()
        for username in DEMO_USERNAMES:
            assert client.login(username=username, password=DEMO_PASSWORD)
            user = user_of_token(demo_token(username))
            assert user is not None
            assert user.username == username
        ops, admin, employee = (User.objects.get(username=name) for name in ("ops", "admin", "employee"))
        assert ops.has_perm("orders.operate_order")
        assert not employee.has_perm("orders.operate_order")
        assert employee.has_perm("orders.view_order")
        assert admin.is_staff
        assert not admin.is_superuser
        assert not admin.has_perm("orders.operate_order")

    def test_are_refused_outside_the_demo(self, settings: Settings, client: Client) -> None:
        settings.DEMO = False
        load_demo_users()
        for username in DEMO_USERNAMES:
            assert not client.login(username=username, password=DEMO_PASSWORD)
            assert user_of_token(demo_token(username)) is None

    def test_a_changed_password_stays_changed(self) -> None:
        load_demo_users()
        ops = User.objects.get(username="ops")
        ops.set_password("a much better one")
        ops.save()
        load_demo_users()
        ops.refresh_from_db()
        assert ops.check_password("a much better one")
