"""What the tests of the campaigns' pages have in common: people by role, and campaigns as the projection has them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from campaigns import projection
from campaigns.contract import CampaignEntry, CampaignEvent, CampaignPhase, CampaignView, campaign_workflow_id
from campaigns.models import Campaign
from dashboard.roles import ADMINISTRATORS, CAMPAIGN_WRITERS, MARKETERS, STAFF
from temporal_worker.contract import By

HTMX = {"HX-Request": "true"}
CID = "CMP-20261121-101500-a1b2"
PAGE = f"/campaigns/{CID}/"
ROLES = {"marketer": MARKETERS, "writer": CAMPAIGN_WRITERS, "staff": STAFF, "admin": ADMINISTRATORS}
Clients = Callable[[str], Client]


def user_with_role(name: str) -> User:
    """``marketer``, ``writer``, ``staff`` or ``admin``, who has that role and no other right."""
    user, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.com"})
    user.groups.set(Group.objects.filter(name=ROLES[name]))
    return user


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(user_with_role(name))
    return client


def draft(campaign_id: str = CID, **fields: Any) -> Campaign:
    texts = {"subject": "Hello {{ first_name }}", "body_text": "Dear {{ name }}"}
    defaults = {"name": "Spring", "channel": "email", "audience": "all", "idempotency_key": campaign_id, **texts}
    return Campaign.objects.create(campaign_id=campaign_id, **{**defaults, **fields})


def view_of(campaign_id: str = CID, version: int = 5, status: str = "running", **fields: Any) -> CampaignView:
    """A campaign as its workflow would answer: of ten people four have got it, one has opted out."""
    counts = {"audience": 10, "sent": 4, "deferred": 0, "denied": 1, "failed": 0, "unknown": 0, "pending": 5}
    began = timezone.now() - timedelta(minutes=2)
    defaults: dict[str, Any] = {
        "workflow_id": campaign_workflow_id(campaign_id),
        "counts": counts,
        "denied_by_reason": {"opted_out": 1},
        "rate_per_minute": 60,
        "finishes_at": None,
        "phase": CampaignPhase.SENDING,
        "name": "Spring",
        "series_id": campaign_id,
        "channel": "email",
        "category": "marketing",
        "started_at": began,
        "launched_by": By("marketer"),
        "actions_version": 1,
        "timeline": [CampaignEntry(began, CampaignEvent.STARTED, "It began to send.")],
    }
    return CampaignView(campaign_id=campaign_id, version=version, status=status, **{**defaults, **fields})


def saved(campaign_id: str = CID, *, row: dict[str, Any] | None = None, **fields: Any) -> Campaign:
    """A launched campaign whose workflow has saved this."""
    if not Campaign.objects.filter(campaign_id=campaign_id).exists():
        draft(campaign_id, launched_at=timezone.now(), launched_by="marketer", **(row or {}))
    projection.save(view_of(campaign_id, **fields))
    return Campaign.objects.get(campaign_id=campaign_id)


def key_in(html: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', html)
    assert found
    return found.group(1)


def typed(**changes: Any) -> dict[str, Any]:
    """The editor as somebody has filled it in."""
    return {
        "name": "Spring",
        "channel": "push",
        "category": "marketing",
        "template": "",
        "subject": "Hello {{ first_name }}",
        "body_text": "Dear {{ name }}",
        "body_html": "",
        "audience_kind": "all",
        "segment": "",
        "user_ids": "",
        "rate_per_minute": "",
        "when": "now",
        "starts_at": "",
        "recurs": "",
        "missed_runs": "skip",
        "time_zone": "Europe/Berlin",
        "ends_at": "",
        "defers": "later",
        **changes,
    }
