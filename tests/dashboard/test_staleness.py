"""Lists say how old they may be while nothing reaches them: on the page, and by the sockets of those that are open."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from approvals.contract import TASK_QUEUE as APPROVALS
from campaigns.contract import TASK_QUEUE as CAMPAIGNS
from dashboard import health_watch, viewers
from dashboard.health import DATABASE, TEMPORAL, Check, queue_check_name
from dashboard.health_watch import Health, HealthWatch, Sign
from dashboard.staleness import Stale, as_of_fragment, find_stale
from orders.contract import TASK_QUEUE as ORDERS
from temporal_worker.heartbeat import ALIVE_FOR
from temporal_worker.models import DelayedSave
from tests.live_pages import FakeHealthWatch, Sockets

SINCE = datetime(2026, 11, 19, 14, 2, 10, tzinfo=UTC)
LISTS = {
    "/orders/": "orders",
    "/approvals/": "approvals",
    "/campaigns/": "campaigns",
    "/campaigns/imports/": "campaigns",
}
WELL = Health((Sign("ok", "Temporal"),))


def checks(*failing: str) -> dict[str, Check]:
    names = (DATABASE, TEMPORAL, *(queue_check_name(queue) for queue in (ORDERS, APPROVALS, CAMPAIGNS)))
    return {name: Check(name not in failing, "") for name in names}


@pytest.fixture
def everybody(db: None) -> Client:
    return _everybody()


@pytest.mark.django_db
class TestWhatIsKnown:
    def test_nothing_while_all_is_well(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        DelayedSave.note("run:1", "save_order", timezone.now())  # not late yet
        with django_assert_num_queries(1):
            assert find_stale(checks()) == ()

    def test_all_of_them_without_temporal(self) -> None:
        found = find_stale(checks(TEMPORAL))
        assert [one.area for one in found] == ["orders", "approvals", "campaigns"]
        assert {(one.why, one.since) for one in found} == {("Temporal does not answer", None)}

    def test_those_of_an_area_without_a_worker(self) -> None:
        assert find_stale(checks(queue_check_name(APPROVALS))) == (Stale("approvals", "no worker is running"),)

    @pytest.mark.parametrize(
        ("save", "area"),
        [
            ("save_order", "orders"),
            ("save_request", "approvals"),
            ("save_campaign", "campaigns"),
            ("save_import", "campaigns"),
        ],
    )
    def test_those_to_which_a_save_does_not_come(self, save: str, area: str) -> None:
        since = timezone.now() - timedelta(minutes=3)
        DelayedSave.note("run:1", save, since)
        DelayedSave.note("run:2", save, since + timedelta(minutes=1))
        assert find_stale(checks()) == (Stale(area, "what happens is saved late", since),)


class TestSince:
    """The watch looks again and again, and knows from when on something stood still."""

    def found(self, monkeypatch: pytest.MonkeyPatch, *looks: Health | Exception) -> list[Health]:
        left = list(looks)

        def look() -> Health:
            one = left.pop(0)
            if isinstance(one, Exception):
                raise one
            return one

        monkeypatch.setattr(health_watch, "look", look)
        watch, found = HealthWatch(), []
        for _ in looks:
            watch._look()
            found.append(watch._last)
        return found

    def test_the_last_look_that_found_it_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        away = replace(WELL, stale=(Stale("orders", "no worker is running"),))
        before = timezone.now()
        found = self.found(monkeypatch, WELL, away, away, RuntimeError("once"), away, WELL)
        since = found[1].stale[0].since
        assert since is not None
        assert before <= since + ALIVE_FOR <= timezone.now()
        assert [one.lists["orders"].since for one in found[1:5]] == [since] * 4
        assert found[5].stale == ()

    def test_nobody_knows_what_was_before_the_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        away = replace(WELL, stale=(Stale("orders", "Temporal does not answer"),))
        assert [one.stale[0].since for one in self.found(monkeypatch, away, away)] == [None, None]

    def test_what_is_saved_late_is_as_old_as_its_save(self, monkeypatch: pytest.MonkeyPatch) -> None:
        late = replace(WELL, stale=(Stale("orders", "what happens is saved late", SINCE),))
        assert self.found(monkeypatch, WELL, late)[1] == late


class TestPages:
    @pytest.mark.parametrize(("page", "area"), LISTS.items())
    def test_say_it_beside_their_title(
        self, everybody: Client, monkeypatch: pytest.MonkeyPatch, page: str, area: str
    ) -> None:
        nothing = as_of_fragment(None)
        monkeypatch.setattr(health_watch, "current", lambda: WELL)
        assert nothing.strip() in everybody.get(page).content.decode()

        stale = Stale(area, "Temporal does not answer", SINCE)
        monkeypatch.setattr(health_watch, "current", lambda: replace(WELL, stale=(stale,)))
        html = everybody.get(page).content.decode()
        assert as_of_fragment(stale).strip() in html
        assert "As of" in html
        assert "2026-11-19 14:02:10 UTC" in html

        others = tuple(Stale(other, "no worker is running", SINCE) for other in set(LISTS.values()) - {area})
        monkeypatch.setattr(health_watch, "current", lambda: replace(WELL, stale=others))
        assert "As of" not in everybody.get(page).content.decode()

    def test_say_it_without_a_time_that_nobody_knows(self) -> None:
        assert "Perhaps not up to date: no worker is running" in as_of_fragment(Stale("orders", "no worker is running"))


@pytest.mark.django_db(transaction=True)
class TestSockets:
    @pytest.fixture
    def health(self, monkeypatch: pytest.MonkeyPatch) -> FakeHealthWatch:
        fake = FakeHealthWatch()
        monkeypatch.setattr(health_watch, "listen", fake.listen)
        monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
        return fake

    @pytest.fixture
    async def sockets(self, health: FakeHealthWatch) -> AsyncIterator[Sockets]:
        opened = Sockets()
        yield opened
        await opened.close()

    @pytest.mark.parametrize(("page", "area"), LISTS.items())
    async def test_tell_who_has_the_list_open(
        self, health: FakeHealthWatch, sockets: Sockets, page: str, area: str
    ) -> None:
        client = await sync_to_async(_everybody)()
        socket = await sockets(f"/ws{page}", client)
        await socket.connect()
        await socket.listens()
        stale = replace(WELL, stale=(Stale(area, "no worker is running", SINCE),))
        told = []
        for finding in (WELL, stale):
            health.tell(finding)
            told.append(await _until_as_of(socket))
        health.tell(stale)
        told.append("")
        while not await socket.receive_nothing(0.4):
            told[-1] += await socket.receive_from()
        health.tell(WELL)
        told.append(await _until_as_of(socket))
        assert ["As of" in html for html in told] == [False, True, False, False]
        assert ['id="as-of"' in html for html in told] == [True, True, False, True]


async def _until_as_of(socket: Any) -> str:
    """What is said up to how old the rows are."""
    html = ""
    while 'id="as-of"' not in html:
        html += await socket.receive_from()
    return html


def _everybody() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client
