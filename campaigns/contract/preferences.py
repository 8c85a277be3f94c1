"""What a person wants: how they are reached, and of what they are spared."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from campaigns.contract.caps import QuietHours, check_zone
from campaigns.contract.sends import check_aware
from campaigns.contract.words import MARKETING, MAX_GAP_HOURS, MAX_NAME, MAX_OPT_OUTS
from temporal_worker.contract import By, InvalidField, check_number, check_text

LAST_WORD_COUNTS = ("time_zone", "locale", "suppressed_channels")
"""Preferences that are taken in by doors which tell the actor later, such as imports: an older word changes nothing of a
newer one."""


@dataclass(frozen=True)
class OptOut:
    """Of what a person is out: a channel, a category, one category on one channel, or – with neither – everything.

    As ``opt_out`` it adds one, as ``opt_in`` it takes exactly that one away again.
    """

    channel: str | None = ""
    category: str | None = ""

    def key(self) -> tuple[str, str]:
        return (self.channel or "", self.category or "")

    def covers(self, channel: str, category: str) -> bool:
        return self.key()[0] in ("", channel) and self.key()[1] in ("", category)

    def holds_back(self, channel: str, category: str, *, transactional: bool) -> bool:
        """Whether it stands against a message. Who is out of marketing still gets what is transactional, whatever category
        that goes by: one click under a newsletter must not end receipts. Any other opt-out counts for both."""
        return self.covers(channel, category) and not (transactional and self.key()[1] == MARKETING)

    @property
    def words(self) -> str:
        """Of what: ``all messages``, ``email``, ``news``, ``news by email``."""
        channel, category = self.key()
        return f"{category} by {channel}" if channel and category else channel or category or "all messages"

    def check(self) -> None:
        check_text("channel", self.channel or "", most=MAX_NAME)
        check_text("category", self.category or "", most=MAX_NAME)


@dataclass(frozen=True)
class OptOutInput(OptOut):
    """``opt_out`` and ``opt_in``. ``recorded``: whoever sends it writes it into our rows; any other word the actor has
    written there itself."""

    recorded: bool = False


@dataclass(frozen=True)
class Preferences:
    """The preferences as the actor keeps them. An empty ``time_zone`` is unknown: the policy's counts."""

    time_zone: str = ""
    locale: str = ""
    opt_outs: list[OptOut] = field(default_factory=list)
    suppressed_channels: list[str] = field(default_factory=list)
    """Channels on which the person cannot be reached, after a hard bounce or a complaint."""
    paused_until: datetime | None = None
    changed_at: datetime | None = None
    changed_by: By | None = None
    hours_between: float | None = None
    """How often they wish to hear from us: so many hours at least lie between two messages, whatever the cap allows."""
    quiet_hours: QuietHours | None = None
    """When they wish nothing, on their own clock, beside the quiet hours of the cap."""
    said_at: dict[str, datetime] = field(default_factory=dict)
    """When each of ``LAST_WORD_COUNTS`` was said last, as far as it was since this is kept."""

    @property
    def opted_out_channels(self) -> list[str]:
        return [channel for channel, category in (one.key() for one in self.opt_outs) if channel and not category]

    @property
    def opted_out_categories(self) -> list[str]:
        return [category for channel, category in (one.key() for one in self.opt_outs) if category and not channel]

    def check(self) -> None:
        if self.time_zone:
            check_zone("time_zone", self.time_zone)
        check_text("locale", self.locale, most=35)
        _check_opt_outs("opt_outs", self.opt_outs)
        _check_names("suppressed_channels", self.suppressed_channels)
        if self.paused_until is not None:
            check_aware("paused_until", self.paused_until)
        _check_hours(self.hours_between)
        _check_quiet(self.quiet_hours)
        for name, at in self.said_at.items():
            check_aware(f"said_at.{name}", at)


@dataclass(frozen=True)
class PreferencesInput:
    """``set_preferences``. What is left out, or null, stays as it was; only a null ``paused_until`` ends the pause, a null
    ``hours_between`` the wish for a gap, and a null ``quiet_hours`` that for quiet hours.

    ``opted_out_channels`` and ``opted_out_categories`` each replace the opt-outs of their kind; ``opt_outs`` replaces all.
    """

    time_zone: str | None = None
    locale: str | None = None
    opted_out_channels: list[str] | None = None
    opted_out_categories: list[str] | None = None
    paused_until: datetime | Literal["unchanged"] | None = "unchanged"
    by: By = field(default_factory=By)
    opt_outs: list[OptOut] | None = None
    suppressed_channels: list[str] | None = None
    hours_between: float | Literal["unchanged"] | None = "unchanged"
    quiet_hours: QuietHours | Literal["unchanged"] | None = "unchanged"
    said_at: datetime | None = None
    """When it was said, if that was before now: of ``LAST_WORD_COUNTS``, what was said later stays."""
    recorded: bool = False
    """As of :class:`OptOutInput`."""

    def check(self) -> None:
        if self.time_zone:
            check_zone("time_zone", self.time_zone)
        check_text("locale", self.locale or "", most=35)
        _check_names("opted_out_channels", self.opted_out_channels or [])
        _check_names("opted_out_categories", self.opted_out_categories or [])
        _check_names("suppressed_channels", self.suppressed_channels or [])
        _check_opt_outs("opt_outs", self.opt_outs or [])
        if isinstance(self.paused_until, datetime):
            check_aware("paused_until", self.paused_until)
        _check_hours(None if self.hours_between == "unchanged" else self.hours_between)
        _check_quiet(None if self.quiet_hours == "unchanged" else self.quiet_hours)
        if self.said_at is not None:
            check_aware("said_at", self.said_at)
        self.by.check()


def _check_hours(hours: float | str | None) -> None:
    if hours is not None and (isinstance(hours, str) or not 0 < hours <= MAX_GAP_HOURS):
        raise InvalidField("hours_between", f"must be more than 0 and at most {MAX_GAP_HOURS} hours")


def _check_quiet(quiet: QuietHours | str | None) -> None:
    if isinstance(quiet, str):
        raise InvalidField("quiet_hours", "must have a start and an end")
    if quiet is not None:
        quiet.check()


def _check_names(name: str, values: list[str]) -> None:
    check_number(name, len(values), least=0, most=MAX_OPT_OUTS)
    for value in values:
        check_text(name, value, most=MAX_NAME, required=True)


def _check_opt_outs(name: str, values: list[OptOut]) -> None:
    check_number(name, len(values), least=0, most=MAX_OPT_OUTS)
    for value in values:
        try:
            value.check()
        except InvalidField as error:
            raise InvalidField(f"{name}.{error.field}", error.problem) from None
