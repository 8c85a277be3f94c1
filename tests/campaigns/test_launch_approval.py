"""A launch to many people asks first: real workers, the real approvals, one policy that names who decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals import gateway as approvals
from approvals.contract import ApprovalStatus, ApprovalView
from approvals.contract import Door as ApprovalDoor
from approvals.models import ApprovalRequest, TrailRow
from campaigns import gateway
from campaigns.contract import CampaignView, Door
from campaigns.gateway import Draft
from campaigns.gateway.reading import read_any
from campaigns.models import Campaign, SandboxMessage
from dashboard.roles import MARKETERS, STAFF
from tests.approvals.people import add_policy
from tests.campaigns.batches import FAST, begin, configure, people, uid
from tests.eventually import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


@pytest.fixture(autouse=True)
def _small_audiences_are_large() -> None:
    begin()
    configure(approval_above=2)
    people(3)


@pytest.fixture
def marketer(transactional_db: None) -> User:
    return _user("mara", MARKETERS)


@pytest.fixture
def lead(transactional_db: None) -> User:
    return _user("lena", STAFF)


def _user(name: str, role: str) -> User:
    user = User.objects.create_user(name, f"{name}@example.com")
    user.groups.add(Group.objects.get(name=role))
    return user


def policy(**more: Any) -> None:
    add_policy("campaign", {"name": "Lead", "users": ["lena"]}, **more)


def launched(marketer: User, audience: Any = "all") -> str:
    draft = Draft("Spring", "push", audience, "Hello", "Dear {{ name }}", rate_per_minute=FAST)
    campaign_id = gateway.create_draft(user=marketer, draft=draft, key="d").campaign_id
    gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l")
    return campaign_id


def until(campaign_id: str, status: str) -> CampaignView:
    def ask() -> CampaignView | None:
        view = read_any(Campaign.objects.get(campaign_id=campaign_id)).view
        return view if view.status == status else None

    view = eventually(ask, timeout=30)
    assert view is not None
    return view


def asked(campaign_id: str) -> ApprovalView:
    row = eventually(lambda: ApprovalRequest.objects.filter(kind="campaign").first(), timeout=20)
    assert row is not None
    eventually(lambda: Campaign.objects.get(campaign_id=campaign_id).approval_request_id == row.request_id)
    return approvals.read_request(row.request_id, User.objects.get(username="lena")).view


def decide(request: ApprovalView, lead: User, *, approved: bool, comment: str = "") -> None:
    approvals.decide(
        request.request_id,
        user=lead,
        door=ApprovalDoor.WEB,
        approved=approved,
        comment=comment,
        state_version=request.state_version,
        key="k",
    )


def test_approved_it_runs(marketer: User, lead: User) -> None:
    policy()
    campaign_id = launched(marketer)
    request = asked(campaign_id)
    assert (request.requester, request.title) == ("mara", "Launch Spring")
    assert "3 recipients" in request.description
    waiting = until(campaign_id, "awaiting_approval")
    assert waiting.counts["pending"] == 3
    assert SandboxMessage.objects.count() == 0
    decide(request, lead, approved=True)
    done = until(campaign_id, "completed")
    assert done.counts["sent"] == 3
    assert done.approval is not None
    assert (done.approval.status, done.approval.decided_by) == ("approved", ["lena"])


def test_rejected_it_is_cancelled_with_the_reason(marketer: User, lead: User) -> None:
    policy()
    campaign_id = launched(marketer)
    decide(asked(campaign_id), lead, approved=False, comment="Not before the holidays.")
    over = until(campaign_id, "cancelled")
    assert "rejected by lena" in over.reason
    assert "Not before the holidays." in over.reason
    settled = eventually(
        lambda: Campaign.objects.filter(campaign_id=campaign_id, denied_count=3, pending_count=0).first(), timeout=20
    )
    assert settled is not None
    assert settled.denied_by_reason == {"campaign_cancelled": 3}
    assert SandboxMessage.objects.count() == 0


def test_undecided_at_the_end_of_its_time_it_is_cancelled(marketer: User, lead: User) -> None:
    policy(expires_after=timedelta(seconds=2))
    campaign_id = launched(marketer)
    over = until(campaign_id, "cancelled")
    assert "expired" in over.reason
    assert SandboxMessage.objects.count() == 0


def test_cancelled_meanwhile_nobody_has_to_decide_any_more(marketer: User, lead: User) -> None:
    policy()
    campaign_id = launched(marketer)
    request = asked(campaign_id)
    until(campaign_id, "awaiting_approval")
    gateway.cancel(campaign_id, user=marketer, door=Door.WEB, reason="The price is wrong.", key="c")
    withdrawn = ApprovalRequest.objects.filter(request_id=request.request_id, status=ApprovalStatus.WITHDRAWN)
    eventually(withdrawn.exists, timeout=20)
    entry = TrailRow.objects.get(request__request_id=request.request_id, what="withdrawn")
    assert (entry.who, "The price is wrong." in entry.comment) == ("mara", True)


def test_a_smaller_audience_is_not_asked_about(marketer: User) -> None:
    campaign_id = launched(marketer, {"user_ids": [uid(1), uid(2)]})
    assert until(campaign_id, "completed").counts["sent"] == 2
    assert ApprovalRequest.objects.count() == 0


def test_a_recurring_one_asks_at_each_of_its_times_however_the_one_before_ended(marketer: User, lead: User) -> None:
    """Few as they are: it was launched so. Skipped once and rejected once, it still comes again, and never unasked."""
    policy()
    audience = {"user_ids": [uid(1)]}
    draft = Draft("Spring", "push", audience, "Hello", "Dear {{ name }}", rate_per_minute=FAST, recurs="0 9 1 1 *")
    campaign_id = gateway.create_draft(user=marketer, draft=draft, key="d").campaign_id
    gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l", asks_first=True)
    now = timezone.now()
    gateway.start_occurrence(campaign_id, now - timedelta(minutes=5))
    assert "could not begin within" in until(campaign_id, "cancelled").reason
    eventually(lambda: Campaign.objects.filter(campaign_id=campaign_id, status="cancelled").exists())
    assert gateway.start_occurrence(campaign_id, now) == f"campaign-{campaign_id}-2"
    decide(asked(f"{campaign_id}-2"), lead, approved=False, comment="Not this week.")
    until(f"{campaign_id}-2", "cancelled")
    later = now + timedelta(seconds=1)
    assert gateway.start_occurrence(campaign_id, later) == f"campaign-{campaign_id}-3"
    until(f"{campaign_id}-3", "awaiting_approval")
    assert SandboxMessage.objects.count() == 0


def test_without_a_policy_it_pauses_and_says_why(marketer: User) -> None:
    campaign_id = launched(marketer)
    paused = until(campaign_id, "paused")
    assert "could not be asked for" in paused.reason
    assert SandboxMessage.objects.count() == 0
