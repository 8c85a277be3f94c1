"""The home page's socket, on a pulse that the test moves by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from dashboard import health_watch, viewers
from dashboard.home import live, machinery
from dashboard.home import snapshots as snapshots_module
from dashboard.home.frames import frames
from dashboard.home.machinery import Machinery
from dashboard.home.snapshots import snapshots
from dashboard.roles import OPERATIONS
from temporal_worker import pulse
from tests.approvals.requests_of import Desk
from tests.live_pages import FakeHealthWatch, Sockets, close_code
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


async def _seen(client: Client) -> str:
    """What the page as it is drawn now says that it shows."""
    html = (await sync_to_async(client.get)("/")).content.decode()
    return str(html.split("/ws/home/?seen=")[1].split('"')[0])


async def _received(socket: Any, text: str) -> list[str]:
    """All messages up to the one that has the text."""
    found: list[str] = []
    async with asyncio.timeout(5):
        while not found or text not in found[-1]:
            found.append(await socket.receive_from(5))
    return found


async def test_sends_the_pieces_that_have_changed_and_no_others(reader: Client, moves: Moves, sockets: Sockets) -> None:
    socket = await sockets(f"/ws/home/?seen={await _seen(reader)}", reader)
    await socket.connect()
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
    await _received(socket, 'id="home-needs"')
    await _received(socket, 'id="home-machinery"')


async def test_who_loses_a_role_is_shown_no_more(reader: Client, moves: Moves, sockets: Sockets) -> None:
    socket = await sockets(f"/ws/home/?seen={await _seen(reader)}", reader)
    await socket.connect()
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
    assert await socket.receive_nothing(0.3)
    await sync_to_async(lambda: Desk(at=timezone.now()).save())()
    moves.tell()
    await _received(socket, 'id="home-news"')
