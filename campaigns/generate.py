"""Made-up decisions of the send log for measurements: campaigns of the last 30 days that are all over."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from campaigns import totals
from campaigns.contract import CampaignStatus, Channel, RecipientState
from campaigns.models import Campaign, SendHour, SendLog
from campaigns.models.words import Outcome
from dashboard.generating import MARK, Rows

OPTION = "sends"
HELP = "decisions of the send log of the last 30 days, of completed campaigns"
DAYS = 30
AUDIENCE = 25_000
"""People of one campaign, at most."""
_CHANCES = (
    (0.88, Outcome.SENT, ""),
    (0.95, Outcome.DENIED, "cap_reached"),
    (0.98, Outcome.DENIED, "opted_out"),
    (0.99, Outcome.FAILED, "provider_error"),
    (1.0, Outcome.UNKNOWN, ""),
)


def has_real_rows() -> bool:
    generated = Campaign.objects.filter(idempotency_key__startswith=MARK).values("campaign_id")
    return Campaign.objects.exclude(idempotency_key__startswith=MARK).exists() or (
        SendLog.objects.exclude(campaign_id__in=generated).exists()
    )


def generate(count: int, chance: Random, now: datetime) -> None:
    sizes = [min(AUDIENCE, count - begin) for begin in range(0, count, AUDIENCE)]
    for number, size in enumerate(sizes):
        # The last one has begun a little while ago, whatever chance says: today is a day like any other.
        began = now - timedelta(days=DAYS * (len(sizes) - 1 - number) / len(sizes), hours=2)
        _campaign(number, size, began, chance, now)
    # Rows of the past have come, which no worker reckons with.
    SendHour.objects.all().delete()
    totals.close_hours(now)


def _campaign(number: int, size: int, began: datetime, chance: Random, now: datetime) -> None:
    campaign_id = f"CMP-{began:%Y%m%d-%H%M%S}-g{number:04x}"
    counts = dict.fromkeys((state.value for state in RecipientState), 0)
    rows = Rows(SendLog, campaign_id=campaign_id, channel=Channel.EMAIL, category="marketing", policy_version=1)
    rows.write(_decisions(campaign_id, size, began, chance, counts, now))
    row = Campaign(
        campaign_id=campaign_id,
        idempotency_key=f"{MARK}{campaign_id}",
        status=CampaignStatus.COMPLETED,
        version=9,
        name=f"Newsletter {number + 1}",
        channel=Channel.EMAIL,
        subject="News",
        body_text="News",
        audience="all",
        created_at=began,
        launched_at=began,
        closed_at=min(now, began + timedelta(days=1)),
        launched_by="marketer",
    )
    row.set_counts(counts)
    row.save()


def _decisions(
    campaign_id: str, size: int, began: datetime, chance: Random, counts: dict[str, int], now: datetime
) -> Iterator[dict[str, Any]]:
    for person in range(size):
        dice = chance.random()
        outcome, code = next((outcome, code) for below, outcome, code in _CHANCES if dice <= below)
        counts[outcome.value] += 1
        at = min(now, began + timedelta(seconds=person * 86_000 / size * chance.random()))
        user_id = f"GEN-{person:06}"
        yield {
            "grant_id": f"{campaign_id}:1:{user_id}",
            "user_id": user_id,
            "outcome": outcome.value,
            "code": code,
            "at": at,
            "settled_at": at,
        }
