"""The rules, each a function that says what holds a message back at an instant. All of them must agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import floor
from zoneinfo import ZoneInfo

from campaigns.actor.zones import day_around, quiet_until
from campaigns.contract import CapPolicy, Change, Channel, DecisionCode, Preferences, QuietHours, SendRecord, WindowKind

ROLLING_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Case:
    """One message that might go to one person, and all that the rules look at. ``sends`` are in the order of their times."""

    policy: CapPolicy
    preferences: Preferences
    sends: Sequence[SendRecord]
    channel: str
    category: str
    transactional: bool = False

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.preferences.time_zone or self.policy.time_zone)

    @cached_property
    def counted(self) -> list[SendRecord]:
        return [send for send in self.sends if self.policy.count_transactional or not send.transactional]

    @property
    def is_calendar(self) -> bool:
        return self.policy.window == WindowKind.CALENDAR

    def counted_at(self, at: datetime) -> list[SendRecord]:
        """What counts in the window that ``at`` is in. A message counts for less than 24 hours, not for 24.

        One that was sent after ``at`` counts too: the clock of a server may have been set back.
        """
        if self.is_calendar:
            start, _ = day_around(at, self.zone)
            return [send for send in self.counted if send.at >= start]
        return [send for send in self.counted if send.at > at - ROLLING_DAY]

    @property
    def window_words(self) -> str:
        return "of this day" if self.is_calendar else "in 24 hours"


@dataclass(frozen=True)
class Hold:
    """Why a message has to wait. ``until`` is the first instant at which this rule alone allows it; None: waiting is no use."""

    code: DecisionCode
    rule: str
    reason: str
    until: datetime | None = None
    limit: float | None = None
    used: Sequence[SendRecord] = ()
    changes: Sequence[Change] = ()
    """What would lift it, all of them together; none when only another message would pass."""


Rule = Callable[[Case, datetime], Hold | None]


def unknown_channel(case: Case, at: datetime) -> Hold | None:
    if case.channel in set(Channel):
        return None
    reason = f"There is no channel {case.channel}; there are {', '.join(Channel)}."
    return Hold(DecisionCode.UNKNOWN_CHANNEL, "channel", reason)


def suppressed(case: Case, at: datetime) -> Hold | None:
    if case.channel not in case.preferences.suppressed_channels:
        return None
    reason = f"Messages by {case.channel} are suppressed."
    changes = [Change("suppressed_channels", case.channel, "")]
    return Hold(DecisionCode.SUPPRESSED, "suppressed_channels", reason, changes=changes)


def opted_out(case: Case, at: datetime) -> Hold | None:
    covering = [
        one
        for one in case.preferences.opt_outs
        if one.holds_back(case.channel, case.category, transactional=case.transactional)
    ]
    if not covering:
        return None
    changes = [_opt_out_lifted(*one.key()) for one in covering]
    reason = f"They have opted out of {covering[0].words}."
    return Hold(DecisionCode.OPTED_OUT, changes[0].field, reason, changes=changes)


def _opt_out_lifted(channel: str, category: str) -> Change:
    if channel and category:
        return Change("opt_outs", f"{channel}/{category}", "")
    if channel or category:
        return Change("opted_out_channels" if channel else "opted_out_categories", channel or category, "")
    return Change("opt_outs", "all", "")


def paused(case: Case, at: datetime) -> Hold | None:
    until = case.preferences.paused_until
    if until is None or at >= until:
        return None
    words = f"{until.astimezone(case.zone):%Y-%m-%d %H:%M} ({case.zone.key})"
    changes = [Change("paused_until", until.isoformat(), "")]
    reason = f"They asked for a pause until {words}."
    return Hold(DecisionCode.PAUSED_BY_USER, "paused_until", reason, until, changes=changes)


def day_cap(case: Case, at: datetime) -> Hold | None:
    return _cap(case, at, DecisionCode.CAP_DAY, "max_per_day", case.policy.max_per_day, case.counted_at(at), "messages")


def channel_cap(case: Case, at: datetime) -> Hold | None:
    limit = (case.policy.per_channel or {}).get(case.channel)
    used = [send for send in case.counted_at(at) if send.channel == case.channel] if limit is not None else []
    what = f"messages by {case.channel}"
    return _cap(case, at, DecisionCode.CAP_CHANNEL, f"per_channel.{case.channel}", limit, used, what)


def category_cap(case: Case, at: datetime) -> Hold | None:
    limit = (case.policy.per_category or {}).get(case.category)
    used = [send for send in case.counted_at(at) if send.category == case.category] if limit is not None else []
    what = f"messages of {case.category}"
    return _cap(case, at, DecisionCode.CAP_CATEGORY, f"per_category.{case.category}", limit, used, what)


def _cap(
    case: Case, at: datetime, code: DecisionCode, rule: str, limit: int | None, used: list[SendRecord], what: str
) -> Hold | None:
    if limit is None or len(used) < limit:
        return None
    if limit == 0:
        reason, until = f"The cap allows no {what}.", None
    else:
        reason = f"{len(used)} of {limit} {what} {case.window_words} are used up."
        until = day_around(at, case.zone)[1] if case.is_calendar else used[-limit].at + ROLLING_DAY
    return Hold(code, rule, reason, until, limit, used, [Change(rule, str(limit), str(len(used) + 1))])


def min_gap(case: Case, at: datetime) -> Hold | None:
    words = "{} h must lie between two messages"
    return _gap(case, at, "min_hours_between", case.policy.min_hours_between, words)


def own_gap(case: Case, at: datetime) -> Hold | None:
    """They have said how often they wish to hear from us."""
    return _gap(case, at, "hours_between", case.preferences.hours_between, "They wish {} h between two messages")


def _gap(case: Case, at: datetime, rule: str, hours: float | None, words: str) -> Hold | None:
    if hours is None or not case.counted:
        return None
    last = case.counted[-1]
    until = last.at + timedelta(hours=hours)
    if at >= until:
        return None
    elapsed = at - last.at
    reason = f"{words.format(f'{hours:g}')}; the last was {_span(elapsed)} ago."
    needed = floor(elapsed / timedelta(hours=1) * 100) / 100  # rounded down, so that it would do
    return Hold(DecisionCode.MIN_GAP, rule, reason, until, hours, [last], [Change(rule, f"{hours:g}", f"{needed:g}")])


def quiet_hours(case: Case, at: datetime) -> Hold | None:
    return _quiet(case, at, "quiet_hours", case.policy.quiet_hours, "Quiet hours")


def own_quiet_hours(case: Case, at: datetime) -> Hold | None:
    """They have said when they wish nothing."""
    return _quiet(case, at, "own_quiet_hours", case.preferences.quiet_hours, "They wish quiet hours")


def _quiet(case: Case, at: datetime, rule: str, quiet: QuietHours | None, words: str) -> Hold | None:
    until = quiet_until(at, quiet, case.zone) if quiet else None
    if quiet is None or until is None:
        return None
    reason = f"{words} until {quiet.end} ({case.zone.key})."
    changes = [Change(rule, f"{quiet.start}-{quiet.end}", _shorter(quiet, at, until, case.zone))]
    return Hold(DecisionCode.QUIET_HOURS, rule, reason, until, changes=changes)


RULES: list[Rule] = [
    unknown_channel, suppressed, opted_out, paused, day_cap, channel_cap, category_cap, min_gap, own_gap, quiet_hours,
    own_quiet_hours,
]  # fmt: skip
TRANSACTIONAL_RULES: list[Rule] = [unknown_channel, suppressed, opted_out]
"""Those that a transactional message obeys too: it passes caps, quiet hours, pauses and an opt-out of marketing."""


def holds_at(case: Case, at: datetime) -> list[Hold]:
    """Everything that holds a message back at an instant, in the order of the rules."""
    rules = TRANSACTIONAL_RULES if case.transactional else RULES
    return [hold for rule in rules if (hold := rule(case, at)) is not None]


def _shorter(quiet: QuietHours, at: datetime, until: datetime, zone: ZoneInfo) -> str:
    """The quiet hours that end just now, or begin a minute from now, whichever is the smaller change; "" for none at all."""
    local = at.astimezone(zone)
    ended, begun = QuietHours(quiet.start, f"{local:%H:%M}"), QuietHours(f"{local + _MINUTE:%H:%M}", quiet.end)
    since = (local.hour * 60 + local.minute - quiet.start_time.hour * 60 - quiet.start_time.minute) % (24 * 60)
    for one in [begun, ended] if (since + 1) * _MINUTE < until - at else [ended, begun]:
        if one.start != one.end and quiet_until(at, one, zone) is None:
            return f"{one.start}-{one.end}"
    return ""


def _span(span: timedelta) -> str:
    minutes = span // _MINUTE
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
