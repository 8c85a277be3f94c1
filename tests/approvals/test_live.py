"""The sockets and the long poll of the approval pages, on a hub and a feed that the test moves by hand."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient, Client
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from approvals import live_list
from approvals.contract import ApprovalView
from approvals.live import live_fragments
from approvals.models import ApprovalRequest, Involvement
from approvals.notifiers.retries import noting_retries
from approvals.projection import COUNTER
from dashboard import health_watch, live_pages, viewers
from temporal_worker import pulse
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import Frame
from tests.approvals.requests_of import REQUEST_ID, Desk
from tests.live_pages import FakeHealthWatch, FakeHub, Sockets, close_code

SOCKET = f"/ws/approvals/{REQUEST_ID}/"
POLL = f"/approvals/{REQUEST_ID}/live/"

pytestmark = pytest.mark.django_db(transaction=True)


def frame(view: ApprovalView, *, closed: bool = False, unavailable: bool = False) -> Frame:
    return Frame(view.version, closed, live_fragments(view), {"version": view.version, "view": view}, unavailable)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(live_pages, "get_hub", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def health(monkeypatch: pytest.MonkeyPatch) -> FakeHealthWatch:
    fake = FakeHealthWatch()
    monkeypatch.setattr(health_watch, "listen", fake.listen)
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
    return fake


class Counter:
    """The pulse: a test says itself when the counter of the approvals has moved. No other one does."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[int], None]] = []

    def listen(self, name: str, callback: Callable[[int], None], after: int | None = None) -> Callable[[], None]:
        if name != COUNTER:
            return lambda: None
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def move(self) -> None:
        for callback in list(self.callbacks):
            callback(0)


@pytest.fixture(autouse=True)
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    fake = Counter()
    monkeypatch.setattr(pulse, "listen", fake.listen)
    live_list._feeds.clear()
    return fake


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


@pytest.fixture
def client_of(people: dict[str, User]) -> Callable[[str], Client]:
    def client_of(username: str) -> Client:
        client = Client()
        client.force_login(people[username])
        return client

    return client_of


@pytest.fixture
def desk(people: dict[str, User]) -> Desk:
    return Desk(at=timezone.now()).save()


class TestRequestSocket:
    async def test_pushes_what_is_newer_than_the_page(
        self, client_of: Any, desk: Desk, hub: FakeHub, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after={desk.view.version}", await sync_to_async(client_of)("manager"))
        await socket.connect()
        await hub.frames.put(frame(desk.view))
        assert await socket.receive_nothing(0.2)
        await hub.frames.put(frame(desk.decide("manager").view))
        html = await socket.receive_from()
        assert f'data-version="{desk.view.version}"' in html
        assert "approved on the web" in html

    async def test_says_what_is_being_tried_again(
        self, client_of: Any, desk: Desk, hub: FakeHub, counter: Counter, sockets: Sockets
    ) -> None:
        """Its workflow does not know of it: the request's row does, and it has changed."""
        socket = await sockets(f"{SOCKET}?after={desk.view.version}", await sync_to_async(client_of)("employee"))
        await socket.connect()
        await socket.listens()

        def fails() -> None:
            with pytest.raises(ApplicationError), noting_retries(REQUEST_ID, "mail", "The mail to Marta"):
                raise ApplicationError("The server is away.")

        await sync_to_async(fails)()
        counter.move()
        told = [await socket.receive_from() for _ in range(2)]
        assert any("The mail to Marta" in html and 'id="request-retries"' in html for html in told)

    async def test_ends_with_the_request(self, client_of: Any, desk: Desk, hub: FakeHub, sockets: Sockets) -> None:
        socket = await sockets(f"{SOCKET}?after=1", await sync_to_async(client_of)("employee"))
        await socket.connect()
        await hub.frames.put(frame(desk.decide("manager", False).view, closed=True))
        await hub.frames.put(None)
        assert "It was rejected" in await socket.receive_from()
        assert await close_code(socket) == 1000

    async def test_who_has_no_part_in_it_sees_nothing(
        self, client_of: Any, desk: Desk, hub: FakeHub, sockets: Sockets
    ) -> None:
        socket = await sockets(SOCKET, await sync_to_async(client_of)("outsider"))
        await socket.connect()
        assert await close_code(socket) == 4404
        assert hub.watched == 0

    async def test_strangers_are_turned_away(self, desk: Desk, hub: FakeHub, sockets: Sockets) -> None:
        socket = await sockets(SOCKET)
        await socket.connect()
        assert await close_code(socket) == 4403

    async def test_who_has_no_part_any_more_gets_nothing_more(
        self, client_of: Any, desk: Desk, hub: FakeHub, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after=1", await sync_to_async(client_of)("hr"))
        await socket.connect()
        await socket.listens()
        await sync_to_async(Involvement.objects.filter(username="hr").delete)()
        await hub.frames.put(frame(desk.decide("manager").view))
        assert await close_code(socket) == 4403

    async def test_who_may_not_see_all_any_more_gets_nothing_more(
        self, client_of: Any, people: dict[str, User], desk: Desk, hub: FakeHub, sockets: Sockets
    ) -> None:
        see_all = await Permission.objects.aget(codename="view_all_requests")
        await people["outsider"].user_permissions.aadd(see_all)
        socket = await sockets(f"{SOCKET}?after=1", await sync_to_async(client_of)("outsider"))
        await socket.connect()
        await socket.listens()
        assert hub.watched == 1
        await people["outsider"].user_permissions.aremove(see_all)
        await hub.frames.put(frame(desk.decide("manager").view))
        assert await close_code(socket) in {4403, 4404}

    @pytest.mark.parametrize("path", ["/ws/approvals/REQ-1/", "/ws/approvals/..%2f/"])
    async def test_no_such_page(self, client_of: Any, hub: FakeHub, sockets: Sockets, path: str) -> None:
        socket = await sockets(path, await sync_to_async(client_of)("manager"))
        await socket.connect()
        assert await close_code(socket) == 4404

    async def test_says_that_nobody_can_be_asked(
        self, client_of: Any, desk: Desk, hub: FakeHub, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after={desk.view.version}", await sync_to_async(client_of)("manager"))
        await socket.connect()
        await hub.frames.put(frame(desk.view, unavailable=True))
        assert "does not answer" in await socket.receive_from()


class TestInboxAndBadges:
    async def test_the_badge_moves_on_a_page_of_another_area(
        self, client_of: Any, desk: Desk, counter: Counter, sockets: Sockets
    ) -> None:
        socket = await sockets("/ws/shell/", await sync_to_async(client_of)("hr"))
        await socket.connect()
        await socket.listens()
        await sync_to_async(desk.decide("manager").save)()
        counter.move()
        html = await socket.receive_from()
        assert 'id="badge-approvals"' in html
        assert "</span>1</span>" in html

    async def test_only_whom_it_concerns_draws_the_list_anew(
        self, client_of: Any, desk: Desk, counter: Counter, sockets: Sockets
    ) -> None:
        change = (await ApprovalRequest.objects.aget()).change
        hr = await sockets(f"/ws/approvals/?after={change}", await sync_to_async(client_of)("hr"))
        outsider = await sockets(f"/ws/approvals/?after={change}", await sync_to_async(client_of)("outsider"))
        for socket in (hr, outsider):
            await socket.connect()
            await socket.listens()
        await sync_to_async(desk.decide("manager").save)()
        counter.move()
        told = await hr.receive_from() + await hr.receive_from()
        assert 'id="inbox-news"' in told
        assert "inbox-news" not in await outsider.receive_from()
        assert await outsider.receive_nothing(0.3)

    async def test_who_is_no_longer_named_hears_of_it_too(
        self, client_of: Any, desk: Desk, counter: Counter, sockets: Sockets
    ) -> None:
        socket = await sockets("/ws/approvals/?after=99", await sync_to_async(client_of)("manager"))
        await socket.connect()
        await socket.listens()
        counter.move()
        assert "</span>1</span>" in await socket.receive_from()
        await sync_to_async(Involvement.objects.filter(username="manager").delete)()
        counter.move()
        told = await socket.receive_from() + await socket.receive_from()
        assert 'id="inbox-news"' in told

    async def test_what_came_while_the_page_was_drawn(
        self, client_of: Any, desk: Desk, counter: Counter, sockets: Sockets
    ) -> None:
        socket = await sockets("/ws/approvals/?after=0", await sync_to_async(client_of)("manager"))
        await socket.connect()
        assert 'id="inbox-news"' in await socket.receive_from()


class TestPoll:
    @staticmethod
    async def ask(client_of: Any, username: str, query: str = "?after=1") -> Any:
        browser = await sync_to_async(client_of)(username)
        client = AsyncClient()
        client.cookies = browser.cookies
        return await client.get(f"{POLL}{query}")

    async def test_answers_with_what_is_newer(self, client_of: Any, desk: Desk, hub: FakeHub) -> None:
        await hub.frames.put(frame(desk.view))
        response = await self.ask(client_of, "manager")
        assert response.status_code == 200
        assert 'id="request-head"' in response.content.decode()

    async def test_nothing_new_is_204_and_the_end_286(self, client_of: Any, desk: Desk, hub: FakeHub) -> None:
        await hub.frames.put(None)
        assert (await self.ask(client_of, "manager")).status_code == 204
        await hub.frames.put(frame(desk.decide("manager", False).view, closed=True))
        assert (await self.ask(client_of, "manager")).status_code == 286
        await hub.frames.put(WorkflowNotFound("approval"))
        await sync_to_async(desk.save)()
        assert (await self.ask(client_of, "manager")).status_code == 286

    async def test_is_not_there_for_who_has_no_part(self, client_of: Any, desk: Desk, hub: FakeHub) -> None:
        assert (await self.ask(client_of, "outsider")).status_code == 404

    @pytest.mark.parametrize("after", ["x", "-1", "1" * 30])
    async def test_nonsense_is_422(self, client_of: Any, desk: Desk, hub: FakeHub, after: str) -> None:
        assert (await self.ask(client_of, "manager", f"?after={after}")).status_code == 422
