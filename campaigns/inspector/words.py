"""Channels, rules, outcomes and changes as people call them."""

from datetime import datetime, timedelta

from campaigns.contract import CapPolicy, Change, Channel, DecisionCode, QuietHours, SendDecision, WindowKind
from campaigns.inspector.clock import NB, Clock
from dashboard.phrases import counted, span

CHANNELS: dict[str, str] = {Channel.EMAIL: "E-mail", Channel.SMS: "SMS", Channel.PUSH: "Push"}
ICONS: dict[str, str] = {Channel.EMAIL: "mail", Channel.SMS: "sms", Channel.PUSH: "push"}


def channel_word(channel: str) -> str:
    return CHANNELS.get(channel, channel or "Every channel")


def channel_phrase(channel: str) -> str:
    """Within a sentence: ``e-mail``, ``SMS``, ``push``."""
    return {"E-mail": "e-mail", "Push": "push"}.get(channel_word(channel), channel_word(channel))


def hours(number: float) -> str:
    """``2 h``, ``1 h 27 m``."""
    return span(timedelta(hours=number)) if number else f"0{NB}h"


def rule_word(rule: str) -> str:
    """A rule, as a decision names it, in words."""
    part, _, name = rule.partition(".")
    if part == "per_channel":
        return f"{channel_word(name)} cap"
    if part == "per_category":
        return f"Cap of {name}"
    return _RULES.get(rule, rule.replace("_", " ").capitalize())


_RULES = {
    "max_per_day": "Messages a day",
    "min_hours_between": "Minimum gap",
    "hours_between": "Their own gap",
    "quiet_hours": "Quiet hours",
    "own_quiet_hours": "Their own quiet hours",
    "paused_until": "Their pause",
    "opted_out": "Opt-out",
    "opt_outs": "Opt-out",
    "opted_out_channels": "Opt-out of the channel",
    "opted_out_categories": "Opt-out of the category",
    "suppressed": "Suppressed",
    "suppressed_channels": "Suppressed",
    "missing_address": "No address",
    "grant_id": "The id was used",
    "channel": "Unknown channel",
}


def held_back_by(decision: SendDecision, clock: Clock, last: datetime | None) -> str:
    """What holds a channel back, in a few words; ``last`` is the last message that counts."""
    words = _held(decision, clock, last)
    if DecisionCode.QUIET_HOURS in decision.also and decision.code != DecisionCode.QUIET_HOURS:
        return f"{words}, then quiet hours"
    return words


def _held(decision: SendDecision, clock: Clock, last: datetime | None) -> str:
    match decision.code:
        case DecisionCode.ALLOWED:
            return "Nothing"
        case DecisionCode.MIN_GAP:
            after = f" after {clock.short(last)}" if last is not None else ""
            return f"{rule_word(decision.rule)}, {hours(decision.limit or 0)}{after}"
        case DecisionCode.CAP_DAY if not decision.limit:
            return "The cap allows none"
        case DecisionCode.CAP_DAY:
            return f"Cap, {decision.count} of {decision.limit:g} used"
        case DecisionCode.CAP_CHANNEL | DecisionCode.CAP_CATEGORY:
            return rule_word(decision.rule)
        case DecisionCode.QUIET_HOURS:
            return rule_word(decision.rule)
        case DecisionCode.PAUSED_BY_USER:
            return "Their pause"
        case DecisionCode.OPTED_OUT:
            return "They have opted out"
        case DecisionCode.MISSING_ADDRESS:
            return "They have no address"
        case DecisionCode.SUPPRESSED:
            return "Suppressed"
    return decision.reason


def change_words(change: Change) -> str:
    """The smallest change of one thing: ``gap 2 h → 1 h 27 m``."""
    part, _, name = change.field.partition(".")
    match part:
        case "max_per_day":
            return f"messages a day {change.current} → {change.needed}"
        case "per_channel":
            return f"{channel_phrase(name)} a day {change.current} → {change.needed}"
        case "per_category":
            return f"{name} a day {change.current} → {change.needed}"
        case "min_hours_between":
            return f"gap {hours(float(change.current))} → {hours(float(change.needed))}"
        case "hours_between":
            return f"the gap that they wish {hours(float(change.current))} → {hours(float(change.needed))}"
        case "quiet_hours":
            return f"quiet hours {_dashed(change.current)} → {_dashed(change.needed) or 'none'}"
        case "own_quiet_hours":
            return f"the quiet hours that they wish {_dashed(change.current)} → {_dashed(change.needed) or 'none'}"
        case "paused_until":
            return "end their pause"
        case "suppressed_channels":
            return f"{channel_phrase(change.current)} no longer suppressed"
    return f"lift the opt-out of {'everything' if change.current == 'all' else change.current.replace('/', ', ')}"


def _dashed(quiet: str) -> str:
    return quiet.replace("-", " – ")


def quiet_words(quiet: QuietHours | None) -> str:
    return f"{quiet.start} – {quiet.end}" if quiet else "None"


def cap_words(cap: CapPolicy | None) -> str:
    """``3 a day, 2 h apart``."""
    if cap is None:
        return "None is known"
    a_day = "in 24 h" if cap.window == WindowKind.ROLLING else "a day"
    parts = []
    if cap.max_per_day is not None:
        parts.append(f"{cap.max_per_day} {a_day}" if cap.max_per_day else "None allowed")
    if cap.min_hours_between:
        parts.append(f"{hours(cap.min_hours_between)} apart")
    return ", ".join(parts) or "No rule"


def window_words(cap: CapPolicy | None) -> str:
    """What a day is, for this policy."""
    if cap is not None and cap.window == WindowKind.CALENDAR:
        return "A calendar day in their zone"
    return "The last 24 hours"


def several(parts: list[str], last: str = "and") -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""


def left_words(limit: int, count: int, when: str) -> str:
    """``One of three sends is left today.``"""
    left = max(0, limit - count)
    words = counted(limit, "send")
    if left == 0:
        return f"All {words} are used up {when}." if limit > 1 else f"The one send is used up {when}."
    return f"{counted(left, 'x').split()[0].capitalize()} of {words} {'is' if left == 1 else 'are'} left {when}."
