"""The sockets and the long poll of the order pages, on a hub and a feed that the test moves by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group, User
from django.db.backends.utils import CursorWrapper
from django.test import AsyncClient, Client

from dashboard import health_watch, live_pages, viewers
from dashboard.health_watch import Health, Sign
from orders import live_list
from orders.contract import OrderStatus
from orders.live import live_fragments
from orders.models import Order
from temporal_worker import pulse
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import Frame
from tests.live_pages import FakeHealthWatch, FakeHub, Sockets, close_code
from tests.orders.orders_of import ORDER_ID, order_view, saved

PAGE = f"/orders/{ORDER_ID}/live/"
SOCKET = f"/ws/orders/{ORDER_ID}/"
WELL = Health((Sign("ok", "Temporal"),))
NO_WORKER = Health((Sign("bad", "No worker is running"),), workers=False)

pytestmark = pytest.mark.django_db(transaction=True)


def frame(version: int, *, closed: bool = False, unavailable: bool = False, **changes: Any) -> Frame:
    view = order_view(version=version, **changes)
    return Frame(version, closed, live_fragments(view), {"version": version, "view": view}, unavailable)


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


@pytest.fixture(autouse=True)
def fresh_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every push is checked: none leans on a check of another test."""
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


class TestOrderSocket:
    async def test_pushes_what_is_newer_than_the_page(
        self, reader: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after=3", reader)
        assert (await socket.connect())[0]
        await hub.frames.put(frame(3))
        assert await socket.receive_nothing(0.2)
        await hub.frames.put(frame(4, status=OrderStatus.PAID))
        html = await socket.receive_from()
        assert 'id="order-head" hx-swap-oob="true" data-version="4"' in html
        assert hub.watched == 1

    async def test_ends_with_the_order(
        self, reader: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after=3", reader)
        await socket.connect()
        await hub.frames.put(frame(5, closed=True, status=OrderStatus.DELIVERED))
        await hub.frames.put(None)
        assert "It has arrived" in await socket.receive_from()
        assert await close_code(socket) == 1000
        assert (hub.watched, health.callbacks) == (0, [])

    async def test_says_that_nobody_can_be_asked_and_that_it_is_back(
        self, reader: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after=3", reader)
        await socket.connect()
        await hub.frames.put(frame(3))
        await hub.frames.put(frame(3, unavailable=True))
        assert "does not answer" in await socket.receive_from()
        await hub.frames.put(frame(3))
        assert 'data-version="3"' in await socket.receive_from()

    async def test_tells_of_a_dead_worker(
        self, reader: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after=3", reader)
        await socket.connect()
        await socket.listens()
        await hub.frames.put(frame(3))
        health.tell(NO_WORKER)
        told = await socket.receive_from() + await socket.receive_from()
        assert "No worker is running" in told
        assert "does not answer" in told

    async def test_a_page_from_the_database_waits_until_all_is_well(
        self, reader: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(f"{SOCKET}?after=3&saved", reader)
        await socket.connect()
        await socket.listens()
        await hub.frames.put(frame(3))
        assert await socket.receive_nothing(0.2)
        health.tell(WELL)
        told = await socket.receive_from() + await socket.receive_from()
        assert 'data-version="3"' in told

    @pytest.mark.parametrize("path", ["/ws/orders/ORD-1/", "/ws/orders/..%2f/", "/ws/nothing/", "/ws/"])
    async def test_no_such_page(self, reader: Client, hub: FakeHub, sockets: Sockets, path: str) -> None:
        socket = await sockets(path, reader)
        await socket.connect()
        assert await close_code(socket) == 4404

    async def test_no_such_order_ends_quietly(self, reader: Client, hub: FakeHub, sockets: Sockets) -> None:
        socket = await sockets(SOCKET, reader)
        await socket.connect()
        await hub.frames.put(WorkflowNotFound(f"order-{ORDER_ID}"))
        assert await close_code(socket) == 1000


class TestRights:
    async def test_strangers_are_turned_away(self, hub: FakeHub, sockets: Sockets) -> None:
        socket = await sockets(SOCKET)
        await socket.connect()
        assert await close_code(socket) == 4403
        assert hub.watched == 0

    async def test_who_lacks_the_role_is_turned_away(
        self, log_in: Callable[..., Client], hub: FakeHub, sockets: Sockets
    ) -> None:
        """As from an order that there is none of: the code tells them nothing."""
        client = await sync_to_async(log_in)(username="nobody")
        for address in (SOCKET, "/ws/orders/ORD-none/"):
            socket = await sockets(address, client)
            await socket.connect()
            assert await close_code(socket) == 4404

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
    async def test_foreign_origins_are_refused(
        self, reader: Client, hub: FakeHub, sockets: Sockets, origin: str
    ) -> None:
        socket = await sockets(SOCKET, reader, origin=origin)
        assert not (await socket.connect())[0]

    @pytest.fixture(
        params=["log-out", "deactivation", "group", "password", "role"],
    )
    def taking_away(self, request: pytest.FixtureRequest, reader: Client) -> Callable[[], None]:
        user = User.objects.get(username="employee")

        def take_away() -> None:
            match request.param:
                case "log-out":
                    reader.post("/accounts/logout/")
                case "deactivation":
                    user.is_active = False
                    user.save()
                case "group":
                    user.groups.clear()
                case "password":
                    user.set_password("a new one")
                    user.save()
                case "role":
                    Group.objects.get(name="Staff").permissions.clear()

        return take_away

    async def test_closes_at_once_when_rights_are_gone(
        self,
        reader: Client,
        taking_away: Callable[[], None],
        hub: FakeHub,
        health: FakeHealthWatch,
        sockets: Sockets,
    ) -> None:
        socket = await sockets(SOCKET, reader)
        await socket.connect()
        await socket.listens()
        await sync_to_async(taking_away)()
        assert await close_code(socket) == 4403
        assert hub.watched == 0

    async def test_asks_again_before_each_push(
        self, reader: Client, hub: FakeHub, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        socket = await sockets(SOCKET, reader)
        await socket.connect()
        await socket.listens()
        # By another process: no signal reaches this one.
        await sync_to_async(User.objects.filter(username="employee").update)(is_active=False)
        await hub.frames.put(frame(9))
        assert await close_code(socket) == 4403

    async def test_many_viewers_cost_one_check_for_each_push(
        self,
        reader: Client,
        hub: FakeHub,
        health: FakeHealthWatch,
        sockets: Sockets,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        checks = 0
        check = viewers.viewers._check

        def counted() -> None:
            nonlocal checks
            checks += 1
            check()

        monkeypatch.setattr(viewers.viewers, "_check", counted)
        monkeypatch.setattr(viewers, "GOOD_FOR", 60.0)
        monkeypatch.setattr(viewers.viewers, "_checked_at", float("-inf"))
        opened = [await sockets(SOCKET, reader) for _ in range(12)]
        for socket in opened:
            await socket.connect()
            await socket.listens()
        health.tell(NO_WORKER)
        for socket in opened:
            assert await socket.receive_from()
        assert checks == 1


class TestListSocket:
    @pytest.fixture(autouse=True)
    def feed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No pulse: a test says itself when the counter has moved."""
        monkeypatch.setattr(pulse, "listen", self._listen)
        live_list._feeds.clear()
        self.moved: Callable[[int], None] = lambda value: None

    def _listen(self, name: str, callback: Callable[[int], None], after: int | None = None) -> Callable[[], None]:
        self.moved = callback
        return lambda: None

    async def test_moves_the_rows_it_shows_and_counts_new_ones(
        self, reader: Client, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        await sync_to_async(saved)()
        shown = await sync_to_async(Order.objects.get)()
        socket = await sockets(f"/ws/orders/?after={shown.change}&newest={shown.pk}&show={ORDER_ID}", reader)
        await socket.connect()
        await socket.listens()
        await sync_to_async(saved)(version=4, status=OrderStatus.NEEDS_ATTENTION)
        await sync_to_async(saved)("ORD-20261119-150000-abcd", version=1)
        self.moved(3)
        messages = [await socket.receive_from() for _ in range(3)]
        row = next(html for html in messages if html.startswith("<tr"))
        assert f'id="row-{ORDER_ID}" data-version="4"' in row
        summary = next(html for html in messages if "orders-lede" in html)
        assert "One order needs a person." in summary
        assert 'id="badge-orders"' in summary
        assert 'id="badge-unmatched"' not in summary  # staff do not see that list
        assert any("1 new order " in html for html in messages)

    async def test_catches_up_with_what_changed_before_it_listened(
        self, reader: Client, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        await sync_to_async(saved)()
        await sync_to_async(saved)(version=8)
        socket = await sockets(f"/ws/orders/?after=1&show={ORDER_ID}", reader)
        await socket.connect()
        while 'data-version="8"' not in await socket.receive_from():
            pass  # its counts, which may come first

    async def test_catches_up_with_its_counts_and_with_new_ones_too(
        self, reader: Client, health: FakeHealthWatch, sockets: Sockets
    ) -> None:
        """As when the socket was lost for a while: the row is not all that the page shows."""
        await sync_to_async(saved)()
        shown = await sync_to_async(Order.objects.get)()
        await sync_to_async(saved)(version=8, status=OrderStatus.NEEDS_ATTENTION)
        await sync_to_async(saved)("ORD-20261119-150000-abcd", version=1)
        address = f"/ws/orders/?after={shown.change}&newest={shown.pk}&show={ORDER_ID}"
        socket = await sockets(address, reader)
        await socket.connect()
        told = ""
        while "1 new order " not in told or "One order needs a person." not in told:
            told += await socket.receive_from()
        assert 'id="badge-attention"' in told
        while not await socket.receive_nothing(0.5):
            await socket.receive_from()
        # Who comes later has a look made anew; to the others that one says nothing of what they have been told.
        other = await sockets(address, reader)
        await other.connect()
        while "One order needs a person." not in await other.receive_from():
            pass
        again = []
        while not await socket.receive_nothing(0.5):
            again.append(await socket.receive_from())
        assert not any("orders-lede" in html or "<tr" in html for html in again)

    @pytest.mark.parametrize("query", ["", "?after=x&newest=&show=,,", "?show=<b>&after=" + "9" * 50, "?%FF=%00"])
    async def test_any_query_is_a_list(
        self, reader: Client, health: FakeHealthWatch, sockets: Sockets, query: str
    ) -> None:
        socket = await sockets(f"/ws/orders/{query}", reader)
        assert (await socket.connect())[0]
        assert await socket.receive_nothing(0.2)


@pytest.mark.parametrize("path", [f"{SOCKET}?after=3", "/ws/orders/"])
async def test_an_idle_viewer_costs_no_sql(
    reader: Client,
    hub: FakeHub,
    health: FakeHealthWatch,
    sockets: Sockets,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    monkeypatch.setattr(pulse, "listen", lambda *args, **kwargs: lambda: None)
    live_list._feeds.clear()
    socket = await sockets(path, reader)
    await socket.connect()
    await socket.listens()
    await hub.frames.put(frame(3))
    # What it has asked for on opening was asked in this thread, one after the other.
    await database_sync_to_async(lambda: None)()
    asked: list[str] = []
    execute = CursorWrapper.execute

    def noted(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        asked.append(sql)
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", noted)
    await asyncio.sleep(0.5)
    assert asked == []


class TestLongPoll:
    @pytest.fixture
    def client(self, reader: Client) -> AsyncClient:
        client = AsyncClient()
        client.cookies = reader.cookies
        return client

    async def test_answers_with_what_is_new(self, client: AsyncClient, hub: FakeHub) -> None:
        await hub.frames.put(frame(4))
        response = await client.get(f"{PAGE}?after=3")
        assert response.status_code == 200
        assert 'data-version="4"' in response.content.decode()

    async def test_answers_204_when_nothing_came(self, client: AsyncClient, hub: FakeHub) -> None:
        await hub.frames.put(None)
        assert (await client.get(PAGE)).status_code == 204

    async def test_answers_286_when_nothing_more_will_come(self, client: AsyncClient, hub: FakeHub) -> None:
        await hub.frames.put(frame(9, closed=True, status=OrderStatus.DELIVERED))
        assert (await client.get(f"{PAGE}?after=9")).status_code == 286

    async def test_answers_503_while_nobody_can_be_asked(self, client: AsyncClient, hub: FakeHub) -> None:
        await hub.frames.put(frame(3, unavailable=True))
        response = await client.get(PAGE)
        assert (response.status_code, response["Retry-After"]) == (503, "3")

    @pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9" * 30, "%00", "²"])
    async def test_refuses_what_is_no_version(self, client: AsyncClient, hub: FakeHub, after: str) -> None:
        assert (await client.get(f"{PAGE}?after={after}")).status_code == 422

    async def test_asks_for_rights_before_and_after_the_wait(self, client: AsyncClient, hub: FakeHub) -> None:
        asked = asyncio.create_task(client.get(PAGE))
        await asyncio.sleep(0.2)
        await sync_to_async(User.objects.filter(username="employee").update)(is_active=False)
        await hub.frames.put(frame(9))
        assert (await asked).status_code == 302

    async def test_sends_strangers_to_the_log_in(self, hub: FakeHub) -> None:
        response = await AsyncClient().get(PAGE)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")

    async def test_is_404_without_the_role_and_without_the_order(
        self, client: AsyncClient, log_in: Callable[..., Client], hub: FakeHub
    ) -> None:
        await hub.frames.put(WorkflowNotFound(f"order-{ORDER_ID}"))
        assert (await client.get(PAGE)).status_code == 404
        nobody = AsyncClient()
        nobody.cookies = (await sync_to_async(log_in)(username="nobody")).cookies
        assert (await nobody.get(PAGE)).status_code == 404

    async def test_an_order_past_retention_has_no_more_to_tell(self, client: AsyncClient, hub: FakeHub) -> None:
        await sync_to_async(saved)(status=OrderStatus.DELIVERED)
        await hub.frames.put(WorkflowNotFound(f"order-{ORDER_ID}"))
        assert (await client.get(PAGE)).status_code == 286
