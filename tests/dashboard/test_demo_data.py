from collections import Counter

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from approvals import gateway
from approvals.contract import RequestKind
from approvals.demo import EMPLOYEES, load_demo_policies
from approvals.demo_requests import REQUESTS, ask_demo_requests, unasked_requests
from approvals.models import ApprovalRequest, Employee, Involvement, Policy, RefusedAttempt, TrailRow
from dashboard.auth import DEMO_PASSWORD, DEMO_USERNAMES
from dashboard.demo_users import demo_token, load_demo_users
from dashboard.roles import set_up_roles
from dashboard.tokens import user_of_token
from orders.demo import load_demo_data
from orders.models import Product
from tests.eventually import eventually


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


def who_decides(username: str, kind: str, amount_cents: int | None = None) -> list[tuple[str, list[str]]]:
    policy = gateway.preview_policy(user=User.objects.get(username=username), kind=kind, amount_cents=amount_cents)
    return [(level.name, [seat.username for seat in level.seats]) for level in policy.levels]


@pytest.mark.django_db
class TestDemoPolicies:
    def test_are_the_ones_that_are_promised(self) -> None:
        load_demo_users()
        load_demo_policies()
        manager, director = ("Manager", ["manager"]), ("Director", ["director"])
        assert who_decides("employee", "leave") == [manager, ("HR", ["hr"])]
        assert who_decides("employee", "expense", 99_999) == [manager]
        assert who_decides("employee", "expense", 100_000) == [manager, director]
        assert who_decides("employee", "expense", 999_999) == [manager, director]
        assert who_decides("employee", "expense", 1_000_000) == [manager, director, ("VP", ["vp"])]

    @pytest.mark.parametrize("kind", list(RequestKind))
    @pytest.mark.parametrize("amount_cents", [5_000, 250_000, 2_500_000])
    def test_let_everybody_ask_for_everything(self, kind: str, amount_cents: int) -> None:
        load_demo_users()
        load_demo_policies()
        for username in EMPLOYEES:
            levels = who_decides(username, kind, amount_cents)
            assert levels
            assert all(username not in people for _, people in levels)

    def test_stand_each_before_the_admins_own_check(self) -> None:
        load_demo_users()
        load_demo_policies()
        for policy in Policy.objects.all():
            policy.full_clean()

    def test_loading_them_again_changes_nothing_back(self) -> None:
        load_demo_users()
        load_demo_policies()
        Policy.objects.filter(kind="leave").delete()
        Policy.objects.filter(kind="other").update(name="Odds and ends")
        Employee.objects.filter(user__username="hr").update(manager=User.objects.get(username="vp"))
        Group.objects.get(name="Finance").user_set.clear()
        load_demo_policies()
        assert not Policy.objects.filter(kind="leave").exists()
        assert Policy.objects.get(kind="other").name == "Odds and ends"
        assert Employee.objects.get(user__username="hr").manager == User.objects.get(username="vp")
        assert not Group.objects.get(name="Finance").user_set.exists()


def is_clean() -> bool:
    """Whether the audit finds nothing; the rows may be a moment behind the history."""
    try:
        call_command("verify_audit")
    except CommandError as error:
        raise AssertionError(error) from error
    return True


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
class TestDemoRequests:
    def test_wait_for_people_and_are_asked_once(self, worker: None) -> None:
        set_up_roles(apps.get_app_config("approvals"), using="default")
        load_demo_users()
        load_demo_policies()
        ask_demo_requests()

        def statuses() -> Counter[str]:
            return Counter(ApprovalRequest.objects.values_list("status", flat=True))

        over = {"approved": 1, "rejected": 1, "withdrawn": 1, "expired": 1}
        expected = {"pending": len(REQUESTS) - 5, "changes_requested": 1, **over}
        eventually(lambda: statuses() == expected, timeout=15)
        eventually(ApprovalRequest.objects.filter(is_escalated=True, status="pending").exists, timeout=15)
        assert RefusedAttempt.objects.count() == 0
        eventually(lambda: ApprovalRequest.objects.filter(round=2).exists(), timeout=15)
        assert TrailRow.objects.filter(who="hr", on_behalf_of="manager", what="approved").exists()
        for username in ("manager", "hr", "director", "vp"):
            mine = Involvement.objects.filter(username=username, can_decide=True, request__status="pending")
            eventually(mine.exists, timeout=15)
        eventually(is_clean, timeout=15)
        assert not unasked_requests()
        ask_demo_requests()
        assert ApprovalRequest.objects.count() == len(REQUESTS)
