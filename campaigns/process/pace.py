"""How quickly a campaign goes on lately, and how long that takes for those who are left. Pure; knows no Temporal.

Two things make a campaign slow or quick, and they are measured apart: how many messages a minute go out, which its rate
limits, and how many of those who are asked for get one at all. Thousands who are denied in one second say nothing of the
minutes that the messages of the others take: so the share is weighed by time, and not by heads.
"""

from dataclasses import replace
from datetime import timedelta

from campaigns.contract import Headway

HALF_LIFE = 60.0
"""Seconds of sending after which what was measured counts half."""


def gone_on(before: Headway, until: float, *, messages: int = 0, decided: int = 0) -> Headway:
    """What it comes to when, up to ``until`` (seconds of sending), so many messages began and so many were decided."""
    seconds = until - before.until
    if seconds <= 0:
        return before
    kept = 0.5 ** (seconds / HALF_LIFE)
    after = replace(
        before,
        until=until,
        seconds=before.seconds * kept + seconds,
        messages=before.messages * kept + messages,
        decided=before.decided * kept + decided,
    )
    if decided <= 0:
        return after
    # Deferred ones whose moment has come get theirs on top of those who are asked for the first time.
    share = min(messages / decided, 1.0)
    return replace(
        after,
        share_seconds=before.share_seconds * kept + seconds,
        share=before.share * kept + share * seconds,
    )


def at_another_rate(before: Headway) -> Headway:
    """What was measured at the rate of before says nothing of the next one; who gets a message has nothing to do with it."""
    return replace(before, seconds=0.0, messages=0.0, decided=0.0)


def per_minute(headway: Headway, rate: int) -> float | None:
    """Messages a minute lately. None before it can be told.

    One message in two seconds is not thirty a minute where one a minute may go: three turns are waited for, or most of a minute.
    """
    if headway.seconds < max(2.0, min(180 / rate, 55.0)):
        return None
    return headway.messages * 60 / headway.seconds


def time_for(headway: Headway, pending: int, rate: int) -> timedelta:
    """How long it takes, as it looks now, until ``pending`` more people are decided."""
    share = headway.share / headway.share_seconds
    pace = min(per_minute(headway, rate) or rate, rate)
    sending = pending * share * 60 / pace
    # Asking takes its time as well, where hardly anybody gets a message.
    asking = pending * headway.seconds / headway.decided if headway.decided else 0.0
    return timedelta(seconds=max(sending, asking))
