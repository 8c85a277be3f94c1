"""The policy as it is copied into a request, with its people by name; who covers for whom; who asked."""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from approvals.contract.checks import check_aware, check_username
from approvals.contract.words import MAX_LEVELS, MAX_REASON, MAX_SEATS, AtExpiry, LevelRule, MailMode, SlackMode
from temporal_worker.contract import InvalidField, check_number, check_text


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
            check_username("seats.username", username)
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
        check_username("principal", self.principal)
        check_username("delegate", self.delegate)
        check_aware("starts_at", self.starts_at)
        check_aware("until", self.until)
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
