"""The socket of pages that follow nothing of their own: for whoever is logged in, as long as they are."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.utils import timezone

from dashboard import consumers, health_watch, viewers
from dashboard.health_watch import Health, Sign
from dashboard.roles import MARKETERS, OPERATIONS, STAFF
from orders.models import Order
from orders.projection import COUNTER
from temporal_worker.models import ChangeCounter
from tests.eventually import aeventually
from tests.live_pages import FakeHealthWatch, Sockets, close_code
from tests.orders.orders_of import saved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> FakeHealthWatch:
    fake = FakeHealthWatch()
    monkeypatch.setattr(health_watch, "listen", fake.listen)
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
    return fake


@pytest.fixture
async def sockets(health: FakeHealthWatch) -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


def person(name: str, *roles: str) -> Client:
    user = User.objects.create_user(name)
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


async def runs_out(client: Client, seconds: float) -> None:
    at = timezone.now() + timedelta(seconds=seconds)
    await Session.objects.filter(session_key=key_of(client)).aupdate(expire_date=at)


@transaction.atomic
def _comes() -> None:
    saved()
    Order.objects.update(change=ChangeCounter.bump(COUNTER))


@pytest.mark.parametrize("path", ["/search/", "/accounts/profile/", "/health/"])
@pytest.mark.parametrize("roles", [(), (OPERATIONS,), (MARKETERS,)])
async def test_each_page_without_a_socket_of_its_own_has_this_one(path: str, roles: tuple[str, ...]) -> None:
    html = (await sync_to_async((await sync_to_async(person)("reader", *roles)).get)(path)).content.decode()
    assert html.count('ws-connect="/ws/shell/"') == 1
    assert html.count('id="connection"') == 1


async def test_who_has_no_role_hears_of_the_health(health: FakeHealthWatch, sockets: Sockets) -> None:
    socket = await sockets("/ws/shell/", await sync_to_async(person)("nobody"))
    await socket.connect()
    await socket.listens()
    assert await socket.receive_nothing(0.3)
    health.tell(Health((Sign("bad", "Temporal is away"),)))
    assert "Temporal is away" in await socket.receive_from()


async def test_the_badges_of_orders_come_to_who_may_see_orders(sockets: Sockets) -> None:
    operator = await sockets("/ws/shell/", await sync_to_async(person)("operator", OPERATIONS))
    marketer = await sockets("/ws/shell/", await sync_to_async(person)("marketer", MARKETERS))
    for socket in (operator, marketer):
        await socket.connect()
        await socket.listens()
    assert await operator.receive_nothing(0.5)
    await sync_to_async(_comes)()
    assert 'id="badge-orders"' in await operator.receive_from()
    assert await marketer.receive_nothing(0.5)


async def test_who_had_no_socket_for_a_while_is_told_of_the_badges_anew(sockets: Sockets) -> None:
    """They do not say what they were drawn from, and what came meanwhile is no change any more."""
    client = await sync_to_async(person)("everybody", OPERATIONS, MARKETERS, STAFF)
    await sync_to_async(_comes)()
    first = await sockets("/ws/shell/", client)
    await first.connect()
    await first.listens()
    assert await first.receive_nothing(0.5)
    again = await sockets("/ws/shell/?again=1", client)
    await again.connect()
    told = ""
    while not all(f'id="badge-{name}"' in told for name in ("orders", "attention", "campaigns", "approvals")):
        told += await again.receive_from()


async def test_who_loses_a_right_by_which_there_was_a_badge_is_shown_no_more(sockets: Sockets) -> None:
    socket = await sockets("/ws/shell/", await sync_to_async(person)("operator", OPERATIONS))
    await socket.connect()
    await socket.listens()
    assert await socket.receive_nothing(0.3)
    user = await User.objects.aget(username="operator")
    await sync_to_async(user.groups.clear)()
    assert await close_code(socket) == 4403


class TestSession:
    @pytest.mark.parametrize("path", ["/ws/shell/", "/ws/orders/", "/ws/home/"])
    async def test_one_that_runs_out_closes_a_page_on_which_nothing_happens(self, path: str, sockets: Sockets) -> None:
        client = await sync_to_async(person)("operator", OPERATIONS)
        await runs_out(client, 1)
        socket = await sockets(path, client)
        await socket.connect()
        assert await close_code(socket) == 4403

    async def test_one_that_was_saved_anew_keeps_it_open(
        self, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks, end_of = 0, consumers._end_of_session

        def end_as_seen(key: str) -> datetime | None:
            """It is saved anew right after the first look."""
            nonlocal looks
            looks += 1
            return timezone.now() + timedelta(seconds=0.2) if looks == 1 else end_of(key)

        monkeypatch.setattr(consumers, "_end_of_session", end_as_seen)
        client = await sync_to_async(person)("nobody")
        await runs_out(client, 60)
        socket = await sockets("/ws/shell/", client)
        await socket.connect()
        await aeventually(lambda: looks == 2)
        assert await socket.receive_nothing(0.5)
        assert looks == 2
