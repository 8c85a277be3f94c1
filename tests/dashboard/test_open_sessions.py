"""Where somebody is logged in: every session of theirs is known as long as it lasts, however it came about, and can be ended."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertRedirects

from dashboard import health_watch
from dashboard.accounts import models
from dashboard.health_watch import Health, Sign
from dashboard.models import OpenSession
from dashboard.viewers import COUNTER
from orders import reconciler
from temporal_worker.models import ChangeCounter

pytestmark = pytest.mark.django_db
PROFILE = "/accounts/profile/"
END = f"{PROFILE}sessions/end/"


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


def has_a_new_key(client: Client) -> None:
    """As after a change of one's password by another page than the profile's."""
    session = client.session
    session.cycle_key()
    session.save()
    client.cookies["sessionid"] = session.session_key or ""


def runs_out(client: Client) -> None:
    moment_ago = timezone.now() - timedelta(seconds=1)
    assert Session.objects.filter(session_key=key_of(client)).update(expire_date=moment_ago)


class TestWithANewKey:
    def test_is_known_too(self, vera: User, browser: Client) -> None:
        has_a_new_key(browser)
        assert browser.get(PROFILE).status_code == 200
        assert OpenSession.objects.get().session_key == key_of(browser)
        logged_in().post(END, {"but": "here"})
        assert browser.get(PROFILE).status_code == 302

    def test_ends_with_the_account(self, vera: User, browser: Client) -> None:
        has_a_new_key(browser)
        for is_active in (False, True):
            vera.is_active = is_active
            vera.save()
        assert browser.get(PROFILE).status_code == 302

    def test_of_nobody_is_not_known(self, vera: User) -> None:
        session = Client().session
        for cart in ("full", "empty"):
            session["cart"] = cart
            session.save()
        assert Session.objects.exists()
        assert not OpenSession.objects.exists()

    def test_of_somebody_who_is_gone_is_not_known(self, vera: User, browser: Client) -> None:
        session = browser.session
        vera.delete()
        session.cycle_key()
        assert not OpenSession.objects.exists()

    def test_and_once_known_it_is_saved_without_a_look_into_it(
        self, browser: Client, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = browser.session
        session["cart"] = "full"
        monkeypatch.setattr(Session, "get_decoded", None)
        with django_assert_num_queries(4):  # the update in a savepoint, and whether it is known
            session.save()


class TestLoggingOutEverywhere:
    def test_ends_this_one_though_nobody_knows_of_it(self, browser: Client) -> None:
        OpenSession.objects.all().delete()
        assertRedirects(browser.post(END), "/accounts/login/")
        assert browser.get(PROFILE).status_code == 302
        assert not Session.objects.exists()

    def test_is_what_a_new_password_does_by_whichever_page(self, vera: User, browser: Client) -> None:
        User.objects.update(is_staff=True)
        for ask in (browser.get, browser.post):
            assertRedirects(ask("/admin/password_change/"), "/accounts/password/")


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
