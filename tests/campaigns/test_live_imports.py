"""Imports that move on pages: sockets and the long poll over the projection, each with the rights of the moment."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import AsyncClient, Client

from campaigns import import_projection
from campaigns.contract import By, ImportStage, ImportStatus, ImportView
from campaigns.models import AudienceImport
from dashboard import health_watch, live_pages, viewers
from dashboard.roles import CAMPAIGN_WRITERS, STAFF
from tests.live_pages import FakeHealthWatch, Sockets, close_code

pytestmark = pytest.mark.django_db(transaction=True)
IID = "IMP-LIVE"


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


def saved(version: int = 1, import_id: str = IID, **words: Any) -> AudienceImport:
    words = {"status": ImportStatus.RUNNING, "stage": ImportStage.VALIDATE, "is_waiting": False, **words}
    view = ImportView(version=version, import_id=import_id, name="people.csv", by=By("mara"), **words)
    assert import_projection.save(view)
    return AudienceImport.objects.get(import_id=import_id)


def client_of(name: str, role: str = CAMPAIGN_WRITERS) -> Client:
    user = User.objects.create_user(name, first_name="Mara", last_name="Quist")
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


async def next_with(socket: Any, words: str) -> str:
    """The next message that has the words in it: badges come on every socket."""
    while True:
        html: str = await socket.receive_from()
        if words in html:
            return html


class TestPage:
    async def test_what_is_saved_comes_by_itself(self, sockets: Sockets) -> None:
        row = await sync_to_async(saved)()
        client = await sync_to_async(client_of)("mara")
        socket = await sockets(f"/ws/campaigns/imports/{IID}/?after={row.change}", client)
        await socket.connect()
        await socket.listens()
        await sync_to_async(saved)(2, rows_total=40, rows_done=38, rows_rejected=2, is_waiting=True)
        html = await next_with(socket, "import-head")
        assert 'data-version="2"' in html
        assert 'data-actions-version="running-validate-validate-2"' in html
        assert "38\u00a0rows can be taken" in html
        assert "Mara Quist" in html
        assert "go-on" not in html  # what this viewer may do is a fragment of its own

    async def test_what_came_between_drawing_and_listening(self, sockets: Sockets) -> None:
        await sync_to_async(saved)(3)
        socket = await sockets(f"/ws/campaigns/imports/{IID}/?after=0", await sync_to_async(client_of)("mara"))
        await socket.connect()
        assert 'data-version="3"' in await next_with(socket, "import-head")

    async def test_who_may_not_and_what_is_not(self, sockets: Sockets) -> None:
        await sync_to_async(saved)()
        socket = await sockets(f"/ws/campaigns/imports/{IID}/", await sync_to_async(client_of)("sten", STAFF))
        await socket.connect()
        assert await close_code(socket) == 4404
        socket = await sockets("/ws/campaigns/imports/IMP-GONE/", await sync_to_async(client_of)("mara"))
        await socket.connect()
        assert await close_code(socket) == 4404


class TestList:
    async def test_rows_that_are_shown_and_a_new_one(self, sockets: Sockets) -> None:
        row = await sync_to_async(saved)()
        client = await sync_to_async(client_of)("mara")
        socket = await sockets(f"/ws/campaigns/imports/?after={row.change}&show={IID}&newest={row.pk}", client)
        await socket.connect()
        await socket.listens()
        await sync_to_async(saved)(2, status=ImportStatus.COMPLETED, stage=ImportStage.DONE)
        assert "Done" in await next_with(socket, f"row-{IID}")
        await sync_to_async(saved)(1, "IMP-NEXT")
        assert "1 new import" in await next_with(socket, "imports-new")


class TestLongPoll:
    async def test_news_at_once_nothing_and_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live_pages, "HOLD", 0.2)
        await sync_to_async(saved)(4)
        client = AsyncClient()
        await sync_to_async(client_of)("mara")
        await client.aforce_login(await User.objects.aget(username="mara"))
        path = f"/campaigns/imports/{IID}/live/"
        fresh = await client.get(f"{path}?after=3")
        assert (fresh.status_code, "import-head" in fresh.content.decode()) == (200, True)
        assert (await client.get(f"{path}?after=4")).status_code == 204
        assert (await client.get(f"{path}?after=x")).status_code == 422
        await sync_to_async(saved)(5, status=ImportStatus.CANCELLED)
        assert (await client.get(f"{path}?after=5")).status_code == 286
