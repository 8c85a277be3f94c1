"""What the search box finds, and for whom. The areas' rows are real; nothing runs behind them."""

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import dj_database_url
import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from approvals.models import ApprovalRequest
from approvals.sought import that_mention
from campaigns.contact_list import searched
from campaigns.models import AudienceImport, Campaign, Contact
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import ADMINISTRATORS, MARKETERS, OPERATIONS, STAFF
from dashboard.search import planning, reading
from dashboard.search.findings import Asked, Finding, Group
from dashboard.search.planning import planned
from dashboard.search.reading import Found, search
from orders.listing import Listing as OrderListing
from orders.models import Order
from tests.approvals.requests_of import Desk, level
from tests.campaigns.contacts_of import contact
from tests.campaigns.pages import draft
from tests.orders.orders_of import saved
from tests.postgres import Postgres

ORDER, REQUEST, CAMPAIGN = "ORD-20261119-120000-7f3a", "REQ-20261119-120000-9b1c", "CMP-20261119-120000-c0de"


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def things(db: None) -> None:
    """One of each kind, in all of which the word "Lindqvist" is."""
    saved(ORDER, customer_id="CUST-77", customer_name="Jonas Lindqvist", customer_email="jonas@example.com")
    Desk(level("Manager", "manager"), request_id=REQUEST, title="Travel with Lindqvist").save()
    draft(CAMPAIGN, name="Lindqvist's spring")
    contact("USER-077", name="Jonas Lindqvist", email="jonas@example.com")


def client_of(username: str, *roles: str) -> Client:
    user, _ = User.objects.get_or_create(username=username)
    user.groups.set(Role.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def kinds(client: Client, q: str) -> list[str]:
    return [group.name for group in client.get("/search/suggestions/", {"q": q}).context["found"].groups]


@pytest.mark.usefixtures("things")
class TestWhoFindsWhat:
    def test_everything_for_who_may_see_everything(self) -> None:
        assert kinds(client_of("root", OPERATIONS, ADMINISTRATORS), "lindqvist") == [
            "Orders",
            "Approvals",
            "Campaigns",
            "People",
        ]

    @pytest.mark.parametrize(
        ("username", "roles", "found"),
        [
            ("ops", (OPERATIONS,), ["Orders"]),
            ("manager", (STAFF,), ["Orders", "Approvals"]),  # who has a part in the request
            ("stranger", (STAFF,), ["Orders"]),
            ("marketer", (MARKETERS,), ["Campaigns", "People"]),
            ("nobody", (), []),
        ],
    )
    def test_only_what_somebody_may_see(self, username: str, roles: tuple[str, ...], found: list[str]) -> None:
        assert kinds(client_of(username, *roles), "lindqvist") == found

    def test_an_exact_id_does_not_tell_that_it_is_there(self) -> None:
        for q in (ORDER, f"order-{ORDER}", REQUEST, CAMPAIGN, "USER-077"):
            page = client_of("nobody").get("/search/", {"q": q})
            assertContains(page, "Nothing fits")

    @pytest.mark.parametrize("address", ["/search/?q=lindqvist", "/search/suggestions/?q=lindqvist"])
    def test_whoever_is_not_logged_in_goes_to_the_log_in(self, address: str) -> None:
        assertRedirects(
            Client().get(address), f"/accounts/login/?next={address.replace('?', '%3F').replace('=', '%3D')}"
        )


@pytest.mark.usefixtures("things")
class TestExactly:
    @pytest.mark.parametrize(
        ("q", "page"),
        [
            (ORDER, f"/orders/{ORDER}/"),
            (f" order-{ORDER} ", f"/orders/{ORDER}/"),
            (REQUEST, f"/approvals/{REQUEST}/"),
            (f"approval-{REQUEST}", f"/approvals/{REQUEST}/"),
            (CAMPAIGN, f"/campaigns/{CAMPAIGN}/"),
            (f"campaign-{CAMPAIGN}-shard-3", f"/campaigns/{CAMPAIGN}/"),
            (f"campaign-{CAMPAIGN}-occurrence-2026-11-21T09:00:00Z", f"/campaigns/{CAMPAIGN}/"),
            ("stop-everything-STOP-20261121-0a1b2c", "/campaigns/stop/STOP-20261121-0a1b2c/"),
            ("welcome-USER-077", "/campaigns/users/USER-077/"),
            ("USER-077", "/campaigns/users/USER-077/"),
            ("user-actor-USER-077", "/campaigns/users/USER-077/"),
        ],
    )
    def test_an_id_or_a_workflow_id_leads_to_its_page(self, q: str, page: str) -> None:
        answer = client_of("root", OPERATIONS, ADMINISTRATORS).get("/search/", {"q": q})
        assertRedirects(answer, page, fetch_redirect_response=False)

    def test_an_import_is_there_for_who_may_see_imports_and_nobody_else(self) -> None:
        AudienceImport.objects.create(import_id="IMP-20261121-120000-7f3a", idempotency_key="k", name="people.csv")
        for name, rights, is_told in (
            ("contacts", ["view_contact"], False),
            ("imports", ["view_audienceimport"], True),
            ("campaigns", ["edit_campaign"], False),
        ):
            client = client_of(name)
            User.objects.get(username=name).user_permissions.set(Permission.objects.filter(codename__in=rights))
            for q in ("IMP-20261121-120000-7f3a", "import-IMP-20261121-120000-7f3a"):
                answer = client.get("/search/", {"q": q})
                where = "/campaigns/imports/IMP-20261121-120000-7f3a/" if is_told else None
                assert answer.headers.get("Location") == where, (name, q)

    def test_what_is_no_id_is_searched(self) -> None:
        page = client_of("root", OPERATIONS, ADMINISTRATORS).get("/search/", {"q": "jonas@example.com"})
        assertContains(page, f'href="/orders/{ORDER}/"')
        assertContains(page, 'href="/campaigns/users/USER-077/"')

    def test_whatever_is_called_just_so_comes_first(self) -> None:
        draft("CMP-2", name="Jonas Lindqvist and friends")
        Campaign.objects.filter(campaign_id=CAMPAIGN).update(name="spring")
        Order.objects.all().delete()
        assert kinds(client_of("root", OPERATIONS, ADMINISTRATORS), "jonas lindqvist") == ["People", "Campaigns"]


@pytest.mark.usefixtures("things")
class TestAnyText:
    @pytest.mark.parametrize(
        "q",
        [
            "",
            " ",
            "a",
            "%",
            "%%%",
            "___",
            "\\",
            "\\\\\\",
            "\0",
            "jo\0nas",
            "x" * 10_000,
            "' OR 1=1 --",
            "<script>",
            "\ud800",
        ],
    )
    def test_is_answered(self, q: str) -> None:
        client = client_of("root", OPERATIONS, ADMINISTRATORS)
        text = q.encode("utf-8", "surrogatepass")
        for address in ("/search/", "/search/suggestions/"):
            answer = client.get(address, {"q": text})
            assert answer.status_code == 200
            assertNotContains(answer, "<script>")

    @pytest.mark.parametrize("q", ["lind%", "lind_vist", "l%q%t", "jon\\as"])
    def test_a_wildcard_is_a_letter_like_any_other(self, q: str) -> None:
        assert kinds(client_of("root", OPERATIONS, ADMINISTRATORS), q) == []

    def test_too_little_is_not_looked_for(self, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
        user = User.objects.create_superuser("root")
        with django_assert_max_num_queries(0):
            assert search(user, Asked.read("li jo %% --"), 5).groups == ()

    def test_few_of_each_kind_and_a_way_to_the_rest(self) -> None:
        for number in range(10, 40):
            contact(f"USER-{number:03}", name="Ada Nilsson")
        page = client_of("marketer", MARKETERS).get("/search/", {"q": "nilsson"})
        assertContains(page, " data-walk-to>", 20)
        assertContains(page, 'href="/campaigns/users/?q=nilsson"')

    def test_to_the_rest_of_the_requests_that_one_may_see(self) -> None:
        for number in range(25):
            who = "manager" if number else "hr"
            Desk(level("Level", who), request_id=f"REQ-20261119-120001-{number:04}", title="A crane").save()
        page = client_of("manager", STAFF).get("/search/", {"q": "crane"})
        assertContains(page, " data-walk-to>", 20)
        assertContains(page, 'href="/approvals/?tab=all&amp;q=crane"')
        assert client_of("manager", STAFF).get("/approvals/?tab=all&q=crane").context["page"].count == 24
        assertNotContains(client_of("hr", STAFF).get("/search/", {"q": "crane"}), "All of them")

    def test_no_way_to_a_list_that_somebody_has_not(self) -> None:
        for number in range(25):
            Desk(level("Level", "hr"), request_id=f"REQ-20261119-120001-{number:04}", title="A crane").save()
        client = client_of("auditor")
        User.objects.get(username="auditor").user_permissions.add(Permission.objects.get(codename="view_all_requests"))
        page = client.get("/search/", {"q": "crane"})
        assertContains(page, " data-walk-to>", 20)
        assertNotContains(page, "All of them")


@pytest.fixture(scope="module")
def _on_postgres(postgres: Postgres, django_db_blocker: Any) -> Iterator[None]:
    """The tables that are searched, with the indexes of their migrations."""
    before, usual = connections["default"], connections.databases["default"]
    connections.databases["default"] = {**usual, "OPTIONS": {}, **dj_database_url.parse(postgres.create_database())}
    connections["default"] = connections.create_connection("default")
    with django_db_blocker.unblock():
        with connection.schema_editor(atomic=False) as editor:
            for model in (Order, Contact, ApprovalRequest, ContentType, Permission, Role, User):
                editor.create_model(model)
            for name in (
                "orders.migrations.0003_search_index",
                "campaigns.migrations.0005_search_index",
                "approvals.migrations.0005_search_index",
                "approvals.migrations.0008_people_search_index",
            ):
                for operation in import_module(name).Migration.operations:
                    operation.code(None, editor)
        User.objects.create_user("employee", "jonas@example.com")
        yield
        connection.close()
    connections.databases["default"] = usual
    connections["default"] = before


@pytest.mark.usefixtures("_on_postgres")
class TestOnPostgres:
    @pytest.mark.parametrize(
        ("rows", "index"),
        [
            (lambda: OrderListing.read({"q": "jonas lind"}).orders(), "orders_search"),
            (lambda: searched(Contact.objects.order_by("user_id"), "jonas lind"), "contacts_search"),
            (lambda: that_mention(ApprovalRequest.objects.all(), "jonas nilsson"), "approvals_search"),
            (lambda: User.objects.filter(email__icontains="jonas").order_by(), "people_search"),
        ],
    )
    def test_what_is_asked_is_what_the_index_holds(self, rows: Any, index: str) -> None:
        """A "contains" over all columns of a search, each of them: one that the index lacks would read the whole table."""
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off; SET enable_indexscan = off")
        plan = rows().explain()
        assert f"Bitmap Index Scan on {index}" in plan
        assert "Seq Scan" not in plan

    def test_the_same_rows_in_the_same_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(12):
            contact(f"USER-{11 - number:03}", name="Ada Nilsson" if number % 2 else "Bo")
        rows = searched(Contact.objects.order_by("user_id"), "nilsson")
        assert len(rows) == 6
        assert list(planned(rows)) == list(rows)
        monkeypatch.setattr(planning, "MANY", 3)
        assert list(planned(rows)) == list(rows)

    def test_an_area_that_takes_too_long_is_left_out_and_that_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def sleep(*_: Any) -> list[Group]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")
            return []

        quick = Group("Orders", "orders", [Finding("one", "", "/")])
        areas = [SimpleNamespace(find=sleep), SimpleNamespace(find=lambda *_: [quick])]
        monkeypatch.setattr(reading, "modules", lambda name: areas)
        monkeypatch.setattr(reading, "LONGEST_MS", 20)
        assert search(User(), Asked.read("lindqvist"), 5) == Found([quick], is_whole=False)
