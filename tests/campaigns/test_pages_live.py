"""Campaigns that move on pages: sockets and the long poll over the projection, each with the rights of the moment."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.test import AsyncClient
from django.utils import timezone

from campaigns.live_list import frame_of, read_batch
from campaigns.models import Campaign
from campaigns.projection import COUNTER
from dashboard import health_watch, live_pages, viewers
from temporal_worker.models import ChangeCounter
from tests.campaigns.pages import CID, PAGE, client_of, draft, saved, view_of
from tests.live_pages import PATIENCE, FakeHealthWatch, Sockets, close_code

pytestmark = pytest.mark.django_db(transaction=True)
SOCKET = f"/ws/campaigns/{CID}/"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every push is checked, and nobody is asked for the health."""
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
    monkeypatch.setattr(health_watch, "listen", FakeHealthWatch().listen)


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


async def page_of(socket: Any) -> str:
    """The next message that is about the campaign itself: badges come on every socket."""
    while True:
        html: str = await socket.receive_from()
        if "campaign-head" in html:
            return html


class TestPageSocket:
    async def test_what_is_saved_comes_by_itself(self, sockets: Sockets) -> None:
        row = await sync_to_async(saved)()
        socket = await sockets(f"{SOCKET}?after={row.change}", await sync_to_async(client_of)("marketer"))
        await socket.connect()
        await socket.listens()
        counts = {**view_of().counts, "sent": 6, "pending": 3}
        await sync_to_async(saved)(version=6, counts=counts)
        html = await page_of(socket)
        assert 'id="campaign-head" hx-swap-oob="true" data-version="6"' in html
        assert "70.0 % Sending · Spring" in html
        assert "do-pause" not in html  # what this viewer may do is a fragment of its own

    async def test_what_came_between_drawing_and_listening(self, sockets: Sockets) -> None:
        await sync_to_async(saved)()
        socket = await sockets(f"{SOCKET}?after=0", await sync_to_async(client_of)("writer"))
        await socket.connect()
        assert 'data-version="5"' in await page_of(socket)

    async def test_a_series_follows_its_times(self, sockets: Sockets) -> None:
        row = await sync_to_async(draft)(status="scheduled", recurs="0 9 * * *")
        socket = await sockets(f"{SOCKET}?after={row.change}", await sync_to_async(client_of)("marketer"))
        await socket.connect()
        await socket.listens()
        more = {"first": row, "occurrence": 2, "recurs": "0 9 * * *"}
        await sync_to_async(saved)(f"{CID}-2", row=more, series_id=CID, occurrence=2)
        assert "Time 2" in await page_of(socket)

    @pytest.mark.parametrize("path", [SOCKET, "/ws/campaigns/"])
    async def test_strangers_are_turned_away(self, sockets: Sockets, path: str) -> None:
        await sync_to_async(saved)()
        hidden = 4404 if path == SOCKET else 4403
        for client, code in ((None, 4403), (await sync_to_async(client_of)("staff"), hidden)):
            socket = await sockets(path, client)
            await socket.connect()
            assert await close_code(socket) == code

    async def test_no_such_campaign(self, sockets: Sockets) -> None:
        socket = await sockets("/ws/campaigns/CMP-none/", await sync_to_async(client_of)("marketer"))
        await socket.connect()
        assert await close_code(socket) == 4404

    async def test_closes_when_the_role_is_gone(self, sockets: Sockets) -> None:
        row = await sync_to_async(saved)()
        client = await sync_to_async(client_of)("marketer")
        socket = await sockets(f"{SOCKET}?after={row.change}", client)
        await socket.connect()
        await socket.listens()
        user = await User.objects.aget(username="marketer")
        await sync_to_async(user.groups.clear)()
        assert await close_code(socket) == 4403


class TestListSocket:
    async def test_rows_counts_and_the_badge_move(self, sockets: Sockets) -> None:
        row = await sync_to_async(draft)()
        path = f"/ws/campaigns/?after={row.change}&newest={row.pk}&show={CID}"
        socket = await sockets(path, await sync_to_async(client_of)("marketer"))
        await socket.connect()
        await socket.listens()
        await sync_to_async(saved)()
        await sync_to_async(saved)("CMP-20261121-101501-ffff")
        seen = ""
        while not all(mark in seen for mark in (f'id="row-{CID}"', "badge-campaigns", "new campaign", "count-running")):
            seen += await socket.receive_from()
        assert "Two campaigns are sending." in seen


class TestLongPoll:
    async def test_answers_with_what_is_newer(self) -> None:
        await sync_to_async(saved)()
        client = await _async_client("marketer")
        assert 'data-version="5"' in (await client.get(f"{PAGE}live/?after=4")).content.decode()
        waiting = asyncio.create_task(client.get(f"{PAGE}live/?after=5"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await sync_to_async(saved)(version=6)
        answer = await asyncio.wait_for(waiting, PATIENCE)
        assert (answer.status_code, 'data-version="6"' in answer.content.decode()) == (200, True)

    async def test_what_makes_no_version_is_told_too(self) -> None:
        """A series' times are paused by a word in its row; another time of it moves in a row of its own."""
        row = await sync_to_async(saved)(row={"recurs": "0 9 * * *"}, status="completed", phase="closed")
        times = Campaign.objects.filter(pk=row.pk)
        await times.aupdate(next_time_at=timezone.now() + timedelta(days=1))
        client = await _async_client("marketer")
        waiting = asyncio.create_task(client.get(f"{PAGE}live/?after=5"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await sync_to_async(_changed)(times_paused_at=timezone.now(), times_paused_why="Wrong prices.")
        answer = await asyncio.wait_for(waiting, PATIENCE)
        assert (answer.status_code, "Wrong prices" in answer.content.decode()) == (200, True)

        # What was written before it asked, as between two polls, by the change that the page was drawn at.
        page = (await client.get(PAGE)).content.decode()
        [drawn] = re.findall(r'data-also="change" data-number="(\d+)"', page)
        await sync_to_async(_changed)(times_paused_at=None)
        answer = await asyncio.wait_for(client.get(f"{PAGE}live/?after=5&change={drawn}"), PATIENCE)
        assert (answer.status_code, "Wrong prices" in answer.content.decode()) == (200, False)

        waiting = asyncio.create_task(client.get(f"{PAGE}live/?after=5"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        more = {"first": row, "occurrence": 2, "recurs": "0 9 * * *"}
        await sync_to_async(saved)(f"{CID}-2", row=more, series_id=CID, occurrence=2)
        answer = await asyncio.wait_for(waiting, PATIENCE)
        assert (answer.status_code, "Time 2" in answer.content.decode()) == (200, True)

    async def test_a_change_alone_does_not_come_before_the_version_that_the_page_has(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has version 6 from Temporal and would not take 5: the poll would be answered with it again and again."""
        monkeypatch.setattr(live_pages, "HOLD", 0.2)
        await sync_to_async(saved)()
        assert (await (await _async_client("marketer")).get(f"{PAGE}live/?after=6&change=0")).status_code == 204

    async def test_nothing_came(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live_pages, "HOLD", 0.2)
        await sync_to_async(saved)()
        assert (await (await _async_client("marketer")).get(f"{PAGE}live/?after=5")).status_code == 204

    async def test_the_end(self) -> None:
        await sync_to_async(saved)(status="completed", phase="closed", closed_at=timezone.now())
        assert (await (await _async_client("marketer")).get(f"{PAGE}live/?after=5")).status_code == 286

    @pytest.mark.parametrize(("who", "status"), [("staff", 404), ("", 302)])
    async def test_strangers(self, who: str, status: int) -> None:
        await sync_to_async(saved)()
        client = await _async_client(who) if who else AsyncClient()
        assert (await client.get(f"{PAGE}live/?after=0")).status_code == status

    async def test_nonsense_and_no_such_campaign(self) -> None:
        client = await _async_client("marketer")
        assert (await client.get(f"{PAGE}live/?after=x")).status_code == 422
        assert (await client.get("/campaigns/CMP-none/live/?after=0")).status_code == 404


def _changed(**fields: Any) -> None:
    with transaction.atomic():
        Campaign.objects.filter(campaign_id=CID).update(change=ChangeCounter.bump(COUNTER), **fields)


async def _async_client(who: str) -> AsyncClient:
    plain = await sync_to_async(client_of)(who)
    client = AsyncClient()
    client.cookies = plain.cookies
    return client


def test_pages_are_drawn_only_for_who_looks() -> None:
    saved()
    batch, seen = read_batch(0)
    assert ([row.campaign_id for row in batch.rows], batch.pages) == ([CID], {})
    assert seen == Campaign.objects.get().change
    batch, _ = read_batch(0, {CID, "CMP-none"})
    assert list(batch.pages) == [CID]
    assert read_batch(seen, {CID})[0].rows == ()
    frame = frame_of(CID)
    assert frame is not None
    assert (frame.version, frame.is_settled) == (5, False)
