"""Greeting a new contact: what a welcome starts from, what it is told, and what its activities are given and answer."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaigns.contract.caps import QuietHours, check_zone
from campaigns.contract.preferences import OptOut
from campaigns.contract.words import MAX_ID, Channel
from temporal_worker.contract import By, InvalidField, check_number, check_text

WELCOME_WORKFLOW_TYPE = "WelcomeWorkflow"

WELCOME = "welcome"
"""The category of a greeting, and what the send log has for its campaign: a person is greeted once."""

UNKNOWN_LANGUAGE = "UnknownLanguage"
"""Type of the refusal of ``set_language``; its details are ``{language, known}``."""
ALREADY_GREETED = "already_greeted"

DEFAULT_LANGUAGE = "en"
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
"""In which there are greetings."""

MAX_LANGUAGE = 35
MOST_SPREAD_SECONDS = 6 * 3_600
"""A morning and some of the afternoon."""


class WelcomeStatus(StrEnum):
    WAITING = "waiting"
    GREETING = "greeting"
    SENT = "sent"
    DENIED = "denied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It may have been sent; it is not sent again."""

    @property
    def is_final(self) -> bool:
        return self not in (WelcomeStatus.WAITING, WelcomeStatus.GREETING)


class DayPart(StrEnum):
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


def welcome_workflow_id(user_id: str) -> str:
    """The workflow id of a contact's welcome, ``welcome-<user_id>``."""
    return f"welcome-{user_id}"


def known_language(tag: str | None) -> str | None:
    """The language of a tag, as ``de`` of ``de-AT`` or ``DE_at``; None when there are no greetings in it."""
    language = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    return language if language in LANGUAGES else None


@dataclass
class WelcomeMemory:
    """What one run of a welcome hands to the next, and what its page may show: the answer of ``get_welcome``."""

    user_id: str
    status: str = WelcomeStatus.WAITING
    version: int = 0
    language: str = DEFAULT_LANGUAGE
    is_chosen: bool = False
    """The language was set, and is no longer taken from what is known of the contact."""
    has_looked: bool = False
    time_zone: str = ""
    greets_at: datetime | None = None
    gives_up_at: datetime | None = None
    asked: int = 0
    """How often the actor was asked."""
    attempt: int = 1
    """Which grant is asked for: one whose message definitely failed is spent."""
    channel: str = ""
    reason: str = ""
    """Why it waits, or was not sent."""
    languages: list[str] = field(default_factory=lambda: list(LANGUAGES))


@dataclass(frozen=True)
class WelcomeInput:
    """What a welcome starts from.

    It waits for ``delay_seconds``, then for the contact's own day (``day_starts`` to before ``day_ends``, on their clock;
    ``time_zone`` where theirs is not known), and for as long as their cap or their quiet hours say, ``gives_up_after_days``
    at most. Without ``language`` it is the contact's; without ``channel`` the first one on which they can be reached.
    Who is put off to the end of their night waits ``spread_seconds`` more: of many, not all are greeted at eight o'clock.
    """

    user_id: str
    language: str = ""
    channel: str = ""
    delay_seconds: int = 600
    day_starts: str = "08:00"
    day_ends: str = "21:00"
    time_zone: str = "UTC"
    gives_up_after_days: int = 7
    by: By = field(default_factory=By)
    resume: WelcomeMemory | None = None
    spread_seconds: int = 0

    def check(self) -> None:
        check_text("user_id", self.user_id, most=MAX_ID, required=True)
        check_text("language", self.language, most=MAX_LANGUAGE)
        if self.channel and self.channel not in set(Channel):
            raise InvalidField("channel", f"must be one of {', '.join(Channel)}")
        check_number("delay_seconds", self.delay_seconds, least=0, most=30 * 24 * 3_600)
        check_number("spread_seconds", self.spread_seconds, least=0, most=MOST_SPREAD_SECONDS)
        check_number("gives_up_after_days", self.gives_up_after_days, least=1, most=60)
        try:
            self.night.check()
        except InvalidField as error:
            name = {"quiet_hours.start": "day_ends", "quiet_hours.end": "day_starts"}[error.field]
            raise InvalidField(name, error.problem) from None
        check_zone("time_zone", self.time_zone)
        self.by.check()

    @property
    def night(self) -> QuietHours:
        """When nobody is greeted."""
        return QuietHours(self.day_ends, self.day_starts)


@dataclass(frozen=True)
class LanguageInput:
    """``set_language``; a tag's language counts, as ``de`` of ``de-AT``."""

    language: str

    def check(self) -> None:
        check_text("language", self.language, most=MAX_LANGUAGE)


@dataclass(frozen=True)
class ContactDetails:
    """Who is greeted, as far as a workflow has to know. ``found`` is False when there is no such contact (yet)."""

    found: bool
    locale: str = ""
    time_zone: str = ""
    channels: list[str] = field(default_factory=list)
    """On which they have an address and can be reached."""


@dataclass(frozen=True)
class ContactWishes:
    opt_outs: list[OptOut] = field(default_factory=list)
    locale: str = ""
    time_zone: str = ""
    paused_until: datetime | None = None


@dataclass(frozen=True)
class GreetingRequest:
    """One greeting. ``attempt`` makes the grant id, ``asked`` is the how many-th ask it is."""

    user_id: str
    channel: str
    language: str
    part: str
    attempt: int = 1
    asked: int = 1


@dataclass(frozen=True)
class GreetingResult:
    """What came of it: a final :class:`WelcomeStatus`, or ``waiting`` until ``try_at`` (None: in a while)."""

    status: str
    reason: str = ""
    code: str = ""
    try_at: datetime | None = None
    is_spent: bool = False
    """The grant failed and was given back; the next ask is for the next one."""


@dataclass(frozen=True)
class WelcomeResult:
    user_id: str
    status: str
    language: str
    reason: str = ""
