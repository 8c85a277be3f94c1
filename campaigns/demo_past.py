"""What the demo's marketers sent in the last fortnight, before the demo began.

As the past of the orders (``orders/demo_past.py``): what is left of campaigns whose workflows Temporal has no more, with their
recipients and the send log's rows, written by the campaign's own bookkeeping with the clock put back.

Nobody's cap is used up by it: what counts is the last day's, of which there is nothing here. The first two hundred contacts
were left alone altogether, so that whoever tries the demo finds people of whom nothing is known yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from campaigns import projection, totals
from campaigns.contract import (
    MARKETING,
    By,
    CampaignInput,
    Door,
    Mailing,
    RecipientState,
    Stock,
    grant_id_for,
)
from campaigns.demo import TEMPLATES
from campaigns.models import Campaign, CampaignRecipient, Contact, SendHour, SendLog
from campaigns.models.words import Outcome
from campaigns.process.state import CampaignState
from dashboard.demo_rhythm import Clock, chance_of
from dashboard.home.parts import Day
from temporal_worker.snapshots import to_json

WRITER = By("marketer", Door.WEB)
FIRST = "USER-201"
"""The first contact whom anything was sent to."""
QUIET = timedelta(hours=25)
"""So long before now nothing was sent: longer than every window of a cap."""
STEPS = 3
"""Points of a campaign's chart after its first: all of them went out evenly."""
FAILS = 0.02


@dataclass(frozen=True)
class PastCampaign:
    """``ago``: so many days; ``at``: from which hour on, for ``minutes``. ``share`` of the contacts got it."""

    name: str
    template: int
    ago: int
    at: int
    share: float
    minutes: int


CAMPAIGNS = (
    PastCampaign("Stocktaking sale", 0, 13, 9, 0.5, 300),
    PastCampaign("Headsets, last pairs", 2, 12, 11, 0.25, 120),
    PastCampaign("Plan news, first part", 1, 10, 10, 0.6, 360),
    PastCampaign("Keycaps, first batch", 3, 9, 14, 0.3, 60),
    PastCampaign("Letter of the week", 0, 7, 9, 0.7, 420),
    PastCampaign("Webcams are back", 3, 6, 16, 0.2, 60),
    PastCampaign("Plan news, second part", 1, 4, 10, 0.55, 360),
    PastCampaign("Flash sale on docks", 2, 3, 12, 0.3, 120),
    PastCampaign("Letter before the weekend", 0, 2, 9, 0.6, 300),
)
"""The oldest first."""


@transaction.atomic
def load_demo_past(now: datetime) -> int:
    """Writes them, if there is no campaign and no message yet, and returns how many. The demo's contacts have to be there."""
    if Campaign.objects.exists() or SendLog.objects.exists():
        return 0
    contacts = list(Contact.objects.filter(user_id__gte=FIRST).order_by("user_id").values_list("user_id", flat=True))
    today = Day.of(now)
    for number, one in enumerate(CAMPAIGNS):
        chance = chance_of(f"campaign {one.name}")
        people = sorted(chance.sample(contacts, round(len(contacts) * one.share)))
        begins = today.before(one.ago) + timedelta(hours=one.at, minutes=chance.randrange(30))
        if people and begins + timedelta(minutes=one.minutes) < now - QUIET:
            _tell(_row(number, one, begins, people), people, begins, timedelta(minutes=one.minutes), chance)
    # A worker that has run already has counted these hours as empty.
    SendHour.objects.all().delete()
    totals.close_hours(now)
    return Campaign.objects.count()


def _row(number: int, one: PastCampaign, begins: datetime, people: Sequence[str]) -> Campaign:
    texts = TEMPLATES[one.template]
    return Campaign(
        campaign_id=f"CMP-{begins:%Y%m%d-%H%M%S}-{number:04x}",
        idempotency_key=f"past:{number}",
        name=one.name,
        category=MARKETING,
        channel=texts["channel"],
        subject=texts["subject"],
        body_text=texts["body_text"],
        body_html=texts["body_html"],
        audience={"user_ids": list(people)},
        created_by=WRITER.username,
        created_at=begins - timedelta(minutes=25),
        launched_by=WRITER.username,
        launched_at=begins,
        audience_fixed_at=begins,
    )


def _tell(row: Campaign, people: Sequence[str], begins: datetime, lasts: timedelta, chance: Random) -> None:
    """One campaign from its launch to its last message."""
    row.rate_per_minute = max(1, round(len(people) / (lasts.total_seconds() / 60)))
    mailing = Mailing(row.campaign_id, row.campaign_id, row.channel, row.category)
    start = CampaignInput(mailing, row.rate_per_minute, row.name, by=WRITER)
    row.start_input = to_json(start)
    row.save()
    clock = Clock(begins)
    state = CampaignState(start, clock, lambda: None)
    outcomes = [Outcome.FAILED if chance.random() < FAILS else Outcome.SENT for _ in people]
    state.fix_audience(_stock(outcomes, 0))
    clock.forward(seconds=2)
    state.begin()
    _save(state, 1)
    for step in range(1, STEPS + 1):
        clock.at = begins + lasts * step / STEPS
        state.take(_stock(outcomes, len(people) * step // STEPS))
        _save(state, step + 1)
    state.complete()
    clock.forward(seconds=1)
    state.close()
    _save(state, STEPS + 2)
    row.refresh_from_db()
    CampaignRecipient.objects.bulk_create(_recipients(row, people, outcomes))
    SendLog.objects.bulk_create(_messages(row, people, outcomes, begins, lasts, chance))


def _stock(outcomes: Sequence[Outcome], done: int) -> Stock:
    sent = outcomes[:done].count(Outcome.SENT)
    counts = {
        RecipientState.SENT: sent,
        RecipientState.FAILED: done - sent,
        RecipientState.PENDING: len(outcomes) - done,
    }
    return Stock({state.value: number for state, number in counts.items() if number})


def _save(state: CampaignState, version: int) -> None:
    projection.save(state.view(version, 0), at=state.now)


def _recipients(row: Campaign, people: Sequence[str], outcomes: Sequence[Outcome]) -> Iterator[CampaignRecipient]:
    for position, (user_id, outcome) in enumerate(zip(people, outcomes, strict=True), start=1):
        code = "" if outcome == Outcome.SENT else "out_of_reach"
        yield CampaignRecipient(
            campaign=row, position=position, user_id=user_id, state=outcome.value, code=code, attempts=1
        )


def _messages(
    row: Campaign,
    people: Sequence[str],
    outcomes: Sequence[Outcome],
    begins: datetime,
    lasts: timedelta,
    chance: Random,
) -> Iterator[SendLog]:
    for number, (user_id, outcome) in enumerate(zip(people, outcomes, strict=True)):
        at = begins + lasts * (number + chance.random()) / len(people)
        is_sent = outcome == Outcome.SENT
        yield SendLog(
            grant_id=grant_id_for(row.campaign_id, 1, user_id),
            campaign_id=row.campaign_id,
            user_id=user_id,
            channel=row.channel,
            category=row.category,
            outcome=outcome.value,
            code="" if is_sent else "out_of_reach",
            detail="" if is_sent else "Too many messages; later.",
            provider_reference=f"msg_{chance.getrandbits(96):024x}" if is_sent else "",
            policy_version=1,
            at=at,
            settled_at=at + timedelta(milliseconds=300),
        )
