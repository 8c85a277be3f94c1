"""Who opts out, or must not be written to any more, is put off for nothing that this covers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import preferences, reconciler, suppression
from campaigns.contract import MARKETING, By, Door, OptOut, Preferences, RecountInput, Said
from campaigns.models import Campaign, CampaignRecipient, SendLog
from campaigns.models.words import Outcome, RecipientState
from campaigns.said import write_down
from campaigns.send_log import Grant, commit_intent, record_outcome
from campaigns.sending.stock import stock_of
from temporal_worker import client
from tests.campaigns.contacts_of import contact

PERSON = By("", Door.MAIL)
USER = "USER-001"


def campaign(number: int = 1, *, channel: str = "email", category: str = MARKETING, **fields: Any) -> Campaign:
    """Two people are put off, this one twice already; a third waits."""
    row = Campaign.objects.create(
        campaign_id=f"CMP-{number}",
        idempotency_key=f"{number}",
        name="Spring",
        channel=channel,
        category=category,
        audience_fixed_at=timezone.now(),
        **fields,
    )
    later = timezone.now() + timedelta(hours=9)
    for position, (user_id, state) in enumerate(
        [(USER, "deferred"), ("USER-002", "deferred"), ("USER-003", "pending")]
    ):
        CampaignRecipient.objects.create(
            campaign=row,
            position=position + 1,
            user_id=user_id,
            state=state,
            code="cap_day" if state == "deferred" else "",
            next_at=later if state == "deferred" else None,
            attempts=2 if state == "deferred" else 0,
        )
    return row


def mine(row: Campaign) -> tuple[str, str]:
    recipient = row.recipients.get(user_id=USER)
    assert (recipient.next_at is None) == (recipient.state != RecipientState.DEFERRED)
    return recipient.state, recipient.code


WAYS: dict[str, tuple[Callable[[], object], str]] = {
    "a link": (lambda: preferences.record_opt_out(USER, "email", by=PERSON), "opted_out"),
    "from a topic": (lambda: preferences.record_opt_out(USER, "", MARKETING, by=PERSON), "opted_out"),
    "from everything": (lambda: preferences.record_opt_out(USER, by=PERSON), "opted_out"),
    "settings": (lambda: preferences.save_preferences(USER, 3, Preferences(opt_outs=[OptOut("email")])), "opted_out"),
    "a signal": (lambda: write_down(Said(USER, 3, timezone.now(), opt_out=OptOut("email", MARKETING))), "opted_out"),
    "suppressed by the actor": (
        lambda: preferences.save_preferences(USER, 3, Preferences(suppressed_channels=["email"])),
        "suppressed",
    ),
    "suppressed by a channel": (
        lambda: suppression.suppress(USER, "by_hand", by=PERSON, channel="email"),
        "suppressed",
    ),
    "suppressed": (lambda: suppression.suppress(USER, "complained", by=PERSON), "suppressed"),
    "erased": (lambda: suppression.erase(USER, by=PERSON), "suppressed"),
}


@pytest.mark.django_db
class TestSettle:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_denied_with_the_reason(self, way: str) -> None:
        contact()
        row = campaign()
        change, code = WAYS[way]
        change()
        change()
        assert mine(row) == ("denied", code)
        stock = stock_of(row.campaign_id)
        assert stock.counts == {"denied": 1, "deferred": 1, "pending": 1}
        assert stock.denied_by_reason == {code: 1}
        line = SendLog.objects.get()
        assert (line.grant_id, line.attempt, line.outcome, line.code) == (f"CMP-1:1:{USER}", 3, "denied", code)
        assert line.detail.startswith("It was put off, and they ")

    def test_only_what_it_covers(self) -> None:
        contact()
        rows = [campaign(1, channel="sms"), campaign(2, category="orders"), campaign(3)]
        preferences.record_opt_out(USER, "email", MARKETING, by=PERSON)
        assert [mine(row)[0] for row in rows] == ["deferred", "deferred", "denied"]
        preferences.record_opt_out(USER, "email", by=PERSON)
        assert [mine(row)[0] for row in rows] == ["deferred", "denied", "denied"]

    def test_a_transactional_one_too_and_a_later_occurrence(self) -> None:
        contact()
        first = campaign(1, closed_at=timezone.now())
        later = campaign(2, first=first, occurrence=2, transactional=True)
        preferences.record_opt_out(USER, by=PERSON)
        assert [mine(row)[0] for row in (first, later)] == ["deferred", "denied"], "what is over is as it was"
        assert SendLog.objects.get().grant_id == f"CMP-1:2:{USER}"

    def test_who_is_out_of_marketing_still_waits_for_what_is_transactional(self) -> None:
        contact()
        rows = [campaign(1), campaign(2, transactional=True)]
        preferences.record_opt_out(USER, "email", MARKETING, by=PERSON)
        assert [mine(row)[0] for row in rows] == ["denied", "deferred"]
        preferences.record_opt_out(USER, "email", by=PERSON)
        assert mine(rows[1])[0] == "denied"

    def test_a_message_that_is_on_its_way_keeps_its_end(self) -> None:
        contact()
        row = campaign()
        grant = Grant(
            f"CMP-1:1:{USER}", USER, "email", MARKETING, "CMP-1", recipient=row.recipients.get(user_id=USER).pk
        )
        commit_intent(grant)
        preferences.record_opt_out(USER, by=PERSON)
        assert mine(row) == ("deferred", "cap_day")
        record_outcome(grant, Outcome.SENT)
        assert mine(row)[0] == "sent"
        assert SendLog.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestRecount:
    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []

        async def signal(workflow_id: str, name: str, wish: RecountInput) -> None:
            if not told and workflow_id == "campaign-CMP-2":
                raise client.WorkflowNotFound("gone")
            told.append((workflow_id, name))

        monkeypatch.setattr(client, "signal", signal)
        return told

    def test_campaigns_are_told_once(self, told: list[tuple[str, str]]) -> None:
        contact()
        campaign(1)
        campaign(2, channel="sms")
        preferences.record_opt_out(USER, "email", by=PERSON)
        for _ in range(2):
            reconciler.tell_recounts()
        assert told == [("campaign-CMP-1", "recount")]

    def test_one_without_a_workflow_is_done_with_and_an_outage_is_not(
        self, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contact()
        campaign(2)
        preferences.record_opt_out(USER, by=PERSON)
        reconciler.tell_recounts()
        assert not Campaign.objects.exclude(recount_at=None).exists()

        async def away(workflow_id: str, name: str, wish: RecountInput) -> None:
            raise client.TemporalUnavailable("away")

        contact("USER-002")
        preferences.record_opt_out("USER-002", by=PERSON)
        with monkeypatch.context() as outage:
            outage.setattr(client, "signal", away)
            reconciler.tell_recounts()
        assert Campaign.objects.exclude(recount_at=None).exists()
