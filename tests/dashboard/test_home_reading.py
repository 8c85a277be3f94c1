"""The home page is read for everybody at once: an area that cannot be read takes nothing from the others."""

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.home import machinery
from dashboard.home import snapshots as snapshots_module
from dashboard.home.frames import frames
from dashboard.home.machinery import Machinery, Queue
from dashboard.home.snapshots import Snapshots, snapshots
from dashboard.roles import MARKETERS, OPERATIONS
from orders import home as orders_home
from tests.orders.orders_of import saved

OTHER = "ORD-20261119-140810-aaaa"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    well = Machinery((Queue("order-processing-queue", 2, 0),), temporal=True)
    monkeypatch.setattr(machinery.watch, "current", lambda: well)
    monkeypatch.setattr(snapshots_module, "EVERY", 0.0)
    monkeypatch.setattr(snapshots_module, "SHOWN_FOR", 0.0)
    snapshots.forget()
    frames.forget()


def broken(*args: Any) -> Any:
    raise LookupError("a row that nobody thought of")


def client_with(*roles: str) -> Client:
    user = User.objects.create_user("-".join(roles))
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def test_what_was_read_last_stays_and_is_said_to_be_old(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = Snapshots()
    saved(placed_at=timezone.now())
    first = one.current().reads["orders.home"].part
    saved(OTHER, placed_at=timezone.now())
    with monkeypatch.context() as patched:
        patched.setattr(orders_home, "latest_events", broken)
        assert one.current().reads["orders.home"].part == replace(first, unread="Orders")
        assert "home_area_failed" in caplog.text
        saved(OTHER, version=9, placed_at=timezone.now())
        assert one.current().reads["orders.home"].part == replace(first, unread="Orders")
        assert not one.current().reads["approvals.home"].part.unread
    saved(OTHER, version=10, placed_at=timezone.now())
    mended = one.current().reads["orders.home"].part
    assert mended.unread == ""
    assert mended.figures[0].value == first.figures[0].value + 1


def test_one_that_fails_is_not_read_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def breaks() -> Any:
        asked.append(1)
        return broken()

    monkeypatch.setattr(orders_home, "latest_events", breaks)
    one = Snapshots()
    for _ in range(5):
        one.current()
    assert len(asked) == 1


def test_pages_of_everybody_else_are_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    operations, marketer = client_with(OPERATIONS), client_with(MARKETERS)
    with monkeypatch.context() as patched:
        patched.setattr(orders_home, "latest_events", broken)
        page = operations.get("/")
        assertContains(page, "Orders could not be read</a>")
        assertNotContains(page, "Orders today")
        assertContains(marketer.get("/"), "Messages today")
    monkeypatch.setattr(snapshots_module, "STALE_AFTER", 0.0)
    page = operations.get("/")
    assertContains(page, "Orders today")
    assertNotContains(page, "could not be read")
