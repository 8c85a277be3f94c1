"""Names and shapes of the approval area's messages: what clients outside the code rely on.

Standard library only (with what all areas share, ``temporal_worker.contract``). Money is integer minor units beside an ISO
4217 currency, times are timezone-aware UTC, durations are seconds, dates are ISO texts (``2027-01-12``). Every field added
later has a default. People are named by their username; ``names`` of a request says what they are called.

Each message checks itself in ``check()``; see :mod:`orders.contract`.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from temporal_worker.contract import SYSTEM as SYSTEM
from temporal_worker.contract import By as By
from temporal_worker.contract import Door as Door
from temporal_worker.contract import InvalidField as InvalidField
from temporal_worker.contract import check_number, check_text

TASK_QUEUE = "hr-approval-queue"
WORKFLOW_TYPE = "ApprovalWorkflow"
BULK_WORKFLOW_TYPE = "BulkDecisionWorkflow"

MAX_TITLE = 200
MAX_DESCRIPTION = 10_000
MAX_COMMENT = 4_000
MAX_REASON = 2_000
MAX_CENTS = 10**12
MAX_LEVELS = 10
MAX_SEATS = 100
"""Approvers of one level."""
MAX_CHAIN = 3
"""Hand-overs from one person to the next: A to B to C to D, and no further."""
MAX_ATTACHMENT_BYTES = 1_500_000
MAX_ATTACHMENTS = 20

_REQUEST_ID = re.compile(r"REQ-\d{8}-\d{6}-[0-9a-z]{4,12}")
_USERNAME = re.compile(r"[\w.@+-]{1,150}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MENTION = re.compile(r"(?<![\w.@+-])@([\w.+-]*\w)")


def approval_workflow_id(request_id: str) -> str:
    """The workflow id of a request, ``approval-<request_id>``."""
    return f"approval-{request_id}"


def bulk_workflow_id(job_id: str) -> str:
    """The workflow id of a bulk decision, ``bulk-decision-<job_id>``."""
    return f"bulk-decision-{job_id}"


def is_request_id(text: str) -> bool:
    """Whether ``text`` has the form ``REQ-YYYYMMDD-HHMMSS-xxxx``."""
    return _REQUEST_ID.fullmatch(text) is not None


def mentioned(text: str) -> list[str]:
    """The usernames that a comment names with ``@``, each once, in their order."""
    return list(dict.fromkeys(_MENTION.findall(text)))


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self not in {ApprovalStatus.PENDING, ApprovalStatus.CHANGES_REQUESTED}


class RequestKind(StrEnum):
    LEAVE = "leave"
    EXPENSE = "expense"
    PURCHASE = "purchase"
    CONTRACT = "contract"
    TRAVEL = "travel"
    REFUND = "refund"
    CAMPAIGN = "campaign"
    OTHER = "other"


class LevelRule(StrEnum):
    """How many of a level's approvers have to approve. One rejection rejects, unless the level wants more."""

    ANY = "any"
    ALL = "all"
    N_OF_M = "n_of_m"


class AtExpiry(StrEnum):
    """What becomes of a request whose deadline passes at this level."""

    EXPIRE = "expire"
    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class SlackMode(StrEnum):
    OFF = "off"
    NOTIFY = "notify"
    BUTTONS = "buttons"


class MailMode(StrEnum):
    """What a mail to an approver links to: nothing is sent, the page behind the log-in, or a signed page that decides."""

    OFF = "off"
    LINK = "link"
    DECIDE = "decide"


class RefusalCode(StrEnum):
    """Type of the ``ApplicationError`` by which a request says no."""

    VALIDATION = "ValidationError"
    # Not theirs to do (HTTP 403).
    SELF_APPROVAL = "self_approval"
    NOT_APPROVER = "not_approver"
    NOT_REQUESTER = "not_requester"
    NOT_INVOLVED = "not_involved"
    OTHER_LEVEL = "decided_other_level"
    # Too late, or not now (HTTP 409). Details: ``first`` is the decision or the change that came before.
    ALREADY_DECIDED = "already_decided"
    STALE = "stale_state_version"
    CHANGES_REQUESTED = "changes_requested"
    NOT_CHANGES_REQUESTED = "not_changes_requested"
    APPROVED = "already_approved"
    REJECTED = "already_rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    TOO_MANY_ROUNDS = "too_many_rounds"
    TOO_MANY = "too_many"
    OTHER_POLICY = "other_policy"
    DELEGATION_CYCLE = "delegation_cycle"
    DELEGATION_CHAIN = "delegation_chain"
    NO_SUCH_DELEGATION = "no_such_delegation"


FORBIDDEN = frozenset(
    {
        RefusalCode.SELF_APPROVAL,
        RefusalCode.NOT_APPROVER,
        RefusalCode.NOT_REQUESTER,
        RefusalCode.NOT_INVOLVED,
        RefusalCode.OTHER_LEVEL,
    }
)
"""Refusals that are about who asks, not about when."""


class TrailKind(StrEnum):
    """What an entry of the audit trail says happened."""

    SUBMITTED = "submitted"
    LEVEL_OPENED = "level_opened"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENTED = "commented"
    ATTACHED = "attached"
    CHANGES_REQUESTED = "changes_requested"
    RESUBMITTED = "resubmitted"
    DELEGATED = "delegated"
    DELEGATION_ENDED = "delegation_ended"
    WITHDRAWN = "withdrawn"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    EXTENDED = "extended"
    EXPIRED = "expired"
    COMPLETED = "completed"
    """The request has its outcome; ``text`` says which."""
    CARRIED_OUT = "carried_out"
    CALLER_TOLD = "caller_told"
    CALLER_LOST = "caller_lost"
    NOTICE_FAILED = "notice_failed"
    MESSAGE_REFUSED = "message_refused"


STATE_CHANGES = frozenset(
    {
        TrailKind.SUBMITTED,
        TrailKind.APPROVED,
        TrailKind.REJECTED,
        TrailKind.CHANGES_REQUESTED,
        TrailKind.RESUBMITTED,
        TrailKind.DELEGATED,
        TrailKind.DELEGATION_ENDED,
        TrailKind.WITHDRAWN,
        TrailKind.COMMENTED,
        TrailKind.ATTACHED,
    }
)
"""What people do: each of these but the first came in by one accepted update."""


# ── The policy, copied into the request ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Seat:
    """One approver of a level. ``via`` says how they came to it: ``user``, ``manager``, or a group's name."""

    username: str
    via: str = "user"


@dataclass(frozen=True)
class PolicyLevel:
    """One level as it was when the request was asked: its people, not the rules that found them.

    ``needed`` approvals complete it (any: 1, all: every seat); ``rejections`` reject the request. Seconds of 0 mean never.
    One approval of an ``escalate_to`` person completes an escalated level, one rejection rejects.
    """

    name: str
    seats: list[Seat]
    rule: str = LevelRule.ANY
    needed: int = 1
    rejections: int = 1
    reminder_seconds: int = 0
    escalation_seconds: int = 0
    escalate_to: list[str] = field(default_factory=list)
    at_expiry: str = AtExpiry.EXPIRE

    @property
    def approvals_needed(self) -> int:
        match self.rule:
            case LevelRule.ANY:
                return 1
            case LevelRule.ALL:
                return len(self.seats)
        return self.needed

    def check(self) -> None:
        check_text("name", self.name, most=100, required=True)
        if not 1 <= len(self.seats) <= MAX_SEATS:
            raise InvalidField("seats", f"must be from 1 to {MAX_SEATS} people, are {len(self.seats)}")
        usernames = [seat.username for seat in self.seats]
        for username in [*usernames, *self.escalate_to]:
            _check_username("seats.username", username)
        if len(set(usernames)) < len(usernames):
            raise InvalidField("seats", "must name each person once")
        if self.rule not in set(LevelRule):
            raise InvalidField("rule", f"must be one of {', '.join(LevelRule)}")
        if self.at_expiry not in set(AtExpiry):
            raise InvalidField("at_expiry", f"must be one of {', '.join(AtExpiry)}")
        check_number("needed", self.approvals_needed, least=1, most=len(self.seats))
        check_number("rejections", self.rejections, least=1, most=len(self.seats))
        check_number("reminder_seconds", self.reminder_seconds, least=0, most=366 * 86_400)
        check_number("escalation_seconds", self.escalation_seconds, least=0, most=366 * 86_400)
        if len(self.escalate_to) > MAX_SEATS:
            raise InvalidField("escalate_to", f"must be {MAX_SEATS} people at most")
        if self.at_expiry == AtExpiry.ESCALATE and not self.escalate_to:
            raise InvalidField("escalate_to", "must name somebody, for the level escalates when it expires")


@dataclass(frozen=True)
class WorkingHours:
    """When reminders and escalations may happen: what falls outside waits for the next working moment.

    ``zone`` is an IANA name that the gateway has checked; ``days`` are 0 (Monday) to 6. ``round_the_clock`` turns it off.
    """

    zone: str = "UTC"
    start_hour: int = 9
    end_hour: int = 17
    days: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4])
    round_the_clock: bool = False

    def check(self) -> None:
        check_text("working_hours.zone", self.zone, most=64, required=True)
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # In workflow code an unknown zone would fail the workflow task for ever.
            raise InvalidField("working_hours.zone", "is no IANA time zone") from None
        check_number("working_hours.start_hour", self.start_hour, least=0, most=23)
        check_number("working_hours.end_hour", self.end_hour, least=self.start_hour + 1, most=24)
        if not self.days or any(not 0 <= day <= 6 for day in self.days):
            raise InvalidField("working_hours.days", "must be days from 0 (Monday) to 6")


@dataclass(frozen=True)
class PolicySnapshot:
    """The policy that was in force when the request was asked. Later changes in the admin do not reach it.

    It covers amounts from ``min_cents`` to below ``max_cents`` (None: no bound, and requests without an amount).
    ``left_out`` names levels that nobody but the requester, or who decides another level, could have decided.
    """

    policy_id: str
    name: str
    version: int
    levels: list[PolicyLevel]
    min_cents: int | None = None
    max_cents: int | None = None
    expires_seconds: int = 7 * 86_400
    max_rounds: int = 5
    distinct_levels: bool = True
    comment_to_reject: bool = True
    slack: str = SlackMode.OFF
    slack_channel: str = ""
    mail: str = MailMode.LINK
    working_hours: WorkingHours = field(default_factory=WorkingHours)
    left_out: list[str] = field(default_factory=list)

    def covers(self, amount_cents: int | None) -> bool:
        return is_within(amount_cents, self.min_cents, self.max_cents)

    def check(self) -> None:
        check_text("policy.policy_id", self.policy_id, most=64)
        check_text("policy.name", self.name, most=200, required=True)
        if not 1 <= len(self.levels) <= MAX_LEVELS:
            raise InvalidField("policy.levels", f"must be from 1 to {MAX_LEVELS}, are {len(self.levels)}")
        for number, level in enumerate(self.levels):
            try:
                level.check()
            except InvalidField as error:
                raise InvalidField(f"policy.levels.{number}.{error.field}", error.problem) from None
        check_number("policy.expires_seconds", self.expires_seconds, least=1, most=366 * 86_400)
        check_number("policy.max_rounds", self.max_rounds, least=1, most=50)
        if self.slack not in set(SlackMode):
            raise InvalidField("policy.slack", f"must be one of {', '.join(SlackMode)}")
        if self.mail not in set(MailMode):
            raise InvalidField("policy.mail", f"must be one of {', '.join(MailMode)}")
        self.working_hours.check()


def is_within(amount_cents: int | None, min_cents: int | None, max_cents: int | None) -> bool:
    """Whether an amount is from the lower bound to below the upper one; None is no amount, or no bound."""
    if amount_cents is None:
        return True
    return (min_cents is None or amount_cents >= min_cents) and (max_cents is None or amount_cents < max_cents)


@dataclass(frozen=True)
class Cover:
    """Somebody decides for somebody else, from a moment until another. ``cover_id`` makes adding it twice harmless.

    ``out-of-office:<n>`` comes from a person's absence and reaches all their open requests; ``seat:<n>`` is one request's.
    """

    cover_id: str
    principal: str
    delegate: str
    starts_at: datetime
    until: datetime
    reason: str = ""

    def is_active(self, at: datetime) -> bool:
        return self.starts_at <= at < self.until

    def check(self) -> None:
        check_text("cover_id", self.cover_id, most=64, required=True)
        _check_username("principal", self.principal)
        _check_username("delegate", self.delegate)
        _check_aware("starts_at", self.starts_at)
        _check_aware("until", self.until)
        if self.until <= self.starts_at:
            raise InvalidField("until", "must be after the start")
        check_text("reason", self.reason, most=MAX_REASON)


@dataclass(frozen=True)
class Caller:
    """Another workflow that asked. It is sent the signal with an :class:`ApprovalResult` when the request is over."""

    workflow_id: str
    signal: str = "approval_decided"

    def check(self) -> None:
        check_text("caller.workflow_id", self.workflow_id, most=500, required=True)
        check_text("caller.signal", self.signal, most=100, required=True)


def _check_username(name: str, value: str) -> None:
    if not _USERNAME.fullmatch(value):
        raise InvalidField(name, "is not a username")


def _check_aware(name: str, value: datetime) -> None:
    if value.tzinfo is None:
        raise InvalidField(name, "must carry a time zone")


def _check_date(name: str, value: str) -> None:
    if value:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise InvalidField(name, "must be a date like 2027-01-12") from None


# ── Messages in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ApprovalInput:
    """What a request starts from. After a continue-as-new ``resume`` is the state of the run before,
    and ``trail_saved`` how many entries of its trail are in the database."""

    request_id: str
    kind: str
    title: str
    requester: str
    policy: PolicySnapshot
    description: str = ""
    amount_cents: int | None = None
    currency: str = "USD"
    starts_on: str = ""
    ends_on: str = ""
    names: dict[str, str] = field(default_factory=dict)
    covers: list[Cover] = field(default_factory=list)
    caller: Caller | None = None
    by: By = field(default_factory=By)
    resume: "ApprovalView | None" = None
    trail_saved: int = 0

    def check(self) -> None:
        check_text("request_id", self.request_id, most=64, required=True)
        check_text("kind", self.kind, most=40, required=True)
        _check_content(self.title, self.description, self.amount_cents, self.starts_on, self.ends_on)
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise InvalidField("currency", "must be a three-letter ISO 4217 code")
        _check_username("requester", self.requester)
        self.policy.check()
        if not self.policy.covers(self.amount_cents):
            raise InvalidField("amount_cents", f"is not covered by the policy {self.policy.name}")
        for number, level in enumerate(self.policy.levels):
            if self.requester in {*(seat.username for seat in level.seats), *level.escalate_to}:
                raise InvalidField(f"policy.levels.{number}", "names the requester, who must not decide")
        for cover in self.covers:
            cover.check()
        if self.caller is not None:
            self.caller.check()
        self.by.check()


def _check_content(title: str, description: str, amount_cents: int | None, starts_on: str, ends_on: str) -> None:
    check_text("title", title, most=MAX_TITLE, required=True)
    check_text("description", description, most=MAX_DESCRIPTION)
    if amount_cents is not None:
        check_number("amount_cents", amount_cents, least=1, most=MAX_CENTS)
    _check_date("starts_on", starts_on)
    _check_date("ends_on", ends_on)
    if starts_on and ends_on and date.fromisoformat(ends_on) < date.fromisoformat(starts_on):
        raise InvalidField("ends_on", "must not be before starts_on")


@dataclass(frozen=True)
class DecisionInput:
    """``submit_decision``. ``state_version`` is the one that its author saw; ``on_behalf_of`` may be left to the request."""

    approved: bool
    state_version: int
    comment: str = ""
    by: By = field(default_factory=By)
    on_behalf_of: str = ""

    def check(self) -> None:
        check_text("comment", self.comment, most=MAX_COMMENT)
        check_number("state_version", self.state_version, least=0, most=10**9)
        self.by.check()
        if self.on_behalf_of:
            _check_username("on_behalf_of", self.on_behalf_of)


@dataclass(frozen=True)
class CommentInput:
    """``add_comment``. ``names`` says what the people are called that the gateway found among the mentions."""

    text: str
    by: By = field(default_factory=By)
    names: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        check_text("text", self.text, most=MAX_COMMENT, required=True)
        self.by.check()


@dataclass(frozen=True)
class AttachmentInput:
    """``attach``: a file that Django keeps; the request remembers what it was."""

    attachment_id: str
    name: str
    size: int
    sha256: str
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("attachment_id", self.attachment_id, most=64, required=True)
        check_text("name", self.name, most=200, required=True)
        check_number("size", self.size, least=1, most=MAX_ATTACHMENT_BYTES)
        if not _DIGEST.fullmatch(self.sha256):
            raise InvalidField("sha256", "must be a SHA-256 in hex")
        self.by.check()


@dataclass(frozen=True)
class ChangesInput:
    """``request_changes``: what should be different. The request waits for its requester."""

    comment: str
    state_version: int
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("comment", self.comment, most=MAX_COMMENT, required=True)
        check_number("state_version", self.state_version, least=0, most=10**9)
        self.by.check()


@dataclass(frozen=True)
class ResubmitInput:
    """``resubmit``: the request as it shall be now, and a new round. None and "" in a date keep what was.

    ``policy`` is set by the gateway when the amount belongs under another one.
    """

    title: str
    description: str
    amount_cents: int | None = None
    by: By = field(default_factory=By)
    starts_on: str | None = None
    ends_on: str | None = None
    comment: str = ""
    policy: PolicySnapshot | None = None
    covers: list[Cover] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        _check_content(self.title, self.description, self.amount_cents, self.starts_on or "", self.ends_on or "")
        check_text("comment", self.comment, most=MAX_COMMENT)
        self.by.check()
        if self.policy is not None:
            self.policy.check()
        for cover in self.covers:
            cover.check()


@dataclass(frozen=True)
class DelegationInput:
    """``delegate``: ``to`` decides for ``by`` until a moment. The gateway fans an absence out with ``cover_id`` and
    ``principal``; only the system's door may name another principal."""

    to: str
    until: datetime
    reason: str = ""
    by: By = field(default_factory=By)
    starts_at: datetime | None = None
    principal: str = ""
    cover_id: str = ""
    to_name: str = ""

    def check(self) -> None:
        _check_username("to", self.to)
        _check_aware("until", self.until)
        if self.starts_at is not None:
            _check_aware("starts_at", self.starts_at)
            if self.until <= self.starts_at:
                raise InvalidField("until", "must be after starts_at")
        check_text("reason", self.reason, most=MAX_REASON)
        check_text("cover_id", self.cover_id, most=64)
        check_text("to_name", self.to_name, most=150)
        if self.principal:
            _check_username("principal", self.principal)
        self.by.check()


@dataclass(frozen=True)
class DelegationEndInput:
    """``end_delegation``: the hand-over ``cover_id`` ends now."""

    cover_id: str
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("cover_id", self.cover_id, most=64, required=True)
        self.by.check()


@dataclass(frozen=True)
class WithdrawalInput:
    """``withdraw``."""

    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("reason", self.reason, most=MAX_REASON)
        self.by.check()


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Activities ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Notice(StrEnum):
    """Mails about a request; each names a folder ``templates/emails/approval_<kind>/``."""

    ASKED = "asked"
    """To an approver: it is your turn."""
    REMINDER = "reminder"
    ESCALATED = "escalated"
    """To whom it was escalated."""
    DELEGATED = "delegated"
    """To a delegate: you decide for somebody."""
    CHANGES_REQUESTED = "changes_requested"
    """To the requester."""
    DECIDED = "decided"
    """To the requester: approved, rejected or expired."""
    WITHDRAWN = "withdrawn"
    """To approvers who were asked."""
    MENTIONED = "mentioned"


@dataclass(frozen=True)
class NoticeRequest:
    """A mail to one person. ``number`` tells mails of one kind to one person apart; each is sent once."""

    kind: str
    recipient: str
    request: ApprovalView
    number: int = 1
    text: str = ""


@dataclass(frozen=True)
class SlackCard:
    """The Slack message of one level in one round, as it has to look now. Posted once, then updated in place."""

    request: ApprovalView
    round: int
    level: int


@dataclass(frozen=True)
class OutcomeRequest:
    """An approved (or rejected) request whose consequences are to be carried out, once."""

    request: ApprovalView
    approved: bool


# ── Deciding many at once ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class BulkItem:
    request_id: str
    state_version: int


@dataclass(frozen=True)
class BulkInput:
    """What ``BulkDecisionWorkflow`` starts from: one decision for each item, by one person."""

    job_id: str
    username: str
    approved: bool
    comment: str
    items: list[BulkItem]

    def check(self) -> None:
        check_text("job_id", self.job_id, most=64, required=True)
        _check_username("username", self.username)
        check_text("comment", self.comment, most=MAX_COMMENT)
        check_number("items", len(self.items), least=1, most=500)


@dataclass(frozen=True)
class BulkDecision:
    """One item, for the activity that decides it; its update id is made of the job and the request."""

    job_id: str
    username: str
    approved: bool
    comment: str
    item: BulkItem


@dataclass(frozen=True)
class BulkResult:
    decided: int
    refused: int
