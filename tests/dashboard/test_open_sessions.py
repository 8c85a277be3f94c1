"""Where somebody is logged in: what lasts, and nothing else."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains

from dashboard import health_watch
from dashboard.accounts import models
from dashboard.health_watch import Health, Sign
from dashboard.models import OpenSession
from dashboard.viewers import COUNTER
from orders import reconciler
from temporal_worker.models import ChangeCounter

pytestmark = pytest.mark.django_db
PROFILE = "/accounts/profile/"


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def vera(db: None) -> User:
    user = User.objects.create_user("vera", "vera@example.com", "a good one")
    user.groups.set(Group.objects.filter(name="Staff"))
    return user


@pytest.fixture
def browser(vera: User) -> Client:
    return logged_in()


def logged_in() -> Client:
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
    client.post("/accounts/login/", {"username": "vera", "password": "a good one"})
    return client


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def runs_out(client: Client) -> None:
    moment_ago = timezone.now() - timedelta(seconds=1)
    assert Session.objects.filter(session_key=key_of(client)).update(expire_date=moment_ago)


class TestThatHasRunOut:
    def test_is_not_there(self, browser: Client) -> None:
        runs_out(logged_in())
        assertContains(browser.get(PROFILE), "Firefox on Linux", count=1)

    def test_is_forgotten(self, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(models, "AT_ONCE", 2)
        for _ in range(5):
            runs_out(logged_in())
        before = ChangeCounter.read()[COUNTER]
        reconciler.forget_expired_sessions()
        assert [row.session_key for row in OpenSession.objects.all()] == [key_of(browser)]
        assert [row.session_key for row in Session.objects.all()] == [key_of(browser)]
        assert browser.get(PROFILE).status_code == 200
        assert ChangeCounter.read()[COUNTER] == before, "Nobody's rights are looked up anew for it."
