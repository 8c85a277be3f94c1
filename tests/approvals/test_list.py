"""The inbox over the projection: whose request stands in which tab, in which order, and at what cost."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from approvals import sought
from approvals.counts import badge_count, inbox_counts
from approvals.listing import Listing
from tests.approvals.requests_of import Desk, cover, level

HTMX = {"HX-Request": "true"}


def request_id(number: int) -> str:
    return f"REQ-20261117-0915{number // 100:02}-{number:04}"


def asked(number: int, *levels: Any, title: str = "", **changes: Any) -> Desk:
    now = timezone.now()
    return Desk(*levels, request_id=request_id(number), at=now, title=title or f"Request {number}", **changes).save()


@pytest.fixture
def client_of(people: dict[str, User]) -> Any:
    def client_of(username: str) -> Client:
        client = Client()
        client.force_login(people[username])
        return client

    return client_of


@pytest.mark.django_db
class TestTabs:
    def test_waiting_for_me(self, client_of: Any) -> None:
        asked(1, title="Mine")
        asked(2, level("HR", "hr"), title="Another's")
        asked(3, title="Through").decide("manager").save()
        page = client_of("manager").get("/approvals/")
        assertContains(page, "Mine")
        assertNotContains(page, "Another&#x27;s")
        assertNotContains(page, "Through")
        assertContains(page, "One request waits for you.")

    def test_covering_for_others(self, client_of: Any) -> None:
        asked(1, title="For Marta", covers=[cover("manager", "bo", since=timezone.now() - timedelta(hours=1))])
        asked(2, title="Next week", covers=[cover("manager", "bo", since=timezone.now() + timedelta(days=7))])
        page = client_of("bo").get("/approvals/?tab=covering")
        assertContains(page, "For Marta")
        assertContains(page, "For Marta Kovács")
        assertNotContains(page, "Next week")

    def test_my_groups_and_what_of_them_is_not_mine(self, client_of: Any, people: dict[str, User]) -> None:
        Group.objects.create(name="Finance").user_set.add(people["employee"], people["vp"])
        asked(1, level("Finance", "vp", via="Finance"), title="My own wish")
        page = client_of("employee").get("/approvals/")
        assertContains(page, "In your group, not yours to decide")
        assertContains(page, "You asked for this, so you cannot decide it.")
        assertContains(client_of("vp").get("/approvals/?tab=groups"), "My own wish")

    def test_requested_and_decided(self, client_of: Any) -> None:
        asked(1, title="Long gone").decide("manager", False).save()
        assertContains(client_of("employee").get("/approvals/?tab=requested"), "Long gone")
        assertContains(client_of("manager").get("/approvals/?tab=decided"), "Long gone")
        assertNotContains(client_of("hr").get("/approvals/?tab=decided"), "Long gone")

    def test_all_is_for_who_may_see_every_request(self, client_of: Any, people: dict[str, User]) -> None:
        asked(1, title="Nobody else's business")
        assertNotContains(client_of("outsider").get("/approvals/?tab=all"), "Nobody else")
        people["outsider"].user_permissions.add(Permission.objects.get(codename="view_all_requests"))
        assertContains(client_of("outsider").get("/approvals/?tab=all"), "Nobody else")

    def test_an_empty_tab_says_what_will_be_there(self, client_of: Any) -> None:
        for tab in ("mine", "groups", "covering", "requested", "decided"):
            assertContains(client_of("outsider").get(f"/approvals/?tab={tab}"), '<div class="empty">')

    def test_nobody_without_the_right(self, client_of: Any, people: dict[str, User]) -> None:
        people["bo"].groups.clear()
        assert client_of("bo").get("/approvals/").status_code == 404
        assert Client().get("/approvals/").status_code == 302


@pytest.mark.django_db
class TestOrder:
    def test_the_most_urgent_first(self, client_of: Any) -> None:
        asked(1, title="Later")
        asked(2, level("Manager", "manager", escalation_seconds=7200, escalate_to=["vp"]), title="Soon")
        overdue = level("Manager", "manager", escalation_seconds=60, escalate_to=["vp"])
        asked(3, overdue, title="Overdue").wait(timedelta(minutes=5)).save()
        html = client_of("manager").get("/approvals/").content.decode()
        places = [html.index(f">{words}</a>") for words in ("Overdue", "Soon", "Later")]
        assert places == sorted(places)
        assert html.index("Due within a day") < places[1]

    def test_filters(self, client_of: Any) -> None:
        asked(1, title="Cheap", amount_cents=5_000, kind="expense")
        asked(2, title="Dear", amount_cents=5_000_000, kind="purchase")
        manager = client_of("manager")
        assertNotContains(manager.get("/approvals/?amount=large"), "Cheap")
        assertContains(manager.get("/approvals/?amount=small"), "Cheap")
        assertNotContains(manager.get("/approvals/?kind=purchase"), "Cheap")
        assertContains(manager.get("/approvals/?kind=leave"), "Without filters")

    def test_nonsense_in_the_address_is_the_first_page(self) -> None:
        query = {"tab": "x", "kind": "'", "amount": "9", "page": "-1"}
        assert Listing.read(query, sees_all=False) == Listing()


@pytest.mark.django_db
class TestSearch:
    def found(self, client: Client, query: str) -> list[str]:
        groups = client.get(f"/approvals/{query}").context["page"].groups
        return [row.title for group in groups for row in group.rows]

    @pytest.mark.parametrize(
        "q",
        [
            "REQ-20261117-091500-0001",
            "approval-REQ-20261117-091500-0001",
            "CRANE",
            "hire crane",
            "novak",
            "employee@EXAM",
        ],
    )
    def test_by_number_title_name_and_address_of_who_asked(self, client_of: Any, q: str) -> None:
        asked(1, title="Hire a crane", requester="employee")
        asked(2, title="A desk", requester="bo")
        assert self.found(client_of("manager"), f"?q={q}") == ["Hire a crane"]

    def test_in_the_tab_and_on_to_all_of_them(self, client_of: Any) -> None:
        asked(1, title="A crane to hire")
        asked(2, title="A crane, hired").decide("manager").save()
        manager = client_of("manager")
        assert self.found(manager, "?q=crane") == ["A crane to hire"]
        assertContains(manager.get("/approvals/?q=crane"), 'href="?tab=all&amp;q=crane"')
        assert sorted(self.found(manager, "?tab=all&q=crane")) == ["A crane to hire", "A crane, hired"]
        assertContains(manager.get("/approvals/?tab=decided&q=desk"), "Look in all of them")

    @pytest.mark.parametrize("q", ["crane", "employee@", "novak", "REQ-2026"])
    def test_all_are_those_that_one_may_see(self, client_of: Any, people: dict[str, User], q: str) -> None:
        begins = timezone.now() + timedelta(days=1)
        asked(1, title="A crane", requester="employee", covers=[cover("manager", "bo", since=begins)])
        # The requester, who decides; not who will cover for them tomorrow, nor who has no part in it.
        for username, found in (("employee", True), ("manager", True), ("bo", False), ("outsider", False)):
            assert bool(self.found(client_of(username), f"?tab=all&q={q}")) is found
        people["outsider"].user_permissions.add(Permission.objects.get(codename="view_all_requests"))
        assert self.found(client_of("outsider"), f"?tab=all&q={q}") == ["A crane"]

    def test_an_address_that_many_share(self, client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sought, "MOST_PEOPLE", 2)
        asked(1, title="A crane", requester="employee")
        assert self.found(client_of("manager"), "?q=example.com") == ["A crane"]

    def test_nothing_is_no_search(self, client_of: Any) -> None:
        asked(1)
        assert self.found(client_of("manager"), "?q=%00%20") == ["Request 1"]

    @pytest.mark.parametrize("q", ["x%00zz9", "%FF%FE", "%25_\\", "' OR 1=1", "x" * 5_000, "a b c d e f g"])
    def test_any_text_is_one(self, client_of: Any, q: str) -> None:
        asked(1)
        assert self.found(client_of("manager"), f"?q={q}") == []

    def test_pages_and_filters_keep_it(self) -> None:
        listing = Listing.read({"q": "crane", "tab": "all", "kind": "leave"}, sees_all=False)
        assert listing.url(page=2) == "?tab=all&q=crane&kind=leave&page=2"


@pytest.mark.django_db
class TestManyRequests:
    def test_pages_of_fifty(self, client_of: Any) -> None:
        for number in range(60):
            asked(number)
        manager = client_of("manager")
        first = manager.get("/approvals/")
        assertContains(first, 'class="req"', count=50)
        assertContains(first, "1 – 50 of 60")
        assertContains(manager.get("/approvals/?page=2"), 'class="req"', count=10)
        assertContains(manager.get("/approvals/?page=99"), "51 – 60 of 60")

    def test_as_many_queries_for_many_as_for_one(self, client_of: Any) -> None:
        manager = client_of("manager")
        asked(0)
        manager.get("/approvals/")
        with CaptureQueriesContext(
            connection,
        ) as few:
            manager.get("/approvals/")
        for number in range(1, 40):
            asked(number)
        with CaptureQueriesContext(connection) as many:
            manager.get("/approvals/")
        assert len(many) == len(few) <= 16


@pytest.mark.django_db
class TestCounts:
    def test_the_badge_counts_requests_and_not_places(self) -> None:
        # In her own name and for Vera: one request, two places.
        asked(1, level("Board", "manager", "vp", rule="all"), covers=[cover("vp", "manager", since=timezone.now())])
        assert badge_count("manager") == 1
        assert badge_count("vp") == 1
        assert badge_count("employee") == 0

    def test_the_badge_stands_on_other_pages(self, client_of: Any) -> None:
        asked(1)
        assertContains(client_of("manager").get("/orders/"), '<span class="count count--you" id="badge-approvals"')
        assertNotContains(client_of("employee").get("/orders/"), "count--you")

    def test_the_sentence(self) -> None:
        overdue = level("Manager", "manager", escalation_seconds=60, escalate_to=["vp"])
        asked(1, overdue).wait(timedelta(minutes=5)).save()
        asked(2)
        counts = inbox_counts("manager", [])
        assert (counts.mine, counts.overdue) == (2, 1)
        assert (
            "".join(part.text for part in counts.lede) == "Two requests wait for you. One is overdue, the next is due ."
        )
