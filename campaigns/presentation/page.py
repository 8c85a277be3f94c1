"""The campaign page as its templates want it, made from what was read of the campaign: nothing personal, no queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from campaigns import standing
from campaigns.contract import CampaignEntry, CampaignEvent, CampaignPhase, CampaignStatus, CampaignView
from campaigns.models import Campaign, ProgressSample
from campaigns.presentation import bars, charts
from campaigns.presentation.lede import lede_of
from campaigns.presentation.log import LogLine, ReasonCount, ReasonGroup, reason_groups
from campaigns.presentation.row import CampaignRow
from campaigns.presentation.status import Glance, Status, glance_of, status_of, times_of
from campaigns.presentation.words import CHANNEL_WORDS, audience_words, cron_words
from dashboard.phrases import Part, span

LOG_SHOWN = 8
"""Lines of the send log on the page; all of them have a page of their own."""

_MARKS = {
    CampaignEvent.STARTED: "play",
    CampaignEvent.RESUMED: "play",
    CampaignEvent.PAUSED: "pause",
    CampaignEvent.STOPPED: "pause",
    CampaignEvent.PAUSED_BY_ITSELF: "attention",
    CampaignEvent.CANCELLED: "x",
    CampaignEvent.NOT_APPROVED: "x",
    CampaignEvent.COMPLETED: "check",
    CampaignEvent.APPROVED: "check",
    CampaignEvent.APPROVAL_ASKED: "approvals",
    CampaignEvent.RATE_SET: "sliders",
    CampaignEvent.AUDIENCE_FIXED: "people",
}


def icon_of(what: str) -> str:
    return _MARKS.get(CampaignEvent(what), "note") if what in set(CampaignEvent) else "note"


@dataclass(frozen=True)
class Entry:
    """One entry of the timeline."""

    at: datetime
    icon: str
    text: str
    key: str


@dataclass(frozen=True)
class Facts:
    """What is read of a campaign for its page. ``view`` is the newest that is known."""

    row: Campaign
    view: CampaignView
    reasons: Sequence[ReasonCount] = ()
    samples: Sequence[ProgressSample] = ()
    log: Sequence[LogLine] = ()
    occurrences: Sequence[CampaignRow] = ()
    series_id: str = ""
    change: int = 0
    """The newest of the row's and of the other times' that stand on the page."""
    names: dict[str, str] = field(default_factory=dict)
    """Full names of people by username."""


@dataclass(frozen=True)
class CampaignPage:
    facts: Facts
    now: datetime

    @property
    def row(self) -> Campaign:
        return self.facts.row

    @property
    def view(self) -> CampaignView:
        return self.facts.view

    @property
    def campaign_id(self) -> str:
        return self.row.campaign_id

    @cached_property
    def glance(self) -> Glance:
        return glance_of(self.view, recurs=self.row.recurs, times=times_of(self.row, self.view.status))

    @cached_property
    def status(self) -> Status:
        return status_of(self.glance)

    @property
    def is_draft(self) -> bool:
        return self.view.status == CampaignStatus.DRAFT

    @property
    def is_over(self) -> bool:
        return self.view.status in (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)

    @property
    def is_settled(self) -> bool:
        """Over, and nothing of it changes any more."""
        is_closed = self.view.closed_at is not None or self.row.closed_at is not None
        return self.is_over and is_closed and not self.has_times_to_come

    @property
    def is_sending(self) -> bool:
        return self.view.status == CampaignStatus.RUNNING and self.view.phase == CampaignPhase.SENDING

    @property
    def has_audience(self) -> bool:
        return self.view.counts["audience"] > 0

    @property
    def actions_version(self) -> str:
        """Changes when what can be done with it does."""
        times = f"-{self.has_times_to_come}-{self.times_are_paused}" if self.row.recurs else ""
        return f"{self.view.status}-{self.row.draft_version if self.is_draft else self.view.actions_version}{times}"

    @property
    def has_times_to_come(self) -> bool:
        """It is the first of a recurring campaign of which more times come."""
        return standing.has_times_to_come(self.row)

    @property
    def is_between_times(self) -> bool:
        """It waits for one of its times; nothing of it runs."""
        return standing.is_between_times(self.row, self.view.status)

    @property
    def next_time_at(self) -> datetime | None:
        at = self.row.next_time_at
        return at if self.has_times_to_come and at is not None and at > self.now else None

    @property
    def times_end_at(self) -> datetime | None:
        """Of the first of a recurring campaign: until when it comes. Its row's own end is its first time's, once that began."""
        row = self.row
        if not row.recurs or row.first_id is not None:
            return None
        return row.ends_at if row.planned_at is None else row.times_until

    @property
    def own_end_at(self) -> datetime | None:
        """Until when its deferred ones are tried again; of a recurring one, those of this time."""
        is_series = bool(self.row.recurs) and self.row.first_id is None and self.row.planned_at is None
        return None if is_series else self.row.ends_at

    @property
    def times_are_paused(self) -> bool:
        """Its further times begin nothing until somebody resumes it."""
        return self.has_times_to_come and self.row.times_paused_at is not None

    @property
    def mark(self) -> str:
        return f"{self.view.status}-{self.view.version}"

    @cached_property
    def title(self) -> str:
        """``69 % Sending · Autumn sale``: what the tab says."""
        percent = f"{self.percent} % " if self.has_audience and not self.is_over else ""
        return f"{percent}{self.status.word} · {self.row.name}"

    # ── Progress ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def decided(self) -> int:
        return self.view.counts["audience"] - self.view.counts["pending"]

    @property
    def progress(self) -> int:
        """How many were asked for; of one that is over, how many got it."""
        return self.view.counts["sent"] if self.is_over else self.decided

    @property
    def percent(self) -> str:
        audience = self.view.counts["audience"]
        part = self.progress * 100 / audience if audience else 0.0
        # Never a whole hundred before the last one.
        return f"{part:.0f}" if part in (0, 100) else f"{min(part, 99.9):.1f}"

    @property
    def speed_words(self) -> str:
        """Messages a minute, as the limit beside it is."""
        return f"{self.view.per_minute:,.0f} a minute" if self.view.per_minute is not None else ""

    @property
    def left_words(self) -> str:
        at = self.view.first_pass_at
        return f"About {span(max(at - self.now, timedelta(0)))}" if at is not None else ""

    @property
    def bar(self) -> list[bars.BarPart]:
        return bars.bar_of(self.view.counts)

    @property
    def sum(self) -> list[bars.SumPart]:
        return bars.sum_of(self.view.counts)

    @property
    def bar_words(self) -> str:
        return bars.in_words(self.view.counts)

    @property
    def adds_up(self) -> bool:
        return bars.adds_up(self.view.counts)

    @property
    def _goes_on(self) -> bool:
        return self.has_audience and self.view.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED)

    @property
    def is_drawn_soon(self) -> bool:
        """It runs, but has too few samples for its charts: their room is kept, so that nothing moves when they come."""
        return self._goes_on and self.rate_chart is None

    @property
    def log_to_come(self) -> range:
        """The lines that its send log lacks here while it runs: their room is kept likewise."""
        shown = min(LOG_SHOWN, self.view.counts["audience"]) if self._goes_on else 0
        return range(shown - len(self.facts.log))

    @cached_property
    def rate_chart(self) -> charts.RateChart | None:
        return charts.rate_chart(self.facts.samples)

    @cached_property
    def stack_chart(self) -> charts.StackChart | None:
        return charts.stack_chart(self.facts.samples)

    # ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def lede(self) -> Sequence[Part]:
        return lede_of(
            self.glance, self.view.counts, first_pass_at=self.view.first_pass_at, last_deferred_at=self.last_deferred_at
        )

    @property
    def last_deferred_at(self) -> datetime | None:
        return max((one.last_at for one in self.facts.reasons if one.last_at is not None), default=None)

    @cached_property
    def reason_groups(self) -> list[ReasonGroup]:
        return reason_groups(self.facts.reasons)

    @property
    def channel(self) -> str:
        return CHANNEL_WORDS.get(self.row.channel, self.row.channel)

    @property
    def audience(self) -> str:
        return audience_words(self.row.audience)

    @property
    def recurs(self) -> str:
        words = cron_words(self.row.recurs) if self.row.recurs else ""
        return words[:1].upper() + words[1:]

    @property
    def launched_by(self) -> str:
        return self.name_of(self.row.launched_by)

    @property
    def created_by(self) -> str:
        return self.name_of(self.row.created_by)

    @property
    def marked(self) -> tuple[str, datetime | None]:
        """Who said that it is transactional, and when; of a later occurrence, whoever did of the first."""
        row = self.row.first or self.row
        return self.name_of(row.transactional_by), row.transactional_at

    @property
    def approved_by(self) -> str:
        approval = self.view.approval
        return ", ".join(self.name_of(one) for one in approval.decided_by) if approval else ""

    def name_of(self, username: str) -> str:
        return self.facts.names.get(username, username)

    @cached_property
    def trail(self) -> list[Entry]:
        """The newest first."""
        return [
            Entry(
                one.at, _MARKS.get(CampaignEvent(one.what), "note"), self._with_name(one), f"{number}-{one.at:%H%M%S%f}"
            )
            for number, one in enumerate(self.view.timeline)
        ][::-1]

    def _with_name(self, entry: CampaignEntry) -> str:
        """What happened; whoever did it stands in front, by their username, which is all that the workflow knows of them."""
        username = entry.by.username if entry.by else ""
        if username and entry.text.startswith(f"{username} "):
            return self.name_of(username) + entry.text.removeprefix(username)
        return entry.text


def campaign_page(facts: Facts, now: datetime) -> CampaignPage:
    return CampaignPage(facts, now)
