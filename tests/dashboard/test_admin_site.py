"""The admin site as a whole: nothing that the system writes can be written here, and each change is kept and foretold."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.forms import HiddenInput
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from approvals.models import ApprovalRequest, Employee, Involvement, Policy, PolicyLevel
from campaigns.models import Campaign, CampaignSettings, CapPolicy, Segment
from dashboard.models import ApiToken
from dashboard.records import RecordAdmin
from dashboard.roles import ADMINISTRATORS, STAFF
from orders.models import Order, OrderSettings, Product, Reservation

RECORDS = [model for model, its_admin in admin.site._registry.items() if isinstance(its_admin, RecordAdmin)]
SELF_EVIDENT = {"auth.User.first_name", "auth.User.last_name"}
"""Editable fields whose name says it all. Think twice: whoever sees the page has not written it."""
CONFIGURATION = [model for model in admin.site._registry if model not in RECORDS]


@pytest.fixture
def site(db: None, client: Client) -> Client:
    administrator = User.objects.create_user("ada", first_name="Ada", last_name="Lovelace", is_staff=True)
    administrator.groups.add(Group.objects.get(name=ADMINISTRATORS))
    client.force_login(administrator)
    return client


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def fields_of(page: Any) -> dict[str, Any]:
    """What a browser would send back of a form, its inline ones included."""
    forms = [page.context["adminform"].form]
    for one in page.context["inline_admin_formsets"]:
        forms += [one.formset.management_form, *one.formset.forms]
    fields: dict[str, Any] = {}
    for form in forms:
        for bound in form:
            value = bound.value()
            if hasattr(bound.field.widget, "decompress"):
                parts = [(n, part) for n, part in enumerate(bound.field.widget.decompress(value)) if part is not None]
                fields |= {f"{bound.html_name}_{number}": part for number, part in parts}
                fields |= {f"{bound.html_initial_name}_{number}": part for number, part in parts}
                continue
            if value is True:
                value = "on"
            if isinstance(value, list | tuple):
                value = [getattr(one, "pk", one) for one in value]
            if value not in (None, False):
                fields[bound.html_name] = value
    return fields


def change(site: Client, obj: Any, confirm: bool = False, **fields: Any) -> Any:
    """Changes an object as a person does; with ``confirm`` says yes to the question before."""
    where = address(type(obj), "change", obj.pk)
    posted = {name: value for name, value in {**fields_of(site.get(where)), **fields}.items() if value is not None}
    page = site.post(where, posted, follow=True)
    if confirm:
        asked = page.context["posted"]
        again: dict[str, list[str]] = {}
        for name, value in asked:
            again.setdefault(name, []).append(value)
        page = site.post(where, {**again, "_confirmed": page.context["asked"]}, follow=True)
    return page


def last() -> str:
    return LogEntry.objects.order_by("-pk")[0].get_change_message()


def request_for(username: str, policy: Policy | None = None) -> ApprovalRequest:
    row = ApprovalRequest.objects.create(
        request_id="REQ-20260101-000000-abcd",
        status="pending",
        kind="leave",
        title="Two days",
        requester="someone",
        idempotency_key="k",
        snapshot={"policy_id": str(policy.pk)} if policy else {},
    )
    Involvement.objects.create(request=row, username=username, role="approver", level=1, can_decide=True)
    return row


class TestRecords:
    def test_there_are_both(self) -> None:
        assert len(RECORDS) > 25
        assert len(CONFIGURATION) > 10

    @pytest.mark.parametrize("model", RECORDS, ids=lambda model: model._meta.label)
    def test_not_even_a_superuser_writes_one(self, client: Client, db: None, model: Any) -> None:
        client.force_login(User.objects.create_superuser("root"))
        assert client.get(address(model, "changelist")).status_code == 200
        assert client.post(address(model, "add"), {"name": "x"}).status_code == 403
        row = model(pk=1)
        its_admin = admin.site._registry[model]
        request = client.get("/admin/").wsgi_request
        request.user = User.objects.get()
        assert not its_admin.has_change_permission(request, row)
        assert not its_admin.has_delete_permission(request, row)
        assert "delete_selected" not in its_admin.get_actions(request)
        assert not any(one.has_add_permission(request, row) for one in its_admin.get_inline_instances(request))
        existing = model.objects.first()
        if existing is not None:
            assert client.post(address(model, "change", existing.pk), {"name": "x"}).status_code == 403
            assert client.post(address(model, "delete", existing.pk), {"post": "yes"}).status_code == 403

    def test_a_posted_one_is_refused_and_stays(self, site: Client) -> None:
        row = request_for("ada")
        for page in ("change", "delete"):
            answer = site.post(address(ApprovalRequest, page, row.pk), {"post": "yes", "status": "approved"})
            assert answer.status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        site.post(address(ApprovalRequest, "changelist"), chosen)
        row.refresh_from_db()
        assert row.status == "pending"


class TestPages:
    def test_index_says_what_each_thing_is_for(self, site: Client) -> None:
        page = site.get("/admin/")
        assert [section["name"] for section in page.context["sections"]] == [
            "Orders", "Approvals", "Campaigns", "People and rights",
        ]  # fmt: skip
        rows = [row for section in page.context["sections"] for row in section["settings"] + section["records"]]
        assert not [row["name"] for row in rows if not row["help"]]
        html = page.content.decode()
        assert 'href="/orders/"' in html, "the way back"
        assert "admin/css/base.css" not in html, "Django's stylesheets come in a layer"

    @pytest.mark.parametrize("model", CONFIGURATION, ids=lambda model: model._meta.label)
    def test_each_form_comes_and_refuses_nonsense_with_words(self, site: Client, model: Any) -> None:
        if model in (OrderSettings, CampaignSettings):
            where = address(model, "change", model.current().pk)
        else:
            where = address(model, "add")
        page = site.get(where)
        assert page.status_code == 200
        names = list(page.context["adminform"].form.fields)
        for nonsense in ("\0", "💥" * 3000, "-1", "9" * 400, "[]", "NaN", "null"):
            posted = dict.fromkeys(names, nonsense)
            for one in page.context["inline_admin_formsets"]:
                posted |= {f"{one.formset.prefix}-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
            assert site.post(where, posted).status_code in {200, 302}, nonsense[:10]

    @pytest.mark.parametrize("model", CONFIGURATION, ids=lambda model: model._meta.label)
    def test_each_field_says_what_it_is_for(self, site: Client, model: Any) -> None:
        request = site.get("/admin/").wsgi_request
        request.user = User.objects.create_superuser("root")
        its_admin = admin.site._registry[model]
        forms = [its_admin.get_form(request, row, change=row is not None) for row in (None, model(pk=1))]
        forms += [one.get_formset(request).form for one in its_admin.get_inline_instances(request)]
        silent = {
            f"{model._meta.label}.{name}"
            for form in forms
            for name, field in form.base_fields.items()
            if not field.help_text and not isinstance(field.widget, HiddenInput) and name != "DELETE"
        }
        assert silent <= SELF_EVIDENT

    def test_moments_that_cannot_be_changed_name_their_zone(self, site: Client) -> None:
        row = OrderSettings.current()
        OrderSettings.objects.update(changed_at=datetime(2026, 11, 3, 16, 5, tzinfo=UTC))
        assertContains(site.get(address(OrderSettings, "change", row.pk)), "3 Nov 2026, 16:05 UTC")
        CapPolicy.objects.create(name="Night", quiet_from="22:00", quiet_to="08:00")
        CapPolicy.objects.update(changed_at=datetime(2026, 11, 3, 16, 5, tzinfo=UTC))
        assertContains(site.get(address(CapPolicy, "changelist")), "3 Nov 2026, 16:05 UTC")

    def test_a_username_stays_because_what_runs_knows_people_by_it(self, site: Client) -> None:
        assert 'name="username"' in site.get(address(User, "add")).content.decode()
        nora = User.objects.create_user("nora")
        page = site.get(address(User, "change", nora.pk))
        assertContains(page, "know people by it, so it cannot be changed afterwards")
        assertNotContains(page, 'name="username"')
        change(site, nora, username="hr", first_name="Nora")
        nora.refresh_from_db()
        assert (nora.username, nora.first_name) == ("nora", "Nora")
        assert last() == "First name: nothing → Nora"

    def test_only_staff_comes_in(self, db: None, client: Client) -> None:
        assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
        client.force_login(User.objects.create_user("emma"))
        assert client.get("/admin/", follow=True).status_code == 403

    def test_roles_are_explained(self, site: Client) -> None:
        group = Group.objects.get(name=STAFF)
        assert "decide what they are asked" in site.get(address(Group, "change", group.pk)).content.decode()
        assert site.post(address(Group, "change", group.pk), {"name": "x"}).status_code == 403


class TestHistory:
    def test_inline_forms_too(self, site: Client) -> None:
        emma = User.objects.create_user("emma")
        policy = Policy.objects.create(name="Leave", kind="leave", when_nobody_else="leave_out")
        level = PolicyLevel.objects.create(policy=policy, name="Team")
        level.users.add(emma)
        hr = User.objects.create_user("hr")
        change(site, policy, **{"levels-0-name": "HR", "levels-0-users": [hr.pk], "max_rounds": "3"})
        assert last() == "Rounds at most: 5 → 3; Policy level “HR”: Name: Team → HR; Users: emma → hr"

    def test_roles_of_a_person_and_no_password(self, site: Client) -> None:
        secret = "correct-horse-battery"
        names = {"username": "nora", "usable_password": "true", "password1": secret, "password2": secret}
        site.post(address(User, "add"), names)
        assert "Username: nothing → nora" in last()
        nora = User.objects.get(username="nora")
        change(site, nora, groups=[Group.objects.get(name=STAFF).pk])
        assert last() == "Groups: nothing → Staff"
        both = {"password1": f"{secret}-2", "password2": f"{secret}-2", "usable_password": "true"}
        site.post(reverse("admin:auth_user_password_change", args=[nora.pk]), both)
        assert "assword" in last()
        assert not LogEntry.objects.filter(change_message__contains="horse").exists()
        assert not LogEntry.objects.filter(change_message__contains="pbkdf2").exists()

    def test_a_token_is_not_in_it(self, site: Client) -> None:
        site.post(address(ApiToken, "add"), {"user": User.objects.get().pk, "name": "warehouse"})
        row = ApiToken.objects.get()
        site.post(address(ApiToken, "delete", row.pk), {"post": "yes"})
        assert LogEntry.objects.count() == 2
        assert "Name: warehouse" in last()
        assert not LogEntry.objects.filter(change_message__contains=row.digest).exists()

    def test_what_was_deleted(self, site: Client) -> None:
        segment = Segment.objects.create(name="Members", description="Who pays")
        site.post(
            address(Segment, "changelist"),
            {"action": "delete_selected", "_selected_action": [segment.pk], "post": "yes"},
        )
        assert not Segment.objects.exists()
        assert "Name: Members; Description: Who pays" in last()

    def test_stock_says_what_it_came_to(self, site: Client) -> None:
        product = Product.objects.create(sku="A", name="A", unit_price_cents=1, stock=10)
        change(site, product, adjust_stock_by="5")
        assert last().endswith("→ 5; Stock now: 15")

    def test_a_list_of_all_of_them(self, site: Client) -> None:
        change(site, OrderSettings.current(), max_lines="40")
        page = site.get("/admin/changes/", {"user__id__exact": User.objects.get().pk}, follow=True)
        html = page.content.decode()
        assert "Lines per order: 50 → 40" in html
        assert "Ada Lovelace" in html
        week = {"action_time__gte": (timezone.now() - timedelta(days=7)).strftime("%Y-%m-%d %H:%M:%S%z")}
        assert "50 → 40" in site.get("/admin/changes/", week, follow=True).content.decode()
        assert site.get("/admin/changes/", {"q": "nothing like it"}, follow=True).context["cl"].result_count == 0


class TestEffects:
    def test_order_settings_are_for_orders_from_now_on(self, site: Client) -> None:
        Order.objects.create(order_id="o1", idempotency_key="1", customer_email="a@b.c", status="paid")
        Order.objects.create(order_id="o2", idempotency_key="2", customer_email="a@b.c", status="delivered")
        html = change(site, OrderSettings.current(), max_lines="40").content.decode()
        assert "Version 2 holds for orders that are placed from now on. 1 order is under way and keeps" in html

    def test_a_policy_says_which_requests_keep_the_old_one(self, site: Client) -> None:
        policy = Policy.objects.create(name="Leave", kind="leave", when_nobody_else="leave_out")
        PolicyLevel.objects.create(policy=policy, name="Team").users.add(User.objects.create_user("emma"))
        request_for("emma", policy)
        html = change(site, policy, max_rounds="3").content.decode()
        assert "1 open request keeps the version" in html
        assert "version 2 of “Leave”" in html
        gone = site.post(address(Policy, "delete", policy.pk), {"post": "yes"}).content.decode()
        assert "Open requests that were asked under it: 1." in gone
        assert Policy.objects.exists()
        html = change(site, policy, is_active=None).content.decode()
        assert "there is no other one for leave" in html

    def test_closing_an_account_asks_first(self, site: Client) -> None:
        emma = User.objects.create_user("emma")
        Employee.objects.create(user=User.objects.create_user("nora"), manager=emma)
        request_for("emma")
        Campaign.objects.create(
            campaign_id="c", name="Spring", launched_by="emma", status="running", idempotency_key="c"
        )
        ApiToken.issue(emma, "warehouse")
        page = change(site, emma, is_active=None)
        assert len(page.context["asks"]) == 4
        html = page.content.decode()
        for words in ("wait for them: 1.", "report to them: 1.", "they launched: 1.", "tokens of theirs: 1."):
            assert words in html
        emma.refresh_from_db()
        assert emma.is_active, "nothing is saved before it is confirmed"
        change(site, emma, confirm=True, is_active=None)
        emma.refresh_from_db()
        assert not emma.is_active
        assert last() == "Active: yes → no"

    def test_what_is_confirmed_are_these_values(self, site: Client) -> None:
        emma = User.objects.create_user("emma")
        ApiToken.issue(emma, "warehouse")
        page = change(site, emma, is_active=None)
        posted = {**dict(page.context["posted"]), "_confirmed": page.context["asked"], "first_name": "Other"}
        assert "asks" in site.post(address(User, "change", emma.pk), posted).context
        emma.refresh_from_db()
        assert emma.is_active

    def test_who_has_worked_here_is_kept(self, site: Client) -> None:
        ada = User.objects.get()
        change(site, OrderSettings.current(), max_lines="40")
        answer = site.post(address(User, "delete", ada.pk), {"post": "yes"}).content.decode()
        assert "the history of that would go with them" in answer
        chosen = {"action": "delete_selected", "_selected_action": [ada.pk], "post": "yes"}
        assert "in use" in site.post(address(User, "changelist"), chosen).content.decode()
        assert LogEntry.objects.count() == 1

    def test_less_stock_than_orders_hold_asks_first(self, site: Client) -> None:
        product = Product.objects.create(sku="A", name="A", unit_price_cents=1, stock=10)
        Reservation.objects.create(order_id="o", product=product, quantity=4)
        page = change(site, product, adjust_stock_by="-8")
        assert "2 pieces would be free, while 1 order is holding 4" in re.sub(r"\s+", " ", page.content.decode())
        product.refresh_from_db()
        assert product.stock == 10
        change(site, product, confirm=True, adjust_stock_by="-8")
        product.refresh_from_db()
        assert product.stock == 2

    def test_a_channel_that_is_switched_off_names_what_runs_on_it(self, site: Client) -> None:
        settings = CampaignSettings.current()
        Campaign.objects.create(campaign_id="c", name="Spring", channel="sms", status="running", idempotency_key="c")
        weekly = {"name": "Weekly", "channel": "sms", "status": "completed", "recurs": "0 9 * * 1"}
        Campaign.objects.create(campaign_id="w", idempotency_key="w", next_time_at=timezone.now(), **weekly)
        page = change(site, settings, sms_on=None, push_on=None)
        held_up = "“Weekly”, “Spring”"
        assert page.context["asks"] == [
            f"Running on “Text message”, or planned for it, and held up by this: {held_up}."
        ]
        assert "“Spring”" in page.content.decode()
        settings.refresh_from_db()
        assert settings.sms_on
        change(site, settings, confirm=True, sms_on=None)
        settings.refresh_from_db()
        assert not settings.sms_on

    def test_the_policy_for_everybody_is_not_deleted(self, site: Client) -> None:
        policy = CapPolicy.objects.create(name="Everybody", is_default=True, max_per_day=3)
        site.post(address(CapPolicy, "delete", policy.pk), {"post": "yes"})
        assert CapPolicy.objects.exists()
