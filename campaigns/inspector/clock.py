"""Moments in words, on the clock of the person whose page it is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.phrases import span

NB = "\u00a0"


@dataclass(frozen=True)
class Clock:
    """A person's clock at ``now``. ``is_known`` False: their zone is not known, and ``zone`` is the policy's."""

    zone: ZoneInfo
    now: datetime
    is_known: bool = True

    @property
    def place(self) -> str:
        """``Berlin``, ``UTC``."""
        return self.zone.key.rpartition("/")[2].replace("_", " ")

    @property
    def offset(self) -> str:
        """``UTC+1``, ``UTC+5:30``: what holds now."""
        minutes = int((self.now.astimezone(self.zone).utcoffset() or timedelta()).total_seconds() // 60)
        hours, rest = divmod(abs(minutes), 60)
        sign = "−" if minutes < 0 else "+"
        return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def time(self, at: datetime) -> str:
        """``14:41``; in an hour that comes twice with the name of its zone, so that it says which of the two."""
        local = self.local(at)
        words = f"{local:%H:%M}"
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        exists = local.replace(fold=0).astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) == local.replace(
            tzinfo=None
        )
        return f"{words}{NB}{local.tzname()}" if twice and exists else words

    def days_from_now(self, at: datetime) -> int:
        return (self.local(at).date() - self.local(self.now).date()).days

    def day(self, at: datetime) -> str:
        """``Thu 19 Nov``."""
        local = self.local(at)
        year = "" if local.year == self.local(self.now).year else f"{NB}{local.year}"
        return f"{local:%a}{NB}{local.day}{NB}{local:%b}{year}"

    def short(self, at: datetime) -> str:
        """``14:41``, ``Fri 08:00``, ``24 Nov 08:00``: for tables and drawings."""
        days = self.days_from_now(at)
        if days == 0:
            return self.time(at)
        local = self.local(at)
        if 0 < days < 7 or days == -1:
            return f"{local:%a}{NB}{self.time(at)}"
        year = "" if local.year == self.local(self.now).year else f"{NB}{local.year}"
        return f"{local.day}{NB}{local:%b}{year}{NB}{self.time(at)}"

    def when(self, at: datetime) -> str:
        """``at 14:41``, ``tomorrow at 08:00``, ``on Thu 19 Nov at 08:00``: for sentences."""
        days = self.days_from_now(at)
        lead = {0: "", 1: "tomorrow ", -1: "yesterday "}.get(days)
        return f"{f'on {self.day(at)} ' if lead is None else lead}at {self.time(at)}"

    def until(self, at: datetime) -> str:
        """``in 33 m``."""
        return f"in{NB}{span(at - self.now)}"
