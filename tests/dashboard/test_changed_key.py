"""SECRET_KEY is changed, with the one before in SECRET_KEY_FALLBACKS: nobody is logged out, and open pages stay open."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import AsyncClient, Client

from dashboard import bodies, health_watch, live_pages, polled_sockets, viewers
from dashboard.health_watch import Health, Sign
from dashboard.roles import CAMPAIGN_WRITERS
from tests.live_pages import FakeHealthWatch, Sockets, close_code

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/accounts/profile/"


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> FakeHealthWatch:
    fake = FakeHealthWatch()
    monkeypatch.setattr(health_watch, "listen", fake.listen)
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    monkeypatch.setattr(viewers, "GOOD_FOR", 0.0)
    monkeypatch.setattr(live_pages, "HOLD", 0.1)
    return fake


@pytest.fixture
async def sockets(health: FakeHealthWatch) -> AsyncIterator[Sockets]:
    opened = Sockets()
    yield opened
    await opened.close()


@pytest.fixture
def vera(transactional_db: None) -> User:
    user = User.objects.create_user("vera")
    user.groups.set(Group.objects.filter(name=CAMPAIGN_WRITERS))
    return user


@pytest.fixture
def browser(vera: User) -> Client:
    client = Client()
    client.force_login(vera)
    return client


def key_of(client: Any) -> str:
    return client.cookies["sessionid"].value


def change(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "quite another one"


def is_there(client: Any) -> bool:
    return Session.objects.filter(session_key=key_of(client)).exists()


async def test_sockets_stay_open_and_new_ones_open(
    browser: Client, sockets: Sockets, health: FakeHealthWatch, settings: Any
) -> None:
    early = await sockets("/ws/shell/", browser)
    await early.connect()
    assert await early.receive_nothing(0.3)
    change(settings)
    late = await sockets("/ws/shell/", browser)
    await late.connect()
    assert await late.receive_nothing(0.3)
    assert await sync_to_async(is_there)(browser)
    key = key_of(browser)
    assert (await sync_to_async(browser.get)(PAGE)).status_code == 200
    assert key_of(browser) == key
    health.tell(Health((Sign("bad", "Temporal is away"),)))
    for socket in (early, late):
        assert "Temporal is away" in await socket.receive_from(5)


def test_whoever_has_seen_a_page_since_does_without_the_old_one(
    browser: Client, health: FakeHealthWatch, settings: Any
) -> None:
    change(settings)
    assert browser.get(PAGE).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert browser.get(PAGE).status_code == 200


def test_without_fallbacks_everybody_is_logged_out(browser: Client, health: FakeHealthWatch, settings: Any) -> None:
    settings.SECRET_KEY = "quite another one"
    assert browser.get(PAGE).status_code == 302


async def test_a_poll_gives_no_session_a_new_key(vera: User, health: FakeHealthWatch, settings: Any) -> None:
    """It would be told late, to a browser that has meanwhile sent the old one with other requests."""
    browser = AsyncClient()
    await browser.aforce_login(vera)
    key = key_of(browser)
    change(settings)
    assert (await browser.get("/polls/shell/", {"tab": "tab00001"})).status_code == 204
    assert key_of(browser) == key
    assert await sync_to_async(is_there)(browser)
    for socket in list(polled_sockets.polled_sockets()._open.values()):
        socket.end()
        await socket._run


def test_the_look_before_a_large_body_gives_none_either(browser: Client, settings: Any) -> None:
    change(settings)
    scope = {"headers": [(b"cookie", f"sessionid={key_of(browser)}".encode())]}
    for _ in range(2):
        assert bodies._has_permission(scope, "campaigns.edit_campaign")
        assert not bodies._has_permission(scope, "orders.operate_order")


async def test_a_session_that_is_not_believed_is_left_to_the_next_page(browser: Client, sockets: Sockets) -> None:
    await User.objects.aupdate(password="of another hash")
    socket = await sockets("/ws/shell/", browser)
    await socket.connect()
    assert await close_code(socket) == 4403
    assert await sync_to_async(is_there)(browser)
    key = key_of(browser)
    assert (await sync_to_async(browser.get)(PAGE)).status_code == 302
    assert not await Session.objects.filter(session_key=key).aexists()
