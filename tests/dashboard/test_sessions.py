"""Whoever loses their session or their rights loses their open pages, also those that another web process serves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from dashboard import viewers as module
from dashboard.models import ApiToken, OpenSession
from dashboard.tokens import user_of_token
from dashboard.viewers import Viewer, Viewers
from temporal_worker.pulse import Pulse

pytestmark = pytest.mark.django_db(transaction=True)
SEES = "orders.view_order"


@pytest.fixture
def vera(transactional_db: None) -> User:
    user = User.objects.create_user("vera", password="a good one")
    user.groups.set(Group.objects.filter(name="Staff"))
    return user


@pytest.fixture
def browser(vera: User) -> Client:
    client = Client()
    client.force_login(vera)
    return client


class Other:
    """Another web process: viewers of its own, which no signal of this one reaches."""

    def __init__(self) -> None:
        self.viewers, self.gone = Viewers(), asyncio.Event()

    def look(self, user: User, client: Client, *rights: str) -> None:
        key = client.cookies["sessionid"].value
        self.viewers.join(Viewer(user.pk, key, rights, asyncio.get_running_loop(), self.gone.set))

    async def is_quiet(self) -> None:
        """The first read of the counter, which it begins with, dismisses nobody."""
        while not self.viewers._rechecks:
            await asyncio.sleep(0)
        await asyncio.gather(*self.viewers._rechecks)
        await asyncio.sleep(0)
        assert not self.gone.is_set()


@pytest.fixture
async def other(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Other]:
    monkeypatch.setattr(module.pulse, "listen", Pulse(read_every=0.05).listen)
    process = Other()
    yield process
    for viewer in list(process.viewers._viewers):
        process.viewers.leave(viewer)


def _deactivate(user: User, client: Client) -> None:
    user.is_active = False
    user.save()


def _lose_the_role(user: User, client: Client) -> None:
    user.groups.clear()


def _take_it_from_the_role(user: User, client: Client) -> None:
    Group.objects.get(name="Staff").permissions.remove(Permission.objects.get(codename="view_order"))


def _change_the_password(user: User, client: Client) -> None:
    user.set_password("another one")
    user.save()


ENDS: list[Callable[[User, Client], Any]] = [
    lambda user, client: client.post("/accounts/logout/"),
    lambda user, client: OpenSession.end_all(user),
    lambda user, client: user.delete(),
    _deactivate,
    _lose_the_role,
    _take_it_from_the_role,
    _change_the_password,
]


class TestPagesOfAnotherProcess:
    @pytest.mark.parametrize("end", ENDS)
    async def test_end_within_five_seconds(self, vera: User, browser: Client, other: Other, end: Any) -> None:
        other.look(vera, browser, SEES)
        await other.is_quiet()
        await sync_to_async(end)(vera, browser)
        await asyncio.wait_for(other.gone.wait(), 5)

    async def test_stay_when_something_else_changes(self, vera: User, browser: Client, other: Other) -> None:
        other.look(vera, browser, SEES)
        await other.is_quiet()
        checks: list[int] = []
        other.viewers._dismiss = lambda is_meant: checks.append(1)  # type: ignore[assignment, func-returns-value]
        await sync_to_async(Client().login)(username="vera", password="a good one")
        await sync_to_async(lambda: vera.groups.add(Group.objects.get(name="Auditors")))()
        while not checks:
            await asyncio.sleep(0.01)
        assert not other.gone.is_set()

    async def test_whoever_is_logged_in_may_look_at_some(self, vera: User, browser: Client, other: Other) -> None:
        other.look(vera, browser)
        await other.is_quiet()
        await sync_to_async(_lose_the_role)(vera, browser)
        await sync_to_async(_deactivate)(vera, browser)
        await asyncio.wait_for(other.gone.wait(), 5)


class TestClosedAccount:
    def test_has_no_session_and_no_token(self, vera: User, browser: Client) -> None:
        token = ApiToken.issue(vera, "mine")
        assert user_of_token(token) == vera
        _deactivate(vera, browser)
        assert user_of_token(token) is None
        vera.is_active = True
        vera.save()
        assert browser.get("/orders/").status_code == 302, "A session from before does not come back."
        assert not OpenSession.objects.exists()


class TestOpenSession:
    def test_says_where_somebody_is_logged_in(self, vera: User) -> None:
        client = Client(headers={"user-agent": "Firefox"}, REMOTE_ADDR="203.0.113.7")
        client.post("/accounts/login/", {"username": "vera", "password": "a good one"})
        session = OpenSession.objects.get(browser="Firefox")
        assert (session.user, session.address) == (vera, "203.0.113.7")
