"""A campaign's pages on the projection, without Temporal: who sees what, what is drawn, at which cost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains

from campaigns.models import Campaign
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import CAMPAIGN_WRITERS, MARKETERS, STAFF

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
CID = "CMP-20261121-101500-a1b2"
PAGE = f"/campaigns/{CID}/"
Clients = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for the top bar's health."""
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def client_of(db: None) -> Clients:
    """By role: marketer, writer, staff, admin."""

    def client_of(name: str) -> Client:
        roles = {"marketer": MARKETERS, "writer": CAMPAIGN_WRITERS, "staff": STAFF, "admin": "Administrators"}
        user, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.com"})
        user.groups.set(Group.objects.filter(name=roles[name]))
        client = Client()
        client.force_login(user)
        return client

    return client_of


def draft(campaign_id: str = CID, **fields: Any) -> Campaign:
    texts = {"subject": "Hello {{ first_name }}", "body_text": "Dear {{ name }}"}
    defaults = {"name": "Spring", "channel": "email", "audience": "all", "idempotency_key": campaign_id, **texts}
    return Campaign.objects.create(campaign_id=campaign_id, **{**defaults, **fields})


def running(campaign_id: str = CID, people: int = 10, sent: int = 4, **fields: Any) -> Campaign:
    row = draft(campaign_id, status="running", launched_at=timezone.now(), launched_by="marketer", **fields)
    row.set_counts({"sent": sent, "denied": 1, "pending": people - sent - 1})
    row.denied_by_reason = {"opted_out": 1}
    row.version, row.change = 5, 7
    row.save()
    return row


class TestDraftPage:
    def test_marketer(self, client_of: Clients) -> None:
        draft()
        page = client_of("marketer").get(PAGE)
        assertContains(page, "It is a draft.")
        assertContains(page, 'id="do-launch"')
        assertContains(page, "<title>Draft · Spring · Callboard</title>")
