"""The points of a campaign's charts: one for each stretch of time, so that months of a campaign stay a few hundred rows.

They are written with the campaign's row, in its transaction, and read only when somebody's page is drawn anew: a page that
nothing happens on costs no query.
"""

from datetime import UTC, datetime, timedelta

from campaigns.contract import CampaignStatus, CampaignView, RecipientState
from campaigns.models import Campaign, ProgressSample

# Up to which age of a campaign its samples are how far apart.
STRETCHES = (
    (timedelta(minutes=1), timedelta(seconds=1)),
    (timedelta(minutes=10), timedelta(seconds=5)),
    (timedelta(hours=2), timedelta(seconds=30)),
    (timedelta(days=1), timedelta(minutes=5)),
)
LATER = timedelta(hours=1)
MOST_DRAWN = 360
"""Samples that one chart is made of."""
_WRITTEN = ["at", *(state.value for state in RecipientState), "rate_per_minute", "paused"]


def slot_of(at: datetime, since: datetime) -> datetime:
    """The beginning of the stretch that ``at`` falls into, for a campaign that began to send at ``since``."""
    apart = next((apart for age, apart in STRETCHES if at - since < age), LATER)
    seconds = int(apart.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def record(row: Campaign, view: CampaignView, at: datetime) -> None:
    """The sample of this moment; within its stretch the newest one stays. Nothing before the first message."""
    if view.started_at is None:
        return
    if not row.samples.exists():
        # From nothing decided: the first stretch is part of the line.
        counts = {RecipientState.PENDING.value: view.counts["audience"]}
        _write(row, view, view.started_at, view.started_at - timedelta(milliseconds=1), counts)
    _write(row, view, at, slot_of(at, view.started_at), view.counts)


def _write(row: Campaign, view: CampaignView, at: datetime, slot: datetime, counts: dict[str, int]) -> None:
    sample = ProgressSample(
        campaign=row,
        slot=slot,
        at=at,
        **{state.value: counts.get(state.value, 0) for state in RecipientState},
        rate_per_minute=view.rate_per_minute,
        paused=view.status == CampaignStatus.PAUSED,
    )
    ProgressSample.objects.bulk_create(
        [sample], update_conflicts=True, unique_fields=["campaign", "slot"], update_fields=_WRITTEN
    )


def samples_of(row: Campaign) -> list[ProgressSample]:
    """In their order, evenly thinned out to what a chart can show. One query."""
    found = list(row.samples.order_by("slot", "pk"))
    if len(found) <= MOST_DRAWN:
        return found
    step = (len(found) - 1) / (MOST_DRAWN - 1)
    return [found[round(number * step)] for number in range(MOST_DRAWN)]
