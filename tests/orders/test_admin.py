import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.models import ApiToken
from dashboard.records import RecordAdmin
from dashboard.roles import ADMINISTRATORS, OPERATIONS, STAFF
from dashboard.tokens import user_of_token
from orders.models import Customer, OrderSettings, Product, Reservation, SandboxCharge, WebhookEvent
from tests.orders.at_once import at_once
from tests.orders.orders_of import saved

RECORDS = [model for model, its_admin in admin.site._registry.items() if isinstance(its_admin, RecordAdmin)]
CONFIGURATION = [Product, Customer, ApiToken, User]


@pytest.fixture
def administrator(db) -> User:
    user = User.objects.create_user("admin", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=[ADMINISTRATORS, STAFF]))
    return user


@pytest.fixture
def site(administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def laptop(db) -> Product:
    return Product.objects.create(sku="LAPTOP-001", name="Laptop", unit_price_cents=129_999, stock=10)


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def fields_of(page: Any) -> dict[str, Any]:
    """What the form on an admin page would send back unchanged."""
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def errors_of(page: Any) -> dict[str, list[str]]:
    return page.context["adminform"].form.errors


@pytest.mark.django_db
class TestAccess:
    def test_leads_to_the_one_log_in_page(self, client):
        assert client.get("/admin/")["Location"].startswith("/admin/login/")
        assert client.get("/admin/login/")["Location"].startswith("/accounts/login/")

    def test_is_for_administrators(self, client):
        operator = User.objects.create_user("ops")
        operator.groups.set(Group.objects.filter(name=OPERATIONS))
        client.force_login(operator)
        assert client.get(address(Product, "changelist")).status_code == 302

    @pytest.mark.parametrize("model", [*CONFIGURATION, *RECORDS])
    def test_administrators_see_every_list(self, site, model, laptop):
        saved()
        Reservation.objects.create(order_id="ORD-20261119-140810-x7f2", product=laptop, quantity=1)
        SandboxCharge.objects.create(
            idempotency_key="k", payment_id="pay_1", order_id="x", amount_cents=5, currency="USD"
        )
        WebhookEvent.objects.create(
            event_id="evt_1",
            type="x",
            order_id="x",
            payment_id="x",
            amount_cents=1,
            currency="USD",
            created=timezone.now(),
        )
        page = site.get(address(model, "changelist"), {"q": "x"})
        assert page.status_code == 200
        for row in model.objects.all()[:1]:
            assert site.get(address(model, "change", row.pk)).status_code == 200

    @pytest.mark.parametrize("model", RECORDS)
    def test_records_are_only_read(self, site, model):
        request = site.get("/admin/").wsgi_request
        request.user = User.objects.create_superuser("root")
        its_admin = admin.site._registry[model]
        assert its_admin.has_view_permission(request)
        assert not its_admin.has_add_permission(request)
        assert not its_admin.has_change_permission(request)
        assert not its_admin.has_delete_permission(request)

    def test_a_record_sent_by_hand_is_refused(self, site):
        row = SandboxCharge.objects.create(
            idempotency_key="k", payment_id="pay_1", order_id="x", amount_cents=5, currency="USD"
        )
        assert site.post(address(SandboxCharge, "change", row.pk), {"amount_cents": 1}).status_code == 403
        assert site.post(address(SandboxCharge, "delete", row.pk), {"post": "yes"}).status_code == 403


class TestProduct:
    def change(self, site: Client, product: Product, **fields: Any) -> Any:
        page = site.get(address(Product, "change", product.pk))
        return site.post(address(Product, "change", product.pk), {**fields_of(page), **fields})

    def test_is_added_with_its_stock(self, site):
        fields = {
            "sku": "NEW-1",
            "name": "New",
            "unit_price_cents": 100,
            "currency": "USD",
            "stock": 5,
            "is_active": "on",
        }
        assert site.post(address(Product, "add"), fields).status_code == 302
        assert Product.objects.get(sku="NEW-1").stock == 5

    def test_stock_is_changed_by_a_difference(self, site, laptop):
        assert self.change(site, laptop, adjust_stock_by="-3", name="Laptop 14″").status_code == 302
        laptop.refresh_from_db()
        assert (laptop.stock, laptop.name) == (7, "Laptop 14″")

    def test_what_is_reserved_while_the_form_is_open_stays_reserved(self, site, laptop):
        page = site.get(address(Product, "change", laptop.pk))
        Product.objects.update(stock=F("stock") - 4)
        fields = {**fields_of(page), "name": "Other", "stock": 10, "adjust_stock_by": 5}
        assert site.post(address(Product, "change", laptop.pk), fields).status_code == 302
        assert Product.objects.get().stock == 11

    def test_saving_nothing_changes_nothing(self, site, laptop, monkeypatch):
        page = site.get(address(Product, "change", laptop.pk))
        monkeypatch.setattr(Product, "save", None)
        assert site.post(address(Product, "change", laptop.pk), fields_of(page)).status_code == 302

    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"adjust_stock_by": "-11"}, "adjust_stock_by"),
            ({"adjust_stock_by": str(10**12)}, "adjust_stock_by"),
            ({"adjust_stock_by": "many"}, "adjust_stock_by"),
            ({"unit_price_cents": "-1"}, "unit_price_cents"),
            ({"unit_price_cents": str(10**14)}, "unit_price_cents"),
            ({"currency": "dollar"}, "currency"),
            ({"currency": "usd"}, "currency"),
            ({"name": ""}, "name"),
        ],
    )
    def test_what_cannot_be_is_named(self, site, laptop, fields, name):
        page = self.change(site, laptop, **fields)
        assert (page.status_code, list(errors_of(page))) == (200, [name])
        laptop.refresh_from_db()
        assert (laptop.stock, laptop.unit_price_cents) == (10, 129_999)

    def test_the_sku_stays(self, site, laptop):
        self.change(site, laptop, sku="OTHER-1")
        assert Product.objects.get().sku == "LAPTOP-001"

    def test_one_that_orders_hold_is_not_deleted(self, site, laptop):
        Reservation.objects.create(order_id="ORD-20261119-140810-x7f2", product=laptop, quantity=1)
        site.post(address(Product, "delete", laptop.pk), {"post": "yes"})
        assert Product.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_stock_adds_up_when_many_change_it_at_once(administrator, laptop):
    def adjust(number: int) -> int:
        client = Client()
        client.force_login(administrator)
        fields = {"name": f"Laptop {number}", "unit_price_cents": 1, "currency": "USD", "adjust_stock_by": "2"}
        return client.post(address(Product, "change", laptop.pk), fields).status_code

    def reserve(number: int) -> int:
        return Product.objects.filter(pk=laptop.pk, stock__gte=1).update(stock=F("stock") - 1)

    done = at_once(10, lambda number: adjust(number) if number % 2 else reserve(number))
    assert sorted(done) == [1] * 5 + [302] * 5
    assert Product.objects.get().stock == 15


class TestOrderSettings:
    def test_says_what_saving_leads_to_before_it_is_saved(self, site: Client) -> None:
        saved()
        page = site.get(address(OrderSettings, "change", OrderSettings.current().pk)).content.decode()
        version = OrderSettings.current().version + 1
        assert f"Version {version} holds for orders that are placed from now on. 1 order is under way" in page

    def change(self, site: Client, **fields: Any) -> Any:
        page = site.get(address(OrderSettings, "change", OrderSettings.current().pk))
        return site.post(address(OrderSettings, "change", 1), {**fields_of(page), **fields})

    def test_is_one_row_without_a_list(self, site):
        assert site.get(address(OrderSettings, "changelist"))["Location"] == address(OrderSettings, "change", 1)
        assert site.get(address(OrderSettings, "add")).status_code == 403
        assert site.post(address(OrderSettings, "delete", 1), {"post": "yes"}).status_code == 403

    def test_a_change_has_a_new_version_and_an_author(self, site):
        assert self.change(site, payment_window="02:00:00").status_code == 302
        settings = OrderSettings.objects.get()
        assert (settings.version, settings.payment_window) == (2, timedelta(hours=2))
        assert settings.to_policy().payment_window_seconds == 7_200
        assert LogEntry.objects.get().user.username == "admin"

    def test_switching_orders_off_is_asked_for_and_said(self, site: Client) -> None:
        saved()
        asked = self.change(site, takes_orders="", closed_note="Back at 14:00.")
        assert "No new orders are taken from now on" in asked.content.decode()
        assert OrderSettings.current().takes_orders
        posted = dict(asked.context["posted"])
        site.post(address(OrderSettings, "change", 1), {**posted, "_confirmed": asked.context["asked"]})
        settings = OrderSettings.current()
        assert (settings.takes_orders, settings.closed_note, settings.version) == (False, "Back at 14:00.", 2)
        words = "New orders are taken: yes → no; What is said meanwhile: nothing → Back at 14:00."
        assert LogEntry.objects.get().change_message == words
        back = self.change(site, takes_orders="on")
        told = [str(message) for message in get_messages(back.wsgi_request)]
        assert "New orders are taken again." in told

    def test_a_limit_says_how_many_orders_it_would_have_held(self, site: Client) -> None:
        saved(total_cents=100_000)
        saved("ORD-20261121-120000-aaaa", total_cents=100_001)
        answer = self.change(site, review_above_cents="100000")
        told = [str(message) for message in get_messages(answer.wsgi_request)]
        assert "Of the 2 orders of the last 30 days, 1 would have waited for a person's release." in told
        assert OrderSettings.current().to_policy().review_above_cents == 100_000
        answer = self.change(site, review_above_cents="")
        assert OrderSettings.current().to_policy().review_above_cents is None

    def test_saving_nothing_keeps_the_version(self, site):
        self.change(site)
        assert OrderSettings.current().version == 1

    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"payment_window": "00:00:00"}, "payment_window"),
            ({"payment_window": "-1 00:00:00"}, "payment_window"),
            ({"shipment_window": "400 00:00:00"}, "shipment_window"),
            ({"shipment_reminder": "soon"}, "shipment_reminder"),
            ({"review_above_cents": "-1"}, "review_above_cents"),
            ({"review_above_cents": "1000000000001"}, "review_above_cents"),
            ({"closed_note": "x" * 201}, "closed_note"),
            ({"max_lines": "0"}, "max_lines"),
            ({"payment_attempts": "51"}, "payment_attempts"),
            ({"transit_days_min": "5", "transit_days_max": "4"}, "transit_days_max"),
        ],
    )
    def test_what_cannot_be_is_named(self, site, fields, name):
        page = self.change(site, **fields)
        assert (page.status_code, list(errors_of(page))) == (200, [name])
        assert OrderSettings.current().version == 1

    def test_does_not_overwrite_what_somebody_else_has_changed(self, site):
        page = site.get(address(OrderSettings, "change", OrderSettings.current().pk))
        self.change(site, max_lines="40")
        answer = site.post(address(OrderSettings, "change", 1), {**fields_of(page), "packing_days": "3"})
        assert "Somebody has changed the settings meanwhile" in answer.content.decode()
        assert (OrderSettings.current().max_lines, OrderSettings.current().packing_days) == (40, 1)


class TestApiToken:
    def test_is_shown_once(self, site, administrator):
        fields = {"user": administrator.pk, "name": "warehouse"}
        page = site.post(address(ApiToken, "add"), fields, follow=True)
        (token,) = re.findall(r"<code>([\w-]{40,})</code>", page.content.decode())
        assert user_of_token(token) == administrator
        row = ApiToken.objects.get()
        for address_again in (address(ApiToken, "changelist"), address(ApiToken, "change", row.pk)):
            text = site.get(address_again).content.decode()
            assert token not in text
            assert row.digest not in text

    def test_stays_with_its_user(self, site, administrator):
        ApiToken.issue(administrator, "warehouse")
        row = ApiToken.objects.get()
        other = User.objects.create_user("other")
        fields = {"name": "scanner", "user": other.pk, "is_demo": "on", "digest": "x"}
        site.post(address(ApiToken, "change", row.pk), fields)
        row.refresh_from_db()
        assert (row.name, row.user, row.is_demo, len(row.digest)) == ("scanner", administrator, False, 64)

    def test_is_not_given_out_for_more_than_one_has(self, site):
        root = User.objects.create_superuser("root")
        page = site.post(address(ApiToken, "add"), {"user": root.pk, "name": "x"})
        assert list(errors_of(page)) == ["user"]
        assert not ApiToken.objects.exists()

    def test_is_taken_away_by_deleting_it(self, site, administrator):
        token = ApiToken.issue(administrator, "warehouse")
        site.post(address(ApiToken, "delete", ApiToken.objects.get().pk), {"post": "yes"})
        assert user_of_token(token) is None


class TestPeople:
    def test_an_administrator_cannot_become_a_superuser(self, site, administrator):
        page = site.get(address(User, "change", administrator.pk))
        fields = {name: value for name, value in fields_of(page).items() if not hasattr(value, "isoformat")}
        joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
        answer = site.post(
            address(User, "change", administrator.pk),
            {**fields, **joined, "is_superuser": "on", "user_permissions": ["1"], "first_name": "Ada"},
        )
        assert answer.status_code == 302
        administrator.refresh_from_db()
        assert (administrator.first_name, administrator.is_superuser) == ("Ada", False)
        assert not administrator.user_permissions.exists()

    def test_an_administrator_cannot_touch_a_superuser(self, site):
        root = User.objects.create_superuser("root")
        assert site.post(address(User, "change", root.pk), {"username": "x"}).status_code == 403
        assert site.get(reverse("admin:auth_user_password_change", args=[root.pk])).status_code == 403
        assert site.post(address(User, "delete", root.pk), {"post": "yes"}).status_code == 403
        assert User.objects.filter(username="root").exists()

    def test_roles_are_not_edited(self, site):
        assert site.get(reverse("admin:auth_group_change", args=[Group.objects.first().pk])).status_code == 200
        assert site.post(reverse("admin:auth_group_change", args=[Group.objects.first().pk])).status_code == 403
