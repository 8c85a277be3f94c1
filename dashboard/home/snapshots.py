"""One read of the database for everybody who has the home page open through this process.

It is made at most once a second, and only when a change counter has moved since – or after a while, because some things
change by waiting alone: a deadline passes, a mail is tried again. Who asks while one is made waits for that one.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from django.db import connections
from django.utils import timezone

from dashboard import areas
from dashboard.home.counting import HourCounter
from dashboard.home.parts import Day, Part
from temporal_worker.models import ChangeCounter

EVERY = 1.0
"""Seconds between two reads, at least."""
STALE_AFTER = 10.0
"""Seconds after which it is read again though no counter has moved."""


@dataclass(frozen=True)
class Snapshot:
    """What all areas had to show. ``number`` tells two of this process apart."""

    number: int
    at: datetime
    day: Day
    parts: Sequence[Part]
    counters: dict[str, int]


def counters() -> list[str]:
    """The change counters of all areas that are on the home page."""
    return [module.COUNTER for module in areas.modules("home") if hasattr(module, "COUNTER")]


def read(number: int = 0) -> Snapshot:
    """Reads now."""
    now = timezone.now()
    day = Day.of(now)
    # The counters come first: what changes while the areas read is found by the next look.
    known = ChangeCounter.read()
    parts = [module.read(now, day) for module in areas.modules("home") if hasattr(module, "read")]
    return Snapshot(number, now, day, parts, known)


class Snapshots:
    """Use the process's one, ``snapshots``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Snapshot | None = None
        self._read_at = float("-inf")
        self._number = 0

    def current(self) -> Snapshot:
        """The newest there may be. Blocks while it is read; for threads, and for pages."""
        return self._newest(self._has_moved)

    def in_thread(self, moved: bool) -> Snapshot:
        """The same for a thread that must not keep a connection, and for who knows already whether something has moved."""
        try:
            return self._newest(lambda last: moved)
        finally:
            connections.close_all()

    def rest(self) -> float:
        """Seconds until it may be read again."""
        return max(0.0, self._read_at + EVERY - monotonic())

    @property
    def made(self) -> int:
        """How many reads there have been."""
        return self._number

    def forget(self) -> None:
        """The next one is read anew: for tests, whose database starts empty again."""
        with self._lock:
            self._last, self._read_at = None, float("-inf")
            HourCounter.forget_all()

    def _newest(self, has_moved: Callable[[Snapshot], bool]) -> Snapshot:
        last = self._last
        if last is not None and self.rest():
            return last
        with self._lock:
            last, age = self._last, monotonic() - self._read_at
            if last is not None and (self.rest() or (age < STALE_AFTER and not has_moved(last))):
                return last
            self._number += 1
            started = monotonic()
            self._last = read(self._number)
            self._read_at = started
            return self._last

    def _has_moved(self, last: Snapshot) -> bool:
        now = ChangeCounter.read()
        return any(now.get(name, 0) != last.counters.get(name, 0) for name in counters())


snapshots = Snapshots()
