"""Times of somebody's day, on their own clock. Pure; zones are named, for workflow code cannot make one."""

from datetime import datetime
from zoneinfo import ZoneInfo

from campaigns.actor.zones import quiet_until
from campaigns.contract import DayPart, QuietHours


def by_day(moment: datetime, night: QuietHours, zone: str) -> datetime:
    """``moment``, or the end of the night in which it lies there."""
    return quiet_until(moment, night, ZoneInfo(zone)) or moment


def part_of_day(at: datetime, zone: str) -> DayPart:
    """Morning from 5, afternoon from 12, evening from 18 to 23 o'clock."""
    hour = at.astimezone(ZoneInfo(zone)).hour
    if 5 <= hour < 12:
        return DayPart.MORNING
    if 12 <= hour < 18:
        return DayPart.AFTERNOON
    return DayPart.EVENING if 18 <= hour < 23 else DayPart.NIGHT
