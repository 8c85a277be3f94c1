"""The status of a campaign as a word with a mark, and what happens next as a phrase."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from campaigns.contract import CampaignPhase, CampaignStatus, CampaignView
from campaigns.models import Campaign
from campaigns.presentation.words import cron_words
from campaigns.standing import is_between_times
from dashboard.phrases import Part, text, when


@dataclass(frozen=True)
class Status:
    """``mark`` is one of idle, move, ok, warn, bad, ended: see ``.status--…`` in components.css."""

    mark: str
    word: str


@dataclass(frozen=True)
class Times:
    """What a recurring campaign waits for between two of its times, or before the first. ``next_at`` None: not known yet."""

    recurs: str
    next_at: datetime | None
    are_paused: bool
    why_paused: str

    @property
    def words(self) -> str:
        """``every Monday at 09:00``."""
        return cron_words(self.recurs)


def times_of(row: Campaign, status: str = "") -> Times | None:
    """None while its row's own time runs, and when no more of them come. ``status``: of its own time, from a newer view."""
    if not is_between_times(row, status):
        return None
    at = row.next_time_at
    is_known = at is not None and at > timezone.now()
    return Times(row.recurs, at if is_known else None, row.times_paused_at is not None, row.times_paused_why)


@dataclass(frozen=True)
class Glance:
    """What a list and a head line need to know of a campaign. ``status`` is of its row's own time."""

    status: str
    phase: str
    reason: str
    audience: int
    pending: int
    deferred: int
    starts_at: datetime | None
    finishes_at: datetime | None
    next_deferred_at: datetime | None
    closed_at: datetime | None
    recurs: str = ""
    """A cron expression, while none of its times has come."""
    times: Times | None = None


def glance_of(view: CampaignView, *, recurs: str = "", times: Times | None = None) -> Glance:
    return Glance(
        status=view.status,
        phase=view.phase,
        reason=view.reason,
        audience=view.counts["audience"],
        pending=view.counts["pending"],
        deferred=view.counts["deferred"],
        starts_at=view.starts_at,
        finishes_at=view.finishes_at,
        next_deferred_at=view.next_deferred_at,
        closed_at=view.closed_at,
        recurs=recurs if view.version == 0 else "",
        times=times,
    )


def status_of(campaign: Glance) -> Status:
    if campaign.times is not None:
        if campaign.times.are_paused:
            return Status("warn", "Paused")
        if campaign.status != CampaignStatus.SCHEDULED:
            return Status("idle", "Waits for its next time")
    match campaign.status:
        case CampaignStatus.DRAFT:
            return Status("idle", "Draft")
        case Campaign.STARTING:
            return Status("move", "Starting")
        case CampaignStatus.AWAITING_APPROVAL:
            return Status("idle", "Awaiting approval")
        case CampaignStatus.SCHEDULED:
            return Status("idle", "Scheduled")
        case CampaignStatus.PAUSED:
            return Status("warn", "Paused")
        case CampaignStatus.COMPLETED:
            return Status("ok", "Completed")
        case CampaignStatus.CANCELLED:
            return Status("ended", "Cancelled")
    if campaign.phase == CampaignPhase.DEFERRED and not campaign.pending:
        return Status("idle", "Waiting for the deferred")
    return Status("move", "Writing down the audience" if campaign.phase == CampaignPhase.AUDIENCE else "Sending")


def next_of(campaign: Glance) -> list[Part]:
    """One short phrase for a list."""
    if campaign.times is not None:
        return _next_time(campaign.times)
    match campaign.status:
        case CampaignStatus.DRAFT:
            return [text("Waits to be launched")]
        case Campaign.STARTING:
            return [text("Starts by itself")]
        case CampaignStatus.AWAITING_APPROVAL:
            return [text(f"{campaign.audience:,} recipients wait for a yes")]
        case CampaignStatus.SCHEDULED:
            return _scheduled(campaign)
        case CampaignStatus.PAUSED:
            return [text(shortened(campaign.reason) or "Waits to be resumed")]
        case CampaignStatus.COMPLETED:
            return [text("Ended "), when(campaign.closed_at, "soon")] if campaign.closed_at else [text("Ended")]
        case CampaignStatus.CANCELLED:
            return [text(shortened(campaign.reason) or "Nothing more is sent")]
    if campaign.pending and campaign.finishes_at:
        return [text("Done at about "), when(campaign.finishes_at, "clock")]
    if campaign.deferred and campaign.next_deferred_at:
        return [text(f"{campaign.deferred:,} later, the first "), when(campaign.next_deferred_at, "until")]
    return [text("Begins to send")] if not campaign.audience else [text("Ends in a moment")]


def _next_time(times: Times) -> list[Part]:
    if times.are_paused:
        return [text(shortened(times.why_paused) or "Waits to be resumed")]
    words = times.words[:1].upper() + times.words[1:]
    return [text(f"{words}, next "), when(times.next_at, "soon")] if times.next_at is not None else [text(words)]


def _scheduled(campaign: Glance) -> list[Part]:
    if campaign.recurs:
        words = cron_words(campaign.recurs)
        return [text(words[:1].upper() + words[1:])]
    return [text("Starts "), when(campaign.starts_at, "until")] if campaign.starts_at else [text("Starts by itself")]


def shortened(words: str, most: int = 70) -> str:
    words = words.rstrip(".")
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
