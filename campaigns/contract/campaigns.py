"""A campaign: what it starts from and what it knows.

What it is told is in :mod:`campaigns.contract.campaign_messages`, how it is seen in :mod:`campaigns.contract.campaign_views`,
and what its activities are given and answer in :mod:`campaigns.contract.batches`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaigns.contract.sends import check_aware
from campaigns.contract.words import MAX_NAME, MAX_RATE
from temporal_worker.contract import By, InvalidField, check_number, check_text


class CampaignPhase(StrEnum):
    """How far the story is, whether it is paused or not."""

    WAITING = "waiting"
    """For ``starts_at``."""
    AUDIENCE = "audience"
    """Its recipients are being written down."""
    APPROVAL = "approval"
    SENDING = "sending"
    DEFERRED = "deferred"
    """Everybody was asked for; those who may get it later are waited for."""
    CLOSING = "closing"
    """It is over; whoever has not got it is denied."""
    CLOSED = "closed"


class CampaignEvent(StrEnum):
    """What an entry of a campaign's timeline says happened."""

    LAUNCHED = "launched"
    SKIPPED = "skipped"
    AUDIENCE_FIXED = "audience_fixed"
    APPROVAL_ASKED = "approval_asked"
    APPROVED = "approved"
    NOT_APPROVED = "not_approved"
    STARTED = "started"
    PAUSED = "paused"
    STOPPED = "stopped"
    """Paused by the signal ``stop``."""
    PAUSED_BY_ITSELF = "paused_by_itself"
    RESUMED = "resumed"
    RATE_SET = "rate_set"
    ALL_ASKED = "all_asked"
    ENDED = "ended"
    """Its end date came."""
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    MESSAGE_REFUSED = "message_refused"


class CampaignRefusal(StrEnum):
    """Why an update is refused: the type of its failure."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ALREADY_PAUSED = "already_paused"
    NOT_PAUSED = "not_paused"


@dataclass(frozen=True)
class Mailing:
    """What is sent in whose name: fixed at the launch, the same for every batch.

    ``campaign_id`` is this occurrence's own (``CMP-…`` or ``CMP-…-<n>``), ``series_id`` the first one's, which grant ids
    carry with the ``occurrence``. The texts are the launched row's, which never change; ``texts_version`` is its
    ``draft_version``, and an activity that finds another one there sends nothing. ``defers``: who is not allowed now is
    asked for again when they are, until ``ends_at``.
    """

    campaign_id: str
    series_id: str
    channel: str
    category: str
    occurrence: int = 1
    transactional: bool = False
    texts_version: int = 1
    defers: bool = True
    ends_at: datetime | None = None

    def check(self) -> None:
        check_text("campaign_id", self.campaign_id, most=80, required=True)
        check_text("series_id", self.series_id, most=80, required=True)
        check_text("channel", self.channel, most=MAX_NAME, required=True)
        check_text("category", self.category, most=MAX_NAME, required=True)
        check_number("occurrence", self.occurrence, least=1, most=10**6)
        if self.ends_at is not None:
            check_aware("ends_at", self.ends_at)


@dataclass(frozen=True)
class CampaignLimits:
    """The settings of the moment of the launch, with their ``version``.

    ``approval_above``: more recipients than this need an approval; None: never. ``pause_error_percent``: of the attempts
    since it was started or resumed, or of the latest ones, at ``pause_error_least`` failures or more, the campaign pauses by
    itself; 0: never.
    ``batch_attempts``: how often a batch's activity is tried until the campaign pauses. ``late_seconds``: an occurrence
    that starts later than this after ``planned_at`` is skipped, and so is one that is sent once, after ``starts_at``; None:
    never. ``renew_after`` is after how many events of its history a run continues as new by itself; 0: when the server
    suggests it.
    """

    version: int = 1
    approval_above: int | None = 1_000
    shard_size: int = 1_000
    batch_size: int = 100
    shards_at_once: int = 4
    pause_error_percent: int = 10
    pause_error_least: int = 20
    batch_attempts: int = 30
    late_seconds: int | None = None
    renew_after: int = 0

    def check(self) -> None:
        if self.approval_above is not None:
            check_number("approval_above", self.approval_above, least=0, most=10**9)
        check_number("shard_size", self.shard_size, least=1, most=10_000)
        check_number("batch_size", self.batch_size, least=1, most=1_000)
        check_number("shards_at_once", self.shards_at_once, least=1, most=50)
        check_number("pause_error_percent", self.pause_error_percent, least=0, most=100)
        check_number("pause_error_least", self.pause_error_least, least=1, most=10**9)
        check_number("batch_attempts", self.batch_attempts, least=1, most=1_000)
        if self.late_seconds is not None:
            check_number("late_seconds", self.late_seconds, least=0, most=366 * 86_400)
        check_number("renew_after", self.renew_after, least=0, most=40_000)


@dataclass(frozen=True)
class Positions:
    """Recipients ``first`` to ``last`` of the audience, both included. Positions count from 1."""

    first: int
    last: int


@dataclass(frozen=True)
class Stock:
    """Where the recipients stand, counted from their rows in one query; the answer of several activities.

    ``counts`` has each :class:`RecipientState` that occurs; they add up to the audience. ``next_deferred_at`` and
    ``last_deferred_at`` are the earliest and the latest moment for which somebody is deferred. ``crashed`` are those of the
    unknown ones whose sender died: that says nothing of the messages.
    """

    counts: dict[str, int] = field(default_factory=dict)
    denied_by_reason: dict[str, int] = field(default_factory=dict)
    next_deferred_at: datetime | None = None
    last_deferred_at: datetime | None = None
    crashed: int = 0


@dataclass(frozen=True)
class Tried:
    """One count of a campaign: messages that were tried so far, and those of them that failed or are unknown."""

    attempts: int
    troubled: int


@dataclass(frozen=True)
class Headway:
    """How quickly it goes on lately: sums in which what is a while ago counts less and less. Seconds are seconds of sending.

    Up to ``until``, ``messages`` began (sent, failed or unknown) and ``decided`` recipients ceased to be pending in
    ``seconds``. ``share`` by ``share_seconds`` is the part of those decided who got a message, each stretch of time weighing
    as long as it is; two seconds in which everybody gets one are what it begins with.
    """

    until: float = 0.0
    seconds: float = 0.0
    messages: float = 0.0
    decided: float = 0.0
    share_seconds: float = 2.0
    share: float = 2.0


@dataclass(frozen=True)
class CampaignEntry:
    """One entry of the timeline. ``what`` is a :class:`CampaignEvent`; ``text`` a sentence."""

    at: datetime
    what: str
    text: str
    by: By | None = None


@dataclass(frozen=True)
class LaunchApproval:
    """The approval that a large audience needs. ``status`` is empty until it is decided, then ``ApprovalStatus``'s."""

    request_id: str = ""
    status: str = ""
    decided_by: list[str] = field(default_factory=list)
    comment: str = ""


@dataclass
class CampaignMemory:
    """All that a campaign knows: what one run hands to the next."""

    version: int = 0
    phase: str = CampaignPhase.WAITING
    paused: bool = False
    outcome: str = ""
    """``completed`` or ``cancelled`` once it is over, though its recipients may still be being settled."""
    outcome_code: str = ""
    """Why those who did not get it are denied."""
    reason: str = ""
    actions_version: int = 0
    gate: int = 0
    rate_per_minute: int = 0
    stock: Stock = field(default_factory=Stock)
    audience: int = 0
    frontier: int = 1
    """The first position that no shard has been given."""
    left: list[Positions] = field(default_factory=list)
    """What shards were given and gave back."""
    shards_started: int = 0
    late_until: datetime | None = None
    """Up to which moment deferred recipients were taken up."""
    approval: LaunchApproval | None = None
    started_at: datetime | None = None
    closed_at: datetime | None = None
    sending_since: datetime | None = None
    sending_seconds: float = 0.0
    """Time spent sending before ``sending_since``."""
    failed_before: int = 0
    attempts_before: int = 0
    """Failures and attempts up to the last start or resume, which no longer count for the pause by itself."""
    timeline: list[CampaignEntry] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    """Update ids of the last actions, which asked again in the next run must not undo a later one."""
    run: int = 1
    tried: list[Tried] = field(default_factory=list)
    """The counts since the last start or resume, as far back as the latest messages go that are looked at for the pause."""
    headway: Headway = field(default_factory=Headway)


@dataclass(frozen=True)
class CampaignInput:
    """What ``CampaignWorkflow`` starts from. After a continue-as-new ``resume`` is what the run before hands over.

    ``starts_at`` None: at once. ``planned_at`` is when a recurring campaign's occurrence was due.
    """

    mailing: Mailing
    rate_per_minute: int
    name: str = ""
    limits: CampaignLimits = field(default_factory=CampaignLimits)
    starts_at: datetime | None = None
    planned_at: datetime | None = None
    by: By = field(default_factory=By)
    resume: CampaignMemory | None = None

    def check(self) -> None:
        _check_part("mailing", self.mailing)
        _check_part("limits", self.limits)
        check_rate("rate_per_minute", self.rate_per_minute)
        check_text("name", self.name, most=200)
        for name, moment in (("starts_at", self.starts_at), ("planned_at", self.planned_at)):
            if moment is not None:
                check_aware(name, moment)
        starts_at, ends_at = self.starts_at, self.mailing.ends_at
        if starts_at is not None and ends_at is not None and ends_at <= starts_at:
            raise InvalidField("mailing.ends_at", "must be after starts_at")
        self.by.check()


def check_rate(name: str, value: int) -> None:
    check_number(name, value, least=1, most=MAX_RATE)


def _check_part(name: str, part: Mailing | CampaignLimits) -> None:
    try:
        part.check()
    except InvalidField as error:
        raise InvalidField(f"{name}.{error.field}", error.problem) from None
