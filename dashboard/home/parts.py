"""What an area's ``home.py`` hands to the home page: plain values, for everybody at once.

Such a module has, all but the first of them optional:

* ``RIGHTS`` (always there): the rights that something of it is for;
* ``COUNTER``: the change counter of its projection, whose movement makes the page read anew;
* ``read(now, day) -> Part``: all that it has to show, in a handful of indexed queries whatever its tables hold;
* ``personal(user, now) -> Personal | None``: what waits for one person. Whoever must not see it gets None;
* ``ACTION``: the :class:`Action` that its people most often begin with.

Everything that is shown names the right that it takes (``right``); who lacks it is not shown it, and is not told that it
is there. ``href`` is always the list, or the one thing, that is behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo

from django.utils import timezone

from dashboard.phrases import Part as Words

BAD, WARN = "bad", "warn"
LATE_FOR = timedelta(minutes=1)
"""So long it is told that the last change came late to the lists: nothing that comes after it needs to."""
DAYS = 14
"""Days of a sparkline; today is the last of them."""


@dataclass(frozen=True)
class Day:
    """Today, as the installation's own time zone has it (``TIME_ZONE``): the page is drawn for many at once."""

    zone: tzinfo
    start: datetime

    @classmethod
    def of(cls, now: datetime) -> "Day":
        zone = timezone.get_default_timezone()
        return cls(zone, datetime.combine(now.astimezone(zone).date(), time.min, zone))

    def before(self, days: int) -> datetime:
        """Midnight so many days ago. A day may have 23 or 25 hours."""
        return datetime.combine(self.start.date() - timedelta(days=days), time.min, self.zone)

    @property
    def first(self) -> datetime:
        """The beginning of the oldest day that a sparkline shows."""
        return self.before(DAYS - 1)

    def daily(self, hours: dict[datetime, int]) -> tuple[int, ...]:
        """Numbers by the hour (UTC) as one number for each day of a sparkline, the oldest first."""
        found = [0] * DAYS
        for hour, number in hours.items():
            age = (self.start.date() - hour.astimezone(self.zone).date()).days
            if 0 <= age < DAYS:
                found[DAYS - 1 - age] += number
        return tuple(found)

    def hourly(self, hours: dict[datetime, int], days_ago: int = 0) -> tuple[int, ...]:
        """The 24 hours of a day, by the clock on the wall."""
        found = [0] * 24
        date = self.start.date() - timedelta(days=days_ago)
        for hour, number in hours.items():
            local = hour.astimezone(self.zone)
            if local.date() == date:
                found[local.hour] += number
        return tuple(found)


@dataclass(frozen=True)
class Need:
    """Something that does not go on without a person. ``key`` names it for as long as it lasts."""

    right: str
    key: str
    title: str
    text: Sequence[Words]
    href: str
    do: str = "Look"
    do_right: str = ""
    """Who lacks it may only look."""
    mark: str = WARN
    icon: str = "attention"
    label: str = "Needs attention"


@dataclass(frozen=True)
class Figure:
    """A number of today; ``days`` draws its sparkline, the last being the number itself."""

    right: str
    key: str
    label: str
    value: int
    note: str
    href: str
    days: tuple[int, ...] = ()


@dataclass(frozen=True)
class FunnelStep:
    label: str
    number: int
    href: str
    mark: str = "move"


@dataclass(frozen=True)
class Funnel:
    right: str
    key: str
    title: str
    href: str
    steps: tuple[FunnelStep, ...]


@dataclass(frozen=True)
class Hours:
    """How many in each hour of today, and of the same weekday a week ago. ``now`` is the hour that is not over."""

    right: str
    title: str
    what: str
    href: str
    today: tuple[int, ...]
    last_week: tuple[int, ...]
    now: int


@dataclass(frozen=True)
class Running:
    right: str
    key: str
    title: str
    href: str
    done: int
    total: int
    next: Sequence[Words] = ()

    @property
    def percent(self) -> int:
        return self.done * 100 // self.total if self.total else 0


@dataclass(frozen=True)
class Event:
    """Something that has happened. ``person`` is a username; empty for what went by itself. ``who`` is their name."""

    right: str
    key: str
    at: datetime
    subject: str
    href: str
    text: str
    icon: str = "info"
    person: str = ""
    who: str = ""
    title: str = ""

    @property
    def words(self) -> str:
        """``text`` as the moment goes on with it: without its full stop."""
        return self.text.removesuffix(".")


@dataclass(frozen=True)
class Sign:
    """One line about the machinery: ``mark`` as in ``.status--…``, but ``move`` for what needs no mark."""

    label: str
    value: str
    mark: str = "ok"
    href: str = ""
    right: str = ""


@dataclass(frozen=True)
class Moving:
    """So many move by themselves: ``193 orders``."""

    right: str
    number: int
    one: str
    many: str


@dataclass(frozen=True)
class Badge:
    """A piece of the navigation that moves with the page: HTML for an out-of-band swap."""

    right: str
    key: str
    html: str


@dataclass(frozen=True)
class Part:
    """All that one area has to show.

    ``behind`` is how long its last change took to come to its lists, in seconds, while that was just now; ``behind_since``
    is since when something is being tried again that does not come there. ``lists`` names what they list: ``orders``.
    ``unread`` names the area when it could not be read this time: the rest, if there is any, is of earlier.
    """

    needs: Sequence[Need] = ()
    figures: Sequence[Figure] = ()
    funnels: Sequence[Funnel] = ()
    hours: Sequence[Hours] = ()
    running: Sequence[Running] = ()
    running_title: str = ""
    running_href: str = ""
    events: Sequence[Event] = ()
    signs: Sequence[Sign] = ()
    moving: Sequence[Moving] = ()
    badges: Sequence[Badge] = ()
    lists: str = ""
    behind: float | None = None
    behind_since: datetime | None = None
    behind_right: str = ""
    unread: str = ""


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for this very person."""

    title: str
    href: str
    text: Sequence[Words]
    due_at: datetime | None = None
    is_late: bool = False
    amount: str = ""


@dataclass(frozen=True)
class Personal:
    """What waits for one person in one area; ``count`` is more than ``waiting`` has when there are many."""

    title: str
    href: str
    count: int
    waiting: Sequence[Waiting] = ()
    figures: Sequence[Figure] = field(default_factory=tuple)


@dataclass(frozen=True)
class Action:
    """A button of the page's head. ``hidden_without`` is the right without which its page is not there for somebody."""

    right: str
    label: str
    href: str
    icon: str = "plus"
    hidden_without: str = ""
