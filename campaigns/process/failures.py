"""Whether the latest messages go wrong so often that people have to look: also after hours that went well, and slowly."""

from collections.abc import Sequence
from math import ceil

from campaigns.contract import CampaignLimits, Tried

SAMPLES = 100
"""Counts that are remembered at most; of more every other one goes."""


def remembered(tried: Sequence[Tried], now: Tried, limits: CampaignLimits) -> list[Tried]:
    """What is to be kept of the counts so far: back to the newest that is a whole window old."""
    counts = [*tried, now]
    begin = max((place for place, one in enumerate(counts) if _is_whole(one, now, limits)), default=0)
    kept = counts[begin:]
    return kept if len(kept) <= SAMPLES else [kept[0], *kept[2:-1:2], kept[-1]]


def latest_failures(tried: Sequence[Tried], limits: CampaignLimits) -> str:
    """Why the campaign has to pause, looking at what :func:`remembered` has kept; empty when it has not."""
    if not (limits.pause_error_percent and tried):
        return ""
    attempts = tried[-1].attempts - tried[0].attempts
    troubled = tried[-1].troubled - tried[0].troubled
    if troubled < limits.pause_error_least or troubled * 100 < limits.pause_error_percent * attempts:
        return ""
    return f"{troubled:,} of the last {attempts:,} messages were not sent, or nobody knows ({troubled * 100 // attempts} %)."


def _is_whole(then: Tried, now: Tried, limits: CampaignLimits) -> bool:
    """Whether as many messages lie between as make the least number of failures the per cent that is too much."""
    percent, least = limits.pause_error_percent or 100, limits.pause_error_least
    return now.attempts - then.attempts >= max(least, ceil(least * 100 / percent))
