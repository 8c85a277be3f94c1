"""When reminders and escalations may happen. Pure; zones are checked where a request comes in."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from approvals.contract import WorkingHours


def next_working_moment(at: datetime, hours: WorkingHours) -> datetime:
    """``at`` when people work then, else the start of the next working day, in UTC.

    Days are those of the zone: 09:00 stays 09:00 there when summer time comes or goes.
    """
    if hours.round_the_clock:
        return at
    zone = ZoneInfo(hours.zone)
    local = at.astimezone(zone)
    if local.weekday() in hours.days:
        if local.hour < hours.start_hour:
            return _start_of(local, 0, hours.start_hour, zone)
        if local.hour < hours.end_hour:
            return at
    ahead = next(days for days in range(1, 8) if (local + timedelta(days=days)).weekday() in hours.days)
    return _start_of(local, ahead, hours.start_hour, zone)


def _start_of(local: datetime, days: int, hour: int, zone: ZoneInfo) -> datetime:
    day = local.date() + timedelta(days=days)
    return datetime.combine(day, time(hour), zone).astimezone(UTC)
