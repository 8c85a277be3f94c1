"""One row of the campaign list, made from the projection row alone: a list costs the same SQL whatever is in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign
from campaigns.presentation.bars import BarPart, bar_of
from campaigns.presentation.status import Glance, Status, Times, next_of, status_of, times_of
from campaigns.presentation.words import CHANNEL_ICONS, CHANNEL_WORDS
from dashboard.phrases import Part


@dataclass(frozen=True)
class CampaignRow:
    campaign_id: str
    name: str
    channel: str
    icon: str
    status: Status
    next: Sequence[Part]
    audience: int
    decided: int
    percent: int
    bar: Sequence[BarPart]
    created_at: datetime
    occurrence: int = 1

    @property
    def head(self) -> str:
        return self.campaign_id[:-4]

    @property
    def tail(self) -> str:
        return self.campaign_id[-4:]


def row_of(row: Campaign, *, as_one_time: bool = False) -> CampaignRow:
    """``as_one_time``: of a recurring one's first row, its own time alone."""
    counts = row.counts
    audience, decided = counts["audience"], counts["audience"] - counts["pending"]
    glance = glance_of_row(row, None if as_one_time else times_of(row))
    return CampaignRow(
        campaign_id=row.campaign_id,
        name=row.name,
        channel=CHANNEL_WORDS.get(row.channel, row.channel),
        icon=CHANNEL_ICONS.get(row.channel, "send"),
        status=status_of(glance),
        next=next_of(glance),
        audience=audience,
        decided=decided,
        percent=decided * 100 // audience if audience else 0,
        bar=bar_of(counts),
        created_at=row.created_at,
        occurrence=row.occurrence,
    )


def glance_of_row(row: Campaign, times: Times | None) -> Glance:
    """From the projection alone; a snapshot that lacks something is shown without it."""
    seen = row.snapshot
    next_deferred_at = seen.get("next_deferred_at")
    return Glance(
        status=row.status,
        phase=str(seen.get("phase") or ""),
        reason=row.reason,
        audience=row.audience_count,
        pending=row.pending_count,
        deferred=row.deferred_count,
        starts_at=row.starts_at,
        finishes_at=row.finishes_at,
        next_deferred_at=datetime.fromisoformat(next_deferred_at) if isinstance(next_deferred_at, str) else None,
        closed_at=row.closed_at,
        recurs=row.recurs if row.version == 0 else "",
        times=times,
    )
