"""The actor of one person: what it starts from, what it takes along when it continues as new, and how it is seen."""

from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.contract.caps import CapPolicy
from campaigns.contract.preferences import Preferences
from campaigns.contract.sends import SendDecision, check_aware
from campaigns.contract.words import MAX_ID, MAX_KNOWN_IDS, MAX_NAME, MAX_SENDS
from temporal_worker.contract import InvalidField, check_number, check_text


@dataclass(frozen=True)
class SendRecord:
    """A message that counts: granted here, or ``elsewhere`` and told by ``message_sent``."""

    grant_id: str
    campaign_id: str
    channel: str
    at: datetime
    category: str = ""
    transactional: bool = False
    policy_version: int = 0
    elsewhere: bool = False

    def check(self) -> None:
        check_text("grant_id", self.grant_id, most=MAX_ID, required=True)
        check_text("campaign_id", self.campaign_id, most=MAX_ID)
        check_text("channel", self.channel, most=MAX_NAME, required=True)
        check_text("category", self.category, most=MAX_NAME)
        check_aware("at", self.at)


@dataclass(frozen=True)
class DecisionEntry:
    """One of the actor's last decisions. Refusals are not among them: they leave nothing behind but the caller's log."""

    at: datetime
    code: str
    """An :class:`EntryKind`."""
    reason: str
    grant_id: str = ""
    campaign_id: str = ""
    channel: str = ""
    category: str = ""
    transactional: bool = False
    allowed: bool = True
    policy_version: int = 0


@dataclass
class ActorMemory:
    """All that an actor knows: what one run hands to the next."""

    version: int = 0
    preferences: Preferences = field(default_factory=Preferences)
    policy: CapPolicy | None = None
    """The newest that a request has brought."""
    own_cap: CapPolicy | None = None
    sends: list[SendRecord] = field(default_factory=list)
    """In the order of their times: the last two days, and the newest before."""
    known_ids: str = ""
    """Ids granted or spent whose messages are not in ``sends``: base64 of 8 bytes each, the oldest first."""
    decisions: list[DecisionEntry] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    """Update ids of the last settings, which asked again in the next run must not undo a later one."""
    run: int = 1


@dataclass(frozen=True)
class UserActorInput:
    """What an actor starts from; one that runs already does not look at it.

    An actor that was lost is seeded from the send log: ``sends`` of the last two days whose outcome is not a definite
    failure, and of the newest before them; ``used_grant_ids`` of older messages, and of failed ones. ``renew_after`` is
    after how many messages a run continues as new by itself. ``resume`` is what the run before hands over.
    """

    user_id: str
    preferences: Preferences | None = None
    sends: list[SendRecord] = field(default_factory=list)
    used_grant_ids: list[str] = field(default_factory=list)
    own_cap: CapPolicy | None = None
    policy: CapPolicy | None = None
    renew_after: int = 500
    resume: ActorMemory | None = None
    version: int = 0
    """The newest of which the rows know: what is set from here on is newer than what they have."""

    def check(self) -> None:
        check_text("user_id", self.user_id, most=MAX_ID, required=True)
        check_number("renew_after", self.renew_after, least=1, most=1_500)
        check_number("version", self.version, least=0, most=10**15)
        check_number("sends", len(self.sends), least=0, most=MAX_SENDS)
        check_number("used_grant_ids", len(self.used_grant_ids), least=0, most=MAX_KNOWN_IDS)
        for number, send in enumerate(self.sends):
            _check_part(f"sends.{number}", send)
        for number, grant_id in enumerate(self.used_grant_ids):
            check_text(f"used_grant_ids.{number}", grant_id, most=MAX_ID, required=True)
        _check_part("preferences", self.preferences)
        _check_part("own_cap", self.own_cap)
        _check_part("policy", self.policy)
        try:
            b64decode(self.resume.known_ids if self.resume else "")
        except ValueError:
            raise InvalidField("resume.known_ids", "is no base64") from None


def _check_part(name: str, part: SendRecord | Preferences | CapPolicy | None) -> None:
    try:
        if part is not None:
            part.check()
    except InvalidField as error:
        raise InvalidField(f"{name}.{error.field}", error.problem) from None


@dataclass(frozen=True)
class ChannelView:
    """One channel as it stands for a marketing message: what is used up, and when the next one may go out."""

    channel: str
    count: int
    limit: int | None
    decision: SendDecision


@dataclass(frozen=True)
class RunView:
    """The run that answers: which one it is, and how much room is left in it."""

    number: int
    started_at: datetime | None = None
    handled: int = 0
    """Messages since it began; at ``renew_after`` it continues as new."""
    renew_after: int = 500
    history_events: int = 0
    history_bytes: int = 0


@dataclass
class ActorView:
    """The actor as everybody outside sees it, at the moment ``at``: the answer of ``get_state`` and of its settings.

    ``next_allowed_at`` is for marketing messages, by channel: ``at`` itself when one may go out now, None for never.
    ``sends_in_window`` are the newest 200 of the window, those too that ``cap`` does not count (transactional ones).
    ``decisions`` are the last 50 in a query's answer, newest last, and none in an update's.
    """

    user_id: str
    workflow_id: str
    version: int
    cap: CapPolicy | None
    """What decides: the own cap, or else the newest policy. None before the first request."""
    sends_in_window: list[SendRecord]
    opted_out_channels: list[str]
    next_allowed_at: dict[str, datetime | None]
    decisions: list[DecisionEntry]
    at: datetime | None = None
    opted_out_categories: list[str] = field(default_factory=list)
    preferences: Preferences = field(default_factory=Preferences)
    policy: CapPolicy | None = None
    own_cap: CapPolicy | None = None
    count: int = 0
    """Messages of the window that count towards ``cap.max_per_day``."""
    window_starts_at: datetime | None = None
    window_ends_at: datetime | None = None
    """Calendar: the end of the day. Rolling: when the oldest that counts falls out of it; None when none does."""
    channels: list[ChannelView] = field(default_factory=list)
    run: RunView = field(default_factory=lambda: RunView(1))
