"""Fixtures of the approval area's tests."""

import pytest
from django.contrib.auth.models import User

from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from tests.approvals.people import hire, write_policies


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for the top bar's health."""
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """The small company of ``people.py`` with its policies, by username."""
    found = hire()
    write_policies()
    return found
