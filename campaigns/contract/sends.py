"""Asking for one message to one person: the request, the answer, what happened afterwards."""

from dataclasses import dataclass, field
from datetime import datetime

from campaigns.contract.caps import CapPolicy
from campaigns.contract.words import MAX_ID, MAX_NAME, MAX_REASON
from temporal_worker.contract import InvalidField, check_text


def check_aware(name: str, value: datetime) -> None:
    """Without a zone, or at an end of the calendar, where no zone can be applied, a time cannot be meant."""
    if value.tzinfo is None:
        raise InvalidField(name, "must carry a time zone")
    if not 1971 <= value.year <= 9000:
        raise InvalidField(name, "must be in a year from 1971 to 9000")


@dataclass(frozen=True)
class SendRequest:
    """``request_send`` and ``can_send``. The update id of ``request_send`` is the grant id.

    ``asked_at`` is for ``can_send``, which it answers for that moment if the workflow's own time is behind.
    """

    grant_id: str
    campaign_id: str
    channel: str
    category: str
    policy: CapPolicy
    transactional: bool = False
    asked_at: datetime | None = None

    def check(self) -> None:
        check_text("grant_id", self.grant_id, most=MAX_ID, required=True)
        check_text("campaign_id", self.campaign_id, most=MAX_ID)
        check_text("channel", self.channel, most=MAX_NAME, required=True)
        check_text("category", self.category, most=MAX_NAME, required=True)
        if self.asked_at is not None:
            check_aware("asked_at", self.asked_at)
        try:
            self.policy.check()
        except InvalidField as error:
            raise InvalidField(f"policy.{error.field}", error.problem) from None


@dataclass(frozen=True)
class Change:
    """One thing that would have to be otherwise: a field of the policy or of the preferences, as it is and as needed.

    Both are texts as one would type them: ``max_per_day`` 3 → 4, ``quiet_hours`` 21:00-08:00 → 21:00-07:30,
    ``opted_out_channels`` sms → nothing.
    """

    field: str
    current: str
    needed: str


@dataclass(frozen=True)
class SendDecision:
    """Whether a message may go out, and why.

    ``rule`` names the deciding rule as the policy does (``max_per_day``, ``per_channel.sms``, ``quiet_hours``): of all
    that refuse, the one that lasts longest; ``also`` are the codes of the others. ``limit`` is that rule's, in messages,
    or in hours for ``min_gap``; ``count`` how many messages used it up, ``used_by`` their grant ids, the newest 100.
    ``next_allowed_at`` is the earliest instant at which all rules would agree if nothing else happens: the moment of the
    question when it is allowed, None when waiting does not help. ``changes``, all together, would allow it at once; empty
    when nothing but another request would.
    """

    allowed: bool
    code: str
    reason: str
    rule: str = ""
    limit: float | None = None
    count: int = 0
    used_by: list[str] = field(default_factory=list)
    next_allowed_at: datetime | None = None
    policy_version: int = 0
    own_cap: bool = False
    """Decided by the person's own cap, whose version it is then."""
    also: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    grant_id: str = ""
    channel: str = ""
    category: str = ""
    transactional: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class SendGrant:
    """The permission for one message. It uses up the cap from ``granted_at`` on, unless it is released.

    An id that was granted before is answered with its first grant: compare what came back with what was asked.
    ``run_id`` is the run of the actor that answers: its history has the update, whose id is the grant id.
    """

    grant_id: str
    channel: str
    category: str
    granted_at: datetime
    policy_version: int
    campaign_id: str = ""
    transactional: bool = False
    run_id: str = ""


@dataclass(frozen=True)
class ReleaseInput:
    """``release_send``: the message has definitely not gone out. Its slot is free again, its grant id is spent.

    An id that was never granted is spent by it all the same, so that a request on its way cannot be granted any more.
    """

    grant_id: str
    reason: str = ""

    def check(self) -> None:
        check_text("grant_id", self.grant_id, most=MAX_ID, required=True)
        check_text("reason", self.reason, most=MAX_REASON)


@dataclass(frozen=True)
class MessageSentInput:
    """``message_sent``: another system sent this person something, which counts like ours. Once for each ``message_id``."""

    message_id: str
    channel: str
    category: str
    sent_at: datetime
    transactional: bool = False

    def check(self) -> None:
        check_text("message_id", self.message_id, most=MAX_ID, required=True)
        check_text("channel", self.channel, most=MAX_NAME, required=True)
        check_text("category", self.category, most=MAX_NAME, required=True)
        check_aware("sent_at", self.sent_at)
