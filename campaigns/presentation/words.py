"""Words for codes, channels, states and times that come again."""

import re
from typing import Any

from campaigns.contract import Channel, RecipientState
from campaigns.models.words import Outcome
from dashboard.phrases import number_word

CHANNEL_WORDS: dict[str, str] = {Channel.EMAIL: "E-mail", Channel.SMS: "Text message", Channel.PUSH: "Push"}
CHANNEL_ICONS: dict[str, str] = {Channel.EMAIL: "mail", Channel.SMS: "sms", Channel.PUSH: "push"}

STATE_WORDS: dict[str, str] = {
    RecipientState.SENT: "Sent",
    RecipientState.DEFERRED: "Deferred",
    RecipientState.DENIED: "Denied",
    RecipientState.FAILED: "Failed",
    RecipientState.UNKNOWN: "Unknown",
    RecipientState.PENDING: "Pending",
}
"""In the order of the line that adds up."""

OUTCOME_MARKS: dict[str, tuple[str, str]] = {
    Outcome.SENT: ("ok", "Sent"),
    Outcome.INTENT: ("move", "Being sent"),
    Outcome.DEFERRED: ("warn", "Deferred"),
    Outcome.UNKNOWN: ("warn", "Unknown"),
    Outcome.DENIED: ("bad", "Denied"),
    Outcome.FAILED: ("bad", "Failed"),
    Outcome.RELEASED: ("ended", "Given back"),
}

_CODES = {
    "opted_out": "Opted out",
    "suppressed": "Suppressed: a bounce, a complaint, or by hand",
    "missing_address": "No address for this channel",
    "unknown_channel": "Channel nobody knows",
    "paused_by_user": "Asked for a break",
    "cap_day": "All messages of the day used up",
    "cap_channel": "All of this channel used up",
    "cap_category": "All of this category used up",
    "min_gap": "Too soon after the last one",
    "quiet_hours": "Night where they are",
    "grant_spent": "Grant given back before",
    "duplicate": "Reached by this campaign already",
    "campaign_cancelled": "Campaign cancelled before",
    "expired": "Campaign ended before",
    "grant_old": "Grant too old to be used",
    "halted": "Campaign stopped before the message began",
    "crashed": "Sender stopped before the answer",
    "missing_variable": "Has not what the text needs",
}


def code_words(code: str) -> str:
    """``Night where they are``; a provider's code, whatever it is, as it stands."""
    return _CODES.get(code) or code.replace("_", " ").capitalize() or "No reason given"


_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CRON = re.compile(r"(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|[0-7]|1-5|MON-FRI)")


def cron_words(cron: str) -> str:
    """``every Monday at 09:00`` for what people write most; any other expression as it stands."""
    found = _CRON.fullmatch(" ".join(cron.split()))
    if found is None:
        return f"by the times {cron}"
    minute, hour, day, weekday = found.groups()
    at = f"at {int(hour):02}:{int(minute):02}"
    if day != "*":
        return f"on day {int(day)} of each month {at}" if weekday == "*" else f"by the times {cron}"
    if weekday == "*":
        return f"every day {at}"
    return f"every {'weekday' if '-' in weekday else _DAYS[int(weekday)]} {at}"


def audience_words(audience: Any) -> str:
    """Who it is for: everybody, a segment by name, or how many were named."""
    if audience == "all":
        return "All contacts"
    if isinstance(audience, dict) and "segment" in audience:
        return f"“{audience['segment']}”"
    if isinstance(audience, dict) and isinstance(audience.get("user_ids"), list):
        number = len(audience["user_ids"])
        return f"{number_word(number).capitalize()} named contact{'' if number == 1 else 's'}"
    return "Nobody"
