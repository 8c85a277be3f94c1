"""Fixtures of the order pages' tests."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import OPERATIONS, STAFF


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for the top bar's health."""
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def log_in(db: None) -> Callable[..., Client]:
    """A browser of a new user with these groups."""

    def log_in(*groups: str, username: str = "somebody") -> Client:
        user = User.objects.create_user(username, first_name="Some", last_name="Body")
        user.groups.set(Group.objects.filter(name__in=groups))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def ops(log_in: Callable[..., Client]) -> Client:
    return log_in(OPERATIONS, STAFF, username="ops")


@pytest.fixture
def reader(log_in: Callable[..., Client]) -> Client:
    return log_in(STAFF, username="employee")
