"""How areas count for the home page: by the hour, from an index on time, and what is long over only now and then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncHour

SETTLES_WITHIN = timedelta(minutes=15)
"""So long after its end nothing more is expected of an hour."""
RECOUNTED_AFTER = timedelta(minutes=10)
"""And yet it may: then all hours are counted again."""


def by_hour(rows: QuerySet[Any, Any], field: str, since: datetime) -> dict[datetime, int]:
    """How many rows there are of each hour (UTC) since then. One query over an index on ``field``, and nothing but it."""
    found = rows.filter(**{f"{field}__gte": since}).order_by().annotate(hour=TruncHour(field, tzinfo=UTC))
    # Not of the primary key, which the index does not have: that would fetch each row.
    return dict(found.values("hour").annotate(number=Count("*")).values_list("hour", "number"))


class HourCounter:
    """The same for one kind of rows again and again: this process remembers the hours that are over.

    It is asked by one thread at a time, the one that makes the snapshot.
    """

    _all: list["HourCounter"] = []

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]], field: str) -> None:
        self._rows, self._field = rows, field
        self.forget()
        self._all.append(self)

    def forget(self) -> None:
        self._known: dict[datetime, int] = {}
        self._since: datetime | None = None
        self._counted_at: datetime | None = None

    def since(self, first: datetime, now: datetime) -> dict[datetime, int]:
        """By the hour, from ``first`` on. One query."""
        if self._counted_at is None or first != self._since or now - self._counted_at > RECOUNTED_AFTER:
            self._known, self._since, self._counted_at = {}, first, now
        after = max(self._known) + timedelta(hours=1) if self._known else first
        found = self._known | by_hour(self._rows(), self._field, after)
        over = hour_of(now - SETTLES_WITHIN)
        self._known = {hour: number for hour, number in found.items() if hour < over}
        return found

    @classmethod
    def forget_all(cls) -> None:
        """For tests, whose database starts empty again."""
        for one in cls._all:
            one.forget()


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
