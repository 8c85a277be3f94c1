"""What a socket would say, fetched by long poll: nothing lost between two polls, and no more of them than there is room for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import AsyncClient

from dashboard import health_watch, live_pages, polled_sockets, viewers
from dashboard.health_watch import Health, Sign
from dashboard.roles import OPERATIONS
from orders.models import Order
from orders.projection import COUNTER
from temporal_worker.models import ChangeCounter
from tests.live_pages import FakeHealthWatch
from tests.orders.orders_of import ORDER_ID, saved

pytestmark = pytest.mark.django_db(transaction=True)

TAB, OTHER_TAB, THIRD_TAB = "tab00001", "tab00002", "tab00003"
AWAY = Health((Sign("bad", "Temporal is away"),))
WELL = Health((Sign("ok", "Temporal"),))


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> FakeHealthWatch:
    fake = FakeHealthWatch()
    monkeypatch.setattr(health_watch, "listen", fake.listen)
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
    monkeypatch.setattr(live_pages, "HOLD", 5.0)
    return fake


@pytest.fixture
async def ops(health: FakeHealthWatch) -> AsyncIterator[AsyncClient]:
    client = await sync_to_async(_person)()
    yield client
    for socket in list(polled_sockets.polled_sockets()._open.values()):
        socket.end()
    await _until(lambda: not len(polled_sockets.polled_sockets()))


def _person() -> AsyncClient:
    user = User.objects.create_user("ops")
    user.groups.set(Group.objects.filter(name=OPERATIONS))
    client = AsyncClient()
    client.force_login(user)
    return client


async def _until(met: Any) -> None:
    async with asyncio.timeout(30):
        while not met():
            await asyncio.sleep(0.01)


@transaction.atomic
def _moves(status: str) -> None:
    saved(status=status)
    Order.objects.update(change=ChangeCounter.bump(COUNTER), status=status)


async def poll(client: AsyncClient, path: str, tab: str = TAB, **query: str) -> Any:
    return await client.get(f"/polls/{path}", {"tab": tab, **query})


async def test_what_is_said_while_it_is_held_comes_at_once(ops: AsyncClient, health: FakeHealthWatch) -> None:
    assert (await poll(ops, "shell/", brief="1")).status_code == 204
    asyncio.get_running_loop().call_later(0.3, health.tell, AWAY)
    answer = await poll(ops, "shell/")
    assert answer.status_code == 200
    assert "Temporal is away" in "".join(answer.json())


async def test_what_is_said_between_two_polls_comes_with_the_next(ops: AsyncClient, health: FakeHealthWatch) -> None:
    assert (await poll(ops, "shell/", brief="1")).status_code == 204
    health.tell(AWAY)
    await asyncio.sleep(0)
    health.tell(WELL)
    health.tell(AWAY)
    await asyncio.sleep(0)
    health.tell(WELL)
    # One was on its way when the others came; of those the newest alone was kept.
    told = (await poll(ops, "shell/")).json()
    if len(told) < 2:
        told += (await poll(ops, "shell/")).json()
    assert ["Temporal is away" in html for html in told] == [True, False]
    assert (await poll(ops, "shell/", brief="1")).status_code == 204


async def test_a_row_that_changes_comes_as_by_the_lists_socket(ops: AsyncClient) -> None:
    await sync_to_async(_moves)("pending")
    now = (await sync_to_async(ChangeCounter.read)())[COUNTER]
    address = {"after": str(now), "show": ORDER_ID}
    assert (await poll(ops, "orders/", brief="1", **address)).status_code == 204
    await sync_to_async(_moves)("delivered")
    answer = await poll(ops, "orders/", **address)
    rows = [html for html in answer.json() if ORDER_ID in html]
    assert rows
    assert "Delivered" in rows[0]


async def test_nothing_is_204(ops: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_pages, "HOLD", 0.2)
    assert (await poll(ops, "shell/")).status_code == 204


async def test_who_loses_the_right_is_told_nothing_more(ops: AsyncClient, health: FakeHealthWatch) -> None:
    assert (await poll(ops, "orders/", brief="1")).status_code == 204
    await sync_to_async(lambda: User.objects.get().groups.clear())()
    health.tell(AWAY)
    answer = await poll(ops, "orders/")
    assert (answer.status_code, answer.content) == (403, b"")


async def test_who_has_logged_out_is_sent_to_the_log_in(ops: AsyncClient) -> None:
    assert (await poll(ops, "shell/", brief="1")).status_code == 204
    await sync_to_async(ops.session.flush)()
    answer = await poll(ops, "shell/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["nothing/", "orders/ORD-20261121-120000-zzzz/x/"])
async def test_what_is_no_socket_is_not_there(ops: AsyncClient, path: str) -> None:
    assert (await poll(ops, path)).status_code == 404


@pytest.mark.parametrize("tab", ["", "short", "x" * 33, "../../etc"])
async def test_a_tab_without_a_name_is_refused(ops: AsyncClient, tab: str) -> None:
    assert (await poll(ops, "shell/", tab)).status_code == 422


async def test_of_too_many_of_one_session_the_oldest_makes_room(
    ops: AsyncClient, health: FakeHealthWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled_sockets, "MOST_OF_ONE", 2)
    for tab in (TAB, OTHER_TAB, TAB, THIRD_TAB):
        assert (await poll(ops, "shell/", tab, brief="1")).status_code == 204
    assert [key.tab for key in polled_sockets.polled_sockets()._open] == [TAB, THIRD_TAB]
    await _until(lambda: len(health.callbacks) == 2)


async def test_a_process_that_is_full_says_when_to_come_again(
    ops: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled_sockets, "MOST", 1)
    assert (await poll(ops, "shell/", brief="1")).status_code == 204
    answer = await poll(ops, "shell/", OTHER_TAB, brief="1")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert (await poll(ops, "shell/", brief="1")).status_code == 204


async def test_what_nobody_fetches_ends(
    ops: AsyncClient, health: FakeHealthWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled_sockets, "LINGER", 0.1)
    assert (await poll(ops, "shell/", brief="1")).status_code == 204
    await _until(lambda: not health.callbacks and not len(polled_sockets.polled_sockets()))
