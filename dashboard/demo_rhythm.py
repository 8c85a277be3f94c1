"""The rhythm of the demo's past: a fortnight of working days, each busier by day than by night.

On one day the same on every machine: what chance there is comes from the date and the name of what is counted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from dashboard.home.parts import DAYS, Day

HOURS = (1, 0, 0, 0, 0, 1, 2, 4, 8, 11, 12, 10, 8, 9, 10, 10, 9, 7, 6, 5, 5, 4, 3, 2)
"""How much of a day falls into each of its hours, by the installation's clock."""
OFFICE = (0, 0, 0, 0, 0, 0, 0, 1, 4, 8, 9, 7, 3, 6, 8, 7, 4, 1, 0, 0, 0, 0, 0, 0)
"""The same where people sit at desks."""
WIDTH = 0.15
"""So much more or less than its weekday's number a day has, as a share."""


def moments(what: str, week: Sequence[int], now: datetime, *, hours: Sequence[int] = HOURS) -> list[datetime]:
    """When ``what`` happened in the last fortnight, the oldest first, nothing of it after ``now``.

    ``week`` says how often on a Monday, …, on a Sunday.
    """
    today, found = Day.of(now), []
    for age in range(DAYS - 1, -1, -1):
        midnight = today.before(age)
        chance = chance_of(f"{what} {midnight:%Y-%m-%d}")
        number = round(week[midnight.weekday()] * chance.uniform(1 - WIDTH, 1 + WIDTH))
        for hour in chance.choices(range(24), hours, k=number):
            found.append(midnight + timedelta(hours=hour, seconds=chance.randrange(3_600)))
    return sorted(at for at in found if at < now)


def chance_of(what: str) -> Random:
    """Chance that falls the same way each time, for what is named so."""
    return Random(what)  # noqa: S311 - nothing secret


class Clock:
    """The time of a process of the past, which whoever tells it puts forward."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **length: float) -> datetime:
        self.at += timedelta(**length)
        return self.at
