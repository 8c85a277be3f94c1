"""Local days and quiet hours as instants in UTC, right across changes of the clock.

A local time that the clock skips stands for the first instant after the gap, one that comes twice for the first of the two.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.contract import QuietHours

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def instant_of(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which clocks in ``zone`` first show ``clock`` on ``day``, or skip it."""
    local = datetime.combine(day, clock, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    # Skipped: read with the offset after the gap it lies before the change, with the one before the gap after it.
    before, after = local.replace(fold=1).astimezone(UTC), instant
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + ((after - before) // 2 // _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def day_around(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of the calendar day of ``zone`` in which ``at`` lies: 23, 24 or 25 hours mostly."""
    day = at.astimezone(zone).date()
    start, end = instant_of(day, time(0), zone), instant_of(day + _DAY, time(0), zone)
    if end <= at:  # Set back over midnight just after it (St. John's did so at 00:01): the day that has begun goes on.
        start, end = end, instant_of(day + 2 * _DAY, time(0), zone)
    return start, end


def quiet_until(at: datetime, quiet: QuietHours, zone: ZoneInfo) -> datetime | None:
    """The instant at which the quiet hours around ``at`` end; None when it is not quiet then.

    Asked by instants and not by the clock's face: when the hour of the end comes twice, it is quiet before the first only.
    """
    start, end = quiet.start_time, quiet.end_time
    today = at.astimezone(zone).date()
    for day in (today - _DAY, today):
        ends = instant_of(day if end > start else day + _DAY, end, zone)
        if instant_of(day, start, zone) <= at < ends:
            return ends
    return None
