"""How many messages went out, by the hour: from rows that the worker writes once an hour is over, and from the log after.

The log grows by millions; a page that shows a fortnight reads some three hundred rows, and counts at most the last hours
from an index. A page that finds no rows – the worker has not run yet – counts them all, and is right too.
"""

from datetime import UTC, datetime, timedelta

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from campaigns.models import SendHour, SendLog
from campaigns.models.words import COUNTED
from dashboard.home.counting import SETTLES_WITHIN, by_hour, hour_of
from dashboard.home.parts import DAYS, Day

KEPT = timedelta(days=DAYS + 1)
"""How far back the first run goes."""


def sent_by_hour(since: datetime) -> dict[datetime, int]:
    """Messages that count, by the hour (UTC). Two queries."""
    known = {row.hour.astimezone(UTC): row.number for row in SendHour.objects.filter(hour__gte=hour_of(since))}
    after = max(known) + timedelta(hours=1) if known else since
    return known | by_hour(_counted(), "at", after)


def sent_today() -> dict[tuple[str, int], int]:
    """Messages that count, by campaign (the first of its series; empty: a program's) and occurrence. One query."""
    rows = _counted().filter(at__gte=Day.of(timezone.now()).start).order_by()
    found = rows.values("campaign_id", "occurrence").annotate(number=Count("*"))
    return {
        (campaign_id, n): count for campaign_id, n, count in found.values_list("campaign_id", "occurrence", "number")
    }


def close_hours(now: datetime | None = None) -> int:
    """Writes the hours that are over, also those without a message, and returns how many. Several workers may do it."""
    # A row carries the moment of its grant, and is written a little later.
    end = hour_of((now or timezone.now()) - SETTLES_WITHIN)
    last = SendHour.objects.aggregate(last=Max("hour"))["last"]
    begin = hour_of(last) + timedelta(hours=1) if last else hour_of(end - KEPT)
    if begin >= end:
        return 0
    numbers = by_hour(_counted().filter(at__lt=end), "at", begin)
    hours = [begin + timedelta(hours=count) for count in range(int((end - begin) / timedelta(hours=1)))]
    SendHour.objects.bulk_create(
        (SendHour(hour=hour, number=numbers.get(hour, 0)) for hour in hours), ignore_conflicts=True
    )
    return len(hours)


def _counted() -> QuerySet[SendLog]:
    # As the condition of the index ``send_log_counted`` has it, so that it is used.
    return SendLog.objects.filter(outcome__in=[one.value for one in COUNTED], is_test=False)
