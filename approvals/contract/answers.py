"""What a request answers: its state, its trail, its result."""

from dataclasses import dataclass, field
from datetime import datetime

from approvals.contract.policy import Caller, Cover, Seat
from approvals.contract.words import AtExpiry, MailMode, SlackMode
from temporal_worker.contract import By


@dataclass(frozen=True)
class DecisionView:
    """A decision that counts. ``on_behalf_of`` is the approver whose place it took, when that is somebody else."""

    approver: str
    on_behalf_of: str
    approved: bool
    comment: str
    door: str
    at: datetime
    escalated: bool = False


@dataclass
class LevelView:
    """A level and its decisions in the current round. ``status``: ``waiting``, ``open``, ``approved``, ``rejected``."""

    name: str
    rule: str
    approvers: list[str]
    decisions: list[DecisionView]
    needed: int = 1
    rejections: int = 1
    status: str = "waiting"
    seats: list[Seat] = field(default_factory=list)
    escalate_to: list[str] = field(default_factory=list)
    is_escalated: bool = False
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    remind_at: datetime | None = None
    escalate_at: datetime | None = None
    at_expiry: str = AtExpiry.EXPIRE

    @property
    def approvals(self) -> int:
        return sum(decision.approved for decision in self.decisions)

    @property
    def undecided(self) -> list[str]:
        """The approvers whose place nobody has taken yet."""
        taken = {decision.on_behalf_of or decision.approver for decision in self.decisions}
        return [username for username in self.approvers if username not in taken]


@dataclass(frozen=True)
class RoundView:
    """One round: the content that was asked for, and how it ended (``changes_requested`` and by whom, or open)."""

    number: int
    title: str
    description: str
    amount_cents: int | None
    starts_on: str
    ends_on: str
    submitted_at: datetime
    submitted_by: By
    state_version: int
    changes_wanted: str = ""
    changes_wanted_by: str = ""
    decisions: int = 0


@dataclass(frozen=True)
class AttachmentView:
    attachment_id: str
    name: str
    size: int
    sha256: str
    by: str
    at: datetime


@dataclass(frozen=True)
class TrailEntry:
    """One entry of the audit trail. ``sequence`` grows by one with each and never changes.

    ``version`` and ``state_version`` are those after it. ``update_id`` names the accepted update that made it;
    ``event_id`` is the last event of the history when the workflow made it (the workflow task's start).
    """

    sequence: int
    at: datetime
    who: str
    on_behalf_of: str
    door: str
    what: str
    version: int
    state_version: int = 0
    round: int = 1
    level: int = 1
    text: str = ""
    comment: str = ""
    update_id: str = ""
    event_id: int = 0


@dataclass(frozen=True)
class Change:
    """Why ``state_version`` is what it is: the last thing that raised it, and who was first with it."""

    state_version: int
    what: str
    who: str
    on_behalf_of: str
    door: str
    at: datetime
    text: str


@dataclass
class ApprovalView:
    """The request as everybody outside sees it: the answer of ``get_state`` and of every update.

    ``trail`` holds the last 200 entries in a query's answer, and in an update's only those that it added.
    """

    request_id: str
    workflow_id: str
    status: str
    version: int
    state_version: int
    kind: str
    title: str
    amount_cents: int | None
    requester: str
    round: int
    level: int
    levels: list[LevelView]
    deadline_at: datetime | None
    description: str = ""
    currency: str = "USD"
    starts_on: str = ""
    ends_on: str = ""
    submitted_at: datetime | None = None
    closed_at: datetime | None = None
    names: dict[str, str] = field(default_factory=dict)
    covers: list[Cover] = field(default_factory=list)
    rounds: list[RoundView] = field(default_factory=list)
    attachments: list[AttachmentView] = field(default_factory=list)
    participants: list[str] = field(default_factory=list)
    """Who may see it beside the requester and the approvers: delegates, mentioned people, commenters."""
    trail: list[TrailEntry] = field(default_factory=list)
    trail_total: int = 0
    changes: list[Change] = field(default_factory=list)
    policy_id: str = ""
    policy_name: str = ""
    policy_version: int = 0
    policy_min_cents: int | None = None
    policy_max_cents: int | None = None
    left_out: list[str] = field(default_factory=list)
    comment_to_reject: bool = True
    distinct_levels: bool = True
    slack: str = SlackMode.OFF
    slack_channel: str = ""
    mail: str = MailMode.LINK
    working_zone: str = "UTC"
    outcome: str = ""
    """What was done after the approval, in words; empty until then."""
    caller: Caller | None = None
    actions_version: int = 0
    deadline_extended: bool = False
    reminders: int = 0
    max_rounds: int = 5
    covers_ahead: list[str] = field(default_factory=list)
    """Ids of covers that have not begun: whoever covers is told when they do."""

    @property
    def current_level(self) -> LevelView:
        return self.levels[self.level - 1]

    def name_of(self, username: str) -> str:
        return self.names.get(username) or username


@dataclass(frozen=True)
class AuditEntry:
    """One row of ``get_audit_trail``."""

    at: datetime
    who: str
    on_behalf_of: str
    door: str
    what: str
    version: int
    text: str = ""
    comment: str = ""
    sequence: int = 0


@dataclass(frozen=True)
class ApprovalResult:
    """What a finished request's workflow returns, and what its caller is signalled."""

    request_id: str
    status: str
    decided_by: list[str] = field(default_factory=list)
    comment: str = ""
    amount_cents: int | None = None
    currency: str = "USD"
