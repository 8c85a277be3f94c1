"""The home page's socket and its long poll, on a pulse that the test moves by hand."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import AsyncClient, Client
from django.utils import timezone

from dashboard import health_watch, live_pages, viewers
from dashboard.home import live, machinery
from dashboard.home import snapshots as snapshots_module
from dashboard.home.frames import frames
from dashboard.home.machinery import Machinery
from dashboard.home.polling import Seen
from dashboard.home.snapshots import Snapshot, Snapshots, snapshots
from dashboard.roles import OPERATIONS
from temporal_worker import pulse
from tests.approvals.requests_of import Desk
from tests.eventually import aeventually, eventually
from tests.live_pages import PATIENCE, FakeHealthWatch, Sockets, close_code
from tests.orders.orders_of import saved

pytestmark = pytest.mark.django_db(transaction=True)


class Moves:
    """In the pulse's place: ``tell`` says of each counter that somebody listens to that it has moved."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[int], None]] = []

    def listen(self, name: str, callback: Callable[[int], None], after: int | None = None) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def tell(self) -> None:
        for callback in list(self.callbacks):
            callback(99)


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Moves:
    fake = Moves()
    monkeypatch.setattr(pulse, "listen", fake.listen)
    monkeypatch.setattr(health_watch, "listen", FakeHealthWatch().listen)
    monkeypatch.setattr(machinery.watch, "current", lambda: Machinery((), temporal=True))
    monkeypatch.setattr(snapshots_module, "EVERY", 0.0)
    monkeypatch.setattr(live, "TICK", 60.0)
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
    live._feeds.clear()
    snapshots.forget()
    frames.forget()
    return fake


@pytest.fixture
def reader(moves: Moves) -> Client:
    user = User.objects.create_user("olga")
    user.groups.set(Group.objects.filter(name=OPERATIONS))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


async def _seen(client: Client | AsyncClient) -> str:
    """What the page as it is drawn now says that it shows."""
    answer = await client.get("/") if isinstance(client, AsyncClient) else await sync_to_async(client.get)("/")
    html = answer.content.decode()
    return str(html.split("/ws/home/?seen=")[1].split('"')[0])


async def _received(socket: Any, text: str) -> list[str]:
    """All messages up to the one that has the text."""
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not found or text not in found[-1]:
            found.append(await socket.receive_from())
    return found


async def test_sends_the_pieces_that_have_changed_and_no_others(reader: Client, moves: Moves, sockets: Sockets) -> None:
    socket = await sockets(f"/ws/home/?seen={await _seen(reader)}", reader)
    await socket.connect()
    await socket.listens()
    assert await socket.receive_nothing(0.5)
    await sync_to_async(saved)(placed_at=timezone.now())
    moves.tell()
    messages = "".join(await _received(socket, 'id="home-machinery"'))  # how far lists are behind
    assert 'id="home-events"' in messages
    assert 'id="home-figures"' in messages
    assert 'id="home-day"' not in messages
    assert 'id="home-running"' not in messages


async def test_a_page_that_is_old_gets_all_of_it(reader: Client, moves: Moves, sockets: Sockets) -> None:
    socket = await sockets("/ws/home/?seen=long-ago", reader)
    await socket.connect()
    assert 'id="home-needs"' in "".join(await _received(socket, 'id="home-machinery"'))


async def test_what_changes_together_comes_in_one_message(reader: Client, moves: Moves, sockets: Sockets) -> None:
    socket = await sockets("/ws/home/?seen=long-ago", reader)
    await socket.connect()
    (message,) = [one for one in await _received(socket, 'id="home-seen"') if "home-" in one]
    assert all(f'id="home-{name}"' in message for name in ("needs", "figures", "funnels", "events", "machinery"))


async def test_who_loses_a_role_is_shown_no_more(reader: Client, moves: Moves, sockets: Sockets) -> None:
    socket = await sockets(f"/ws/home/?seen={await _seen(reader)}", reader)
    await socket.connect()
    await socket.listens()
    assert await socket.receive_nothing(0.3)
    user = await User.objects.aget(username="olga")
    await sync_to_async(user.groups.clear)()
    assert await close_code(socket) == 4403


async def test_whom_a_request_concerns_is_told_to_fetch_it(moves: Moves, sockets: Sockets) -> None:
    manager = await User.objects.acreate(username="manager")
    await sync_to_async(lambda: manager.groups.set(Group.objects.filter(name="Auditors")))()
    client = Client()
    await sync_to_async(client.force_login)(manager)
    socket = await sockets(f"/ws/home/?seen={await _seen(client)}", client)
    await socket.connect()
    await socket.listens()
    assert await socket.receive_nothing(0.3)
    await sync_to_async(lambda: Desk(at=timezone.now()).save())()
    moves.tell()
    await _received(socket, 'id="home-news"')


async def test_a_socket_that_opens_again_has_what_the_page_shows_now(
    reader: Client, moves: Moves, sockets: Sockets
) -> None:
    """What has changed to and fro since the page was drawn would else be taken for unchanged."""
    drawn = await _seen(reader)
    socket = await sockets(f"/ws/home/?seen={drawn}", reader)
    await socket.connect()
    await socket.listens()
    assert await socket.receive_nothing(0.3)
    await sync_to_async(saved)(placed_at=timezone.now())
    moves.tell()
    noted = (await _received(socket, 'id="home-seen"'))[-1]
    assert _noted(noted) == await _seen(reader) != drawn


class TestLongPoll:
    async def test_brings_what_the_page_lacks_and_is_held_when_it_lacks_nothing(
        self, reader: Client, moves: Moves
    ) -> None:
        browser = _browser(reader)
        drawn = await _seen(reader)
        waiting = asyncio.create_task(browser.get(f"/home/live/?after={drawn}"))
        await _is_held(waiting, moves)
        await sync_to_async(saved)(placed_at=timezone.now())
        moves.tell()
        answer = await asyncio.wait_for(waiting, PATIENCE)
        html = answer.content.decode()
        assert answer.status_code == 200
        assert 'id="home-events"' in html
        assert 'id="home-day"' not in html, "It had that."
        assert _noted(html) == await _seen(reader)

    async def test_a_page_that_is_old_gets_all_of_it_at_once(self, reader: Client, moves: Moves) -> None:
        for seen in ("", "?after=long-ago", "?after=abc", "?after=%00"):
            html = (await _browser(reader).get(f"/home/live/{seen}")).content.decode()
            for piece in ("day", "needs", "figures", "machinery", "seen"):
                assert f'id="home-{piece}"' in html

    async def test_nothing_came(self, reader: Client, moves: Moves, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live_pages, "HOLD", 0.2)
        assert (await _browser(reader).get(f"/home/live/?after={await _seen(reader)}")).status_code == 204
        assert not moves.callbacks, "Nobody listens any more."

    async def test_many_polls_cost_one_read(self, reader: Client, moves: Moves) -> None:
        browser, drawn = _browser(reader), await _seen(reader)
        waiting = [asyncio.create_task(browser.get(f"/home/live/?after={drawn}")) for _ in range(20)]
        await aeventually(lambda: len(live.home_feed()._followers) == 20)
        before = snapshots.made
        await sync_to_async(saved)(placed_at=timezone.now())
        moves.tell()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
        assert snapshots.made == before + 1

    async def test_whom_a_request_concerns_is_told_to_fetch_it(
        self, moves: Moves, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = _browser(await sync_to_async(_logged_in)("manager", "Auditors", "Staff"))
        html = (await browser.get(f"/home/live/?after={await _seen(browser)}")).content.decode()
        assert 'id="home-news"' in html, "What has come since it was drawn is not known."
        seen = _noted(html)
        waiting = asyncio.create_task(browser.get(f"/home/live/?after={seen}"))
        await _is_held(waiting, moves)
        await sync_to_async(lambda: Desk(at=timezone.now()).save())()
        moves.tell()
        html = ""
        while 'id="home-news"' not in html:
            html = (await asyncio.wait_for(waiting, PATIENCE)).content.decode()
            waiting = asyncio.create_task(browser.get(f"/home/live/?after={_noted(html)}"))
        waiting.cancel()
        assert 'id="badge-approvals"' in html
        # What came between two polls is not lost.
        html = (await browser.get(f"/home/live/?after={seen}")).content.decode()
        assert 'id="home-news"' in html

    async def test_ends_with_the_rights_and_with_the_session(self, reader: Client, moves: Moves) -> None:
        browser = _browser(reader)
        waiting = asyncio.create_task(browser.get(f"/home/live/?after={await _seen(reader)}"))
        await _is_held(waiting, moves)
        user = await User.objects.aget(username="olga")
        await sync_to_async(user.groups.clear)()
        await sync_to_async(saved)(placed_at=timezone.now())
        moves.tell()
        assert (await asyncio.wait_for(waiting, PATIENCE)).status_code == 404
        await sync_to_async(reader.logout)()
        answer = await browser.get("/home/live/", headers={"HX-Request": "true"})
        assert "HX-Redirect" in answer.headers
        assert (await AsyncClient().get("/home/live/")).status_code == 302


async def _is_held(waiting: asyncio.Task[Any], moves: Moves) -> None:
    await aeventually(lambda: moves.callbacks)
    await asyncio.sleep(0.2)
    assert not waiting.done()


def test_what_was_seen_is_said_and_read() -> None:
    for seen in (Seen(), Seen("0a9f"), Seen("0a9f", 12, 3)):
        assert Seen.of(str(seen)) == seen
    assert Seen.of("0a9f-12") == Seen.of("<script>") == Seen()


def _noted(html: str) -> str:
    found = re.search(r'id="home-seen" data-after="([^"]+)"', html)
    assert found
    return found[1]


def _browser(client: Client | AsyncClient) -> AsyncClient:
    browser = AsyncClient()
    browser.cookies = client.cookies
    return browser


def _logged_in(username: str, *roles: str) -> Client:
    user = User.objects.create_user(username)
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


class TestMeanwhile:
    """A page is drawn with what was read a moment ago while it is read anew beside it."""

    @pytest.fixture(autouse=True)
    def _ends(self) -> Iterator[None]:
        yield
        eventually(lambda: not _readers())

    def test_a_page_does_not_wait_for_the_next_reading(self, moves: Moves, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshots_module, "SHOWN_FOR", 60.0)
        read, may_read, one = snapshots_module.read, threading.Event(), Snapshots()
        first = one.current()

        def slowly(number: int = 0, last: Snapshot | None = None) -> Snapshot:
            assert may_read.wait(10)
            return read(number, last)

        monkeypatch.setattr(snapshots_module, "read", slowly)
        saved(placed_at=timezone.now())
        assert one.current() is first
        assert one.current() is first, "And one thread is enough for all who come."
        assert _readers() == 1
        may_read.set()
        newest = eventually(lambda: one.current() if one.current() is not first else None)
        assert newest.reads["orders.home"].part != first.reads["orders.home"].part

    def test_what_was_read_longer_ago_is_shown_to_nobody(self, moves: Moves, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshots_module, "SHOWN_FOR", 0.0)
        one = Snapshots()
        first = one.current()
        saved(placed_at=timezone.now())
        assert one.current() is not first

    def test_a_reading_that_fails_is_told_and_tried_again(
        self, moves: Moves, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(snapshots_module, "SHOWN_FOR", 60.0)
        read, one = snapshots_module.read, Snapshots()
        first = one.current()

        def failing(number: int = 0, last: Snapshot | None = None) -> Snapshot:
            raise OSError("away")

        monkeypatch.setattr(snapshots_module, "read", failing)
        saved(placed_at=timezone.now())
        assert one.current() is first
        eventually(lambda: "home_read_failed" in caplog.text)
        monkeypatch.setattr(snapshots_module, "read", read)
        eventually(lambda: one.current() is not first)


def _readers() -> int:
    return sum(thread.name == "home" for thread in threading.enumerate())
