"""The sockets and the long poll of a person's page: on a hub that the test moves by hand, and with a real worker."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import AsyncClient, Client
from pytest_django.asserts import assertContains

from campaigns import gateway, live_actor, projection
from campaigns.contract import SendDecision
from campaigns.live_actor import actor_source, live_fragments
from campaigns.live_log import log_feed, told_fragment
from campaigns.models import SandboxMessage
from campaigns.send_log import Grant, Refusal, record_refusals
from dashboard import health_watch, live_pages, viewers
from dashboard.health_watch import Health, Sign
from dashboard.roles import ADMINISTRATORS, MARKETERS, STAFF
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import Frame
from temporal_worker.models import ChangeCounter
from tests.campaigns.batches import actors_running, begin, cap, person, uid
from tests.campaigns.inspected import at, page, sent
from tests.eventually import aeventually
from tests.live_pages import PATIENCE, FakeHealthWatch, FakeHub, Sockets, close_code

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _ids(monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)


@pytest.fixture
def log_in(db: None) -> Callable[..., Client]:
    def log_in(*groups: str, username: str = "somebody") -> Client:
        user = User.objects.create_user(username)
        user.groups.set(Group.objects.filter(name__in=groups))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def mara(log_in: Callable[..., Client]) -> Client:
    return log_in(MARKETERS, username="mara")


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(live_pages, "get_hub", lambda: fake)
    return fake


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> FakeHealthWatch:
    fake = FakeHealthWatch()
    monkeypatch.setattr(health_watch, "listen", fake.listen)
    return fake


def frame(version: int, number: int = 0, *, unavailable: bool = False) -> Frame:
    """After ``number`` messages."""
    drawn = page([sent(at(f"2026-11-19 1{n}:00"), "push") for n in range(number)])
    drawn.view.version = version
    return Frame(version, False, live_fragments(drawn), {"version": version, "view": drawn.view}, unavailable)


def socket_of(number: int = 1, rest: str = "?after=3") -> str:
    return f"/ws/campaigns/users/{uid(number)}/{rest}"


class TestSocket:
    async def test_pushes_what_is_newer_than_the_page(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(socket_of(), mara)
        await socket.connect()
        await hub.frames.put(frame(3))
        assert await socket.receive_nothing(0.2)
        await hub.frames.put(frame(4, 1))
        html = await socket.receive_from()
        assert 'id="actor-head" hx-swap-oob="true" data-version="4"' in html
        assert "1 · Push 10:00" in html

    async def test_says_that_nobody_can_be_asked_and_that_it_is_back(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(socket_of(), mara)
        await socket.connect()
        await hub.frames.put(frame(3))
        await hub.frames.put(frame(3, unavailable=True))
        assert "does not answer" in await socket.receive_from()
        await hub.frames.put(frame(3))
        assert 'data-version="3"' in await socket.receive_from()

    async def test_an_actor_that_does_not_run_is_looked_for_now_and_then(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live_actor, "LOOKED_FOR_EVERY", 0.3)
        await sync_to_async(person)()
        socket = await sockets(socket_of(rest="?after=0"), mara)
        await socket.connect()
        for _ in range(2):
            await hub.frames.put(WorkflowNotFound("user-actor"))
        await hub.frames.put(frame(1, 1))
        assert 'data-version="1"' in await socket.receive_from()
        first, second, third = hub.looked_at
        assert min(second - first, third - second) >= 0.29  # it has not looked again at once

    @pytest.mark.parametrize("path", ["/ws/campaigns/users/..%2f/", f"/ws/campaigns/users/{'x' * 65}/"])
    async def test_odd_ids_are_nobody(self, mara: Client, hub: FakeHub, sockets: Sockets, path: str) -> None:
        socket = await sockets(path, mara)
        await socket.connect()
        assert await close_code(socket) == 4404

    async def test_nobody_ends_quietly(self, mara: Client, hub: FakeHub, sockets: Sockets) -> None:
        socket = await sockets("/ws/campaigns/users/nobody/", mara)
        await socket.connect()
        await hub.frames.put(WorkflowNotFound("user-actor-nobody"))
        assert await close_code(socket) == 1000


def refuse(*numbers: int, grant_id: str = "api:ann:1", tells: bool = True) -> None:
    decision = SendDecision(False, "opted_out", "They have opted out.", rule="opted_out", at=at("2026-11-19 12:00"))
    refusals = [Refusal(Grant(f"{grant_id}:{n}", uid(n), "sms", "marketing"), decision) for n in numbers]
    record_refusals(refusals, tells=tells)


@sync_to_async
def a_campaign_is_saved() -> None:
    with transaction.atomic():
        ChangeCounter.bump(projection.COUNTER)


async def told(socket: Any) -> str:
    """The next word about the log; the badge of the campaigns may come before it."""
    while "actor-told" not in (html := await socket.receive_from()):
        pass
    return str(html)


class TestLog:
    async def test_a_refusal_makes_the_page_ask_anew_though_the_actor_has_no_new_version(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        await sync_to_async(refuse)(1)
        socket = await sockets(socket_of(rest="?after=3&logged=1"), mara)
        await socket.connect()
        await hub.frames.put(frame(3))
        await sync_to_async(refuse)(2)  # somebody else
        assert await socket.receive_nothing(1.5)
        await sync_to_async(refuse)(1, grant_id="CMP-1:1", tells=False)
        await a_campaign_is_saved()
        assert await told(socket) == told_fragment(2)
        await sync_to_async(refuse)(1, grant_id="api:ann:2")
        assert await told(socket) == told_fragment(3)

    async def test_what_came_before_the_socket_was_open_is_told(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        await sync_to_async(refuse)(1)
        socket = await sockets(socket_of(rest="?after=3&logged=0"), mara)
        await socket.connect()
        assert await told(socket) == told_fragment(1)

    async def test_nobody_listens_when_the_page_is_closed(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(socket_of(rest="?after=3&logged=0"), mara)
        await socket.connect()
        await socket.listens()
        assert log_feed()._listeners
        await sockets.close()
        assert not log_feed()._listeners

    def test_the_page_says_how_much_of_the_log_it_shows(self, mara: Client) -> None:
        person()
        refuse(1)
        answer = mara.get(f"/campaigns/users/{uid(1)}/")
        assertContains(answer, "&amp;logged=1")
        assertContains(answer, '<span id="actor-told" data-also="logged" data-number="1" hidden>')

    def test_so_does_the_tab(self, mara: Client) -> None:
        person()
        answer = mara.get(f"/campaigns/users/{uid(1)}/").content.decode()
        said = re.search(r'data-title="([^"]+)"', answer)
        assert said is not None
        assert re.fullmatch(r"(Reachable|Waits|Unreachable) · .+ · Callboard", said[1])
        assert f"<title>{said[1]}</title>" in answer


class TestRights:
    @pytest.mark.parametrize("rest", ["", "stampede/"])
    async def test_strangers_and_who_lacks_the_role_are_turned_away(
        self, log_in: Callable[..., Client], hub: FakeHub, sockets: Sockets, rest: str
    ) -> None:
        staff = await sync_to_async(log_in)(STAFF)
        for client, code in ((None, 4403), (staff, 4404)):
            socket = await sockets(socket_of(rest=rest), client)
            await socket.connect()
            assert await close_code(socket) == code
        assert hub.watched == 0

    @pytest.mark.parametrize("rest", ["", "stampede/"])
    async def test_foreign_origins_are_refused(self, mara: Client, sockets: Sockets, rest: str) -> None:
        socket = await sockets(socket_of(rest=rest), mara, origin="http://evil.example")
        assert not (await socket.connect())[0]

    async def test_closes_at_once_when_rights_are_gone(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(socket_of(), mara)
        await socket.connect()
        await socket.listens()
        await sync_to_async(lambda: User.objects.get(username="mara").groups.clear())()
        assert await close_code(socket) == 4403
        assert hub.watched == 0

    async def test_asks_again_before_each_push(
        self, mara: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(socket_of(), mara)
        await socket.connect()
        await socket.listens()
        # By another process: no signal reaches this one.
        await sync_to_async(User.objects.filter(username="mara").update)(is_active=False)
        await hub.frames.put(frame(9))
        assert await close_code(socket) == 4403

    async def test_who_may_look_and_not_send_has_no_stampede(
        self, log_in: Callable[..., Client], sockets: Sockets, settings: Any
    ) -> None:
        settings.DEMO = True
        await sync_to_async(person)()
        admin = await sync_to_async(log_in)(ADMINISTRATORS)
        socket = await sockets(socket_of(rest="stampede/"), admin)
        await socket.connect()
        assert await close_code(socket) == 4404


class TestLongPoll:
    @pytest.fixture
    def client(self, mara: Client) -> AsyncClient:
        client = AsyncClient()
        client.cookies = mara.cookies
        return client

    def address(self) -> str:
        return f"/campaigns/users/{uid()}/live/"

    async def test_answers_with_what_is_new(self, client: AsyncClient, hub: FakeHub) -> None:
        await hub.frames.put(frame(4))
        response = await client.get(f"{self.address()}?after=3")
        assert response.status_code == 200
        assert 'data-version="4"' in response.content.decode()

    async def test_of_an_actor_that_does_not_run_nothing_comes_for_a_while(
        self, client: AsyncClient, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live_actor, "LOOKED_FOR_EVERY", 0.3)
        await sync_to_async(person)()
        await hub.frames.put(WorkflowNotFound("user-actor"))
        began = asyncio.get_running_loop().time()
        assert (await client.get(self.address())).status_code == 204
        assert asyncio.get_running_loop().time() - began > 0.25

    async def test_tells_of_a_refusal_as_the_socket_does(self, client: AsyncClient, hub: FakeHub) -> None:
        await sync_to_async(refuse)(1)
        waiting = asyncio.ensure_future(client.get(f"{self.address()}?after=3&logged=1"))
        await aeventually(lambda: bool(log_feed()._listeners))
        await sync_to_async(refuse)(2)  # somebody else
        await a_campaign_is_saved()
        assert not waiting.done()
        await sync_to_async(refuse)(1, grant_id="CMP-1:1", tells=False)
        await a_campaign_is_saved()
        response = await asyncio.wait_for(waiting, PATIENCE)
        assert (response.status_code, response.content.decode()) == (200, told_fragment(2))
        assert not log_feed()._listeners

    async def test_tells_of_what_came_between_two_polls(self, client: AsyncClient, hub: FakeHub) -> None:
        await sync_to_async(refuse)(1)
        response = await client.get(f"{self.address()}?after=3&logged=0")
        assert response.content.decode() == told_fragment(1)

    async def test_the_actors_news_come_as_before(self, client: AsyncClient, hub: FakeHub) -> None:
        await hub.frames.put(frame(4))
        response = await client.get(f"{self.address()}?after=3&logged=0")
        assert 'data-version="4"' in response.content.decode()
        assert not log_feed()._listeners

    async def test_who_may_not_look_is_not_told_of_the_log_either(
        self, log_in: Callable[..., Client], hub: FakeHub
    ) -> None:
        await sync_to_async(refuse)(1)
        staff = AsyncClient()
        staff.cookies = (await sync_to_async(log_in)(STAFF)).cookies
        assert (await staff.get(f"{self.address()}?after=3&logged=0")).status_code == 404
        assert (await AsyncClient().get(f"{self.address()}?after=3&logged=0")).status_code == 302

    async def test_a_number_that_is_none_is_not_listened_with(self, client: AsyncClient, hub: FakeHub) -> None:
        await sync_to_async(refuse)(1)
        await hub.frames.put(frame(4))
        response = await client.get(f"{self.address()}?after=3&logged=x")
        assert 'data-version="4"' in response.content.decode()

    async def test_refuses_what_is_no_version_and_whoever_may_not_look(
        self, client: AsyncClient, log_in: Callable[..., Client], hub: FakeHub
    ) -> None:
        assert (await client.get(f"{self.address()}?after=x")).status_code == 422
        staff = AsyncClient()
        staff.cookies = (await sync_to_async(log_in)(STAFF)).cookies
        assert (await staff.get(self.address())).status_code == 404
        assert (await AsyncClient().get(self.address())).status_code == 302


@pytest.mark.usefixtures("worker")
class TestWithAnActor:
    async def test_the_page_moves_with_each_grant(
        self, mara: Client, sockets: Sockets, health: FakeHealthWatch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live_actor, "LOOKED_FOR_EVERY", 0.3)
        await sync_to_async(self.prepared)()
        socket = await sockets(socket_of(rest="?after=0"), mara)
        await socket.connect()
        await asyncio.sleep(0.5)
        assert await sync_to_async(actors_running)() == set()  # looking has started nobody
        await sync_to_async(self.ask)(1, "s-0000001")
        html = await socket.receive_from()
        assert "Two of three sends are left" in html
        await sync_to_async(self.ask)(1, "s-0000002")
        while "One of three sends is left" not in html:
            html = await socket.receive_from()

    def prepared(self) -> None:
        cap(3)
        person()

    def ask(self, number: int, key: str) -> Any:
        user = User.objects.get(username="mara")
        return gateway.stampede(uid(), user=user, requests=number, channel="push", key=key)

    async def test_the_source_starts_nobody_and_knows_nobody(self) -> None:
        await sync_to_async(self.prepared)()
        with pytest.raises(WorkflowNotFound):
            await actor_source.fetch(f"user-actor-{uid()}", 2.0)
        assert await sync_to_async(actors_running)() == set()


@pytest.mark.usefixtures("worker")
class TestStampede:
    def begin(self, settings: Any, most: int = 3) -> str:
        settings.DEMO = True
        cap(most)
        person()
        return f"/campaigns/users/{uid()}/stampede/"

    def test_as_many_as_the_cap_leaves_and_they_can_be_given_back(self, mara: Client, settings: Any) -> None:
        path = self.begin(settings)
        sent_form = {"requests": "20", "channel": "push", "idempotency_key": "key-00000001"}
        response = mara.post(path, sent_form)
        assertContains(response, "20 asked, 3 granted, 17 refused by cap_day.")
        html = response.content.decode()
        assert html.count("status--ok") >= 3
        assert len(re.findall(r"<b>Campaign \d+</b>", html)) == 20
        assert SandboxMessage.objects.count() == 0
        assertContains(mara.post(path, sent_form), "20 asked, 3 granted, 17 refused by cap_day.")
        numbers = re.search(r'name="numbers" value="([\d,]+)"', html)
        assert numbers is not None
        given = {"run": "key-00000001", "numbers": numbers[1]}
        for _ in range(2):
            assert mara.post(f"{path}return/", given).status_code == 302
        user = User.objects.get(username="mara")
        assert gateway.read_actor(uid(), user=user).view.count == 0
        assertContains(mara.post(path, sent_form | {"idempotency_key": "key-00000002"}), "3 granted")

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"requests": "0"}, "greater than or equal to 1"),
            ({"requests": "101"}, "less than or equal to 100"),
            ({"requests": "many"}, "whole number"),
            ({"channel": "pigeon"}, "not one of the available choices"),
        ],
    )
    def test_what_makes_no_sense_is_said_at_its_field(
        self, mara: Client, settings: Any, typed: dict[str, str], said: str
    ) -> None:
        path = self.begin(settings)
        assertContains(mara.post(path, {"requests": "5", "channel": "push", **typed}), said, status_code=422)
        assert actors_running() == set()

    @pytest.mark.parametrize("numbers", ["", "0", "101", "1,,2", "x", "1;2", "9" * 500])
    def test_only_numbers_of_a_stampede_are_given_back(self, mara: Client, settings: Any, numbers: str) -> None:
        path = self.begin(settings)
        answer = mara.post(f"{path}return/", {"run": "key-00000001", "numbers": numbers})
        assert answer.status_code in (404, 422)

    async def test_each_answer_comes_as_it_is_given(
        self, mara: Client, sockets: Sockets, settings: Any, health: FakeHealthWatch
    ) -> None:
        await sync_to_async(self.begin)(settings)
        socket = await sockets(socket_of(rest="stampede/"), mara)
        await socket.connect()
        for junk in ("", "[]", "{", json.dumps({"requests": 5}), "x" * 9_000):
            await socket.send_to(text_data=junk or " ")
        message = {"requests": "12", "channel": "push", "idempotency_key": "key-00000003", "HEADERS": {}}
        told = await self.collected(socket)  # what made no sense is said in the form
        assert "This field is required." in told
        await socket.send_to(text_data=json.dumps(message))
        told = await self.collected(socket)
        assert "12 asked, 3 granted, 9 refused by cap_day." in told
        assert sorted(int(one) for one in re.findall(r"<b>Campaign (\d+)</b>", told)) == list(range(1, 13))
        assert told.index("Campaign ") < told.index("12 asked, 3 granted")

    async def collected(self, socket: Any) -> str:
        told = ""
        while 'id="stampede-form"' not in told:
            told += await socket.receive_from()
        return told
