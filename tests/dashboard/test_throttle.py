"""Whoever tries passwords or tokens has to wait, and whoever owns the account does not wait for them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains

from dashboard.accounts import throttle
from dashboard.models import ApiToken

pytestmark = pytest.mark.django_db
ATTACKER, OWNER = Client(REMOTE_ADDR="203.0.113.7"), Client(REMOTE_ADDR="198.51.100.1")


@pytest.fixture
def vera() -> User:
    user = User.objects.create_user("vera", password="a good one")
    user.groups.set(Group.objects.filter(name="Staff"))
    return user


@pytest.fixture(autouse=True)
def _nothing_counted(settings: Any) -> Iterator[None]:
    settings.AXES_ENABLED = True
    throttle.calls.clear()
    throttle.bad_tokens.clear()
    yield
    throttle.calls.clear()
    throttle.bad_tokens.clear()


def _try(client: Client, username: str = "vera", password: str = "wrong") -> Any:
    return client.post("/accounts/login/", {"username": username, "password": password})


class TestPasswords:
    def test_the_sixth_wrong_one_waits_and_says_how_long(self, vera: User) -> None:
        for _ in range(4):
            assert _try(ATTACKER).status_code == 200
        assert _try(ATTACKER).status_code == 429
        refused = _try(ATTACKER, password="a good one")
        assertContains(refused, "Try again in 15 minutes", status_code=429)
        assert 890 <= int(refused["Retry-After"]) <= 900

    def test_its_owner_logs_in_from_elsewhere(self, vera: User) -> None:
        for _ in range(6):
            _try(ATTACKER)
        assert _try(OWNER, password="a good one").status_code == 302

    def test_trying_on_does_not_make_it_longer(self, vera: User) -> None:
        for _ in range(6):
            _try(ATTACKER)
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14, seconds=30))
        assertContains(_try(ATTACKER), "Try again in 30 seconds", status_code=429)
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
        assert _try(ATTACKER, password="a good one").status_code == 302

    def test_many_accounts_from_one_address(self, vera: User, settings: Any) -> None:
        settings.LOGIN_FAILURES_PER_ADDRESS = 4
        for number in range(4):
            assert _try(ATTACKER, username=f"somebody{number}").status_code == 200
        assert _try(ATTACKER, password="a good one").status_code == 429
        assert _try(OWNER, password="a good one").status_code == 302

    def test_right_ones_count_for_nothing(self, vera: User) -> None:
        for _ in range(8):
            client = Client(REMOTE_ADDR="203.0.113.7")
            assert _try(client).status_code == 200
            assert _try(client, password="a good one").status_code == 302


class TestApi:
    def test_bad_tokens_of_an_address(self, vera: User, settings: Any) -> None:
        settings.API_BAD_TOKENS_PER_MINUTE = 3
        good = {"Authorization": f"Bearer {ApiToken.issue(vera, 'mine')}"}
        for _ in range(3):
            assert ATTACKER.get("/api/orders", headers={"Authorization": "Bearer guess"}).status_code == 401
        refused = ATTACKER.get("/api/orders", headers={"Authorization": "Bearer guess"})
        assert refused.status_code == 429
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert refused.json()["code"] == "too_many"
        assert OWNER.get("/api/orders", headers=good).status_code == 200

    def test_calls_of_one_person(self, vera: User, settings: Any) -> None:
        settings.API_CALLS_PER_MINUTE = 2
        mine = {"Authorization": f"Bearer {ApiToken.issue(vera, 'mine')}"}
        hers = {"Authorization": f"Bearer {ApiToken.issue(User.objects.create_superuser('root'), 'hers')}"}
        answers = [OWNER.get("/api/orders", headers=mine).status_code for _ in range(3)]
        assert answers == [200, 200, 429]
        assert OWNER.get("/api/orders", headers=hers).status_code == 200

    def test_an_expired_token_is_none(self, vera: User) -> None:
        token = ApiToken.issue(vera, "short", expires_at=timezone.now() - timedelta(seconds=1))
        assert OWNER.get("/api/orders", headers={"Authorization": f"Bearer {token}"}).status_code == 401
