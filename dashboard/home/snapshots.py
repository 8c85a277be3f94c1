"""One read of the database for everybody who has the home page open through this process.

It is made at most once a second, and only of the areas whose change counter has moved since – or after a while, because
some things change by waiting alone: a deadline passes, a mail is tried again. Who asks while one is made waits for that one,
but a page that can be drawn with what was read a moment ago is: what is newer comes over its socket.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from types import ModuleType

import structlog
from django.apps import apps
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
SHOWN_FOR = 3.0
"""Seconds for which a page is drawn with a reading, while a newer one is made beside it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AreaRead:
    """What one area had to show when its change counter stood at ``count``; ``at`` in seconds of the monotonic clock."""

    part: Part
    counter: str
    count: int
    at: float

    def has_moved(self, counts: dict[str, int]) -> bool:
        return counts.get(self.counter, 0) != self.count


@dataclass(frozen=True)
class Snapshot:
    """What all areas had to show, by the names of their modules. ``number`` tells two of this process apart."""

    number: int
    at: datetime
    day: Day
    reads: dict[str, AreaRead]

    @property
    def parts(self) -> Sequence[Part]:
        return [one.part for one in self.reads.values()]

    @property
    def oldest(self) -> float:
        """When the area was read whose reading is longest ago, in seconds of the monotonic clock."""
        return min((one.at for one in self.reads.values()), default=float("-inf"))


def counters() -> list[str]:
    """The change counters of all areas that are on the home page."""
    return [module.COUNTER for module in areas.modules("home") if hasattr(module, "COUNTER")]


def read(number: int = 0, last: Snapshot | None = None) -> Snapshot:
    """Reads now what is not in ``last`` as it still is."""
    now, started = timezone.now(), monotonic()
    day = Day.of(now)
    # The counters come first: what changes while the areas read is found by the next look.
    counts = ChangeCounter.read()
    known = last.reads if last is not None and last.day == day else {}
    reads: dict[str, AreaRead] = {}
    for module in areas.modules("home"):
        if not hasattr(module, "read"):
            continue
        one = known.get(module.__name__)
        if one is None or one.has_moved(counts) or started - one.at >= STALE_AFTER:
            counter = getattr(module, "COUNTER", "")
            part = _part_of(module, now, day, one.part if one is not None else Part())
            one = AreaRead(part, counter, counts.get(counter, 0), started)
        reads[module.__name__] = one
    return Snapshot(number, now, day, reads)


def _part_of(module: ModuleType, now: datetime, day: Day, last: Part) -> Part:
    """What the area has to show; what it had last, and that it is, when it raises: the page is everybody's, and has others."""
    try:
        part: Part = module.read(now, day)
    except Exception:
        log.exception("home_area_failed", area=module.__name__)
        return replace(last, unread=str(apps.get_app_config(module.__name__.split(".")[0]).verbose_name))
    return part


class Snapshots:
    """Use the process's one, ``snapshots``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Snapshot | None = None
        self._read_at = float("-inf")
        self._number = 0
        self._making = threading.Lock()
        self._looked_at = float("-inf")

    def current(self) -> Snapshot:
        """For a page: the newest there is, unless it is too old; then it blocks while it is read."""
        last = self._last
        if last is None or monotonic() - self._read_at >= SHOWN_FOR:
            return self._newest(self._has_moved)
        if monotonic() - max(self._looked_at, self._read_at) >= EVERY and self._making.acquire(blocking=False):
            self._looked_at = monotonic()
            threading.Thread(target=self._make, name="home", daemon=True).start()
        return last

    def in_thread(self, moved: bool) -> Snapshot:
        """The same for a thread that must not keep a connection, and for who knows already whether something has moved."""
        return self._newest_in_thread(lambda last: moved)

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

    def _make(self) -> None:
        try:
            self._newest_in_thread(self._has_moved)
        except Exception:
            log.exception("home_read_failed")
        finally:
            self._making.release()

    def _newest_in_thread(self, has_moved: Callable[[Snapshot], bool]) -> Snapshot:
        try:
            return self._newest(has_moved)
        finally:
            connections.close_all()

    def _newest(self, has_moved: Callable[[Snapshot], bool]) -> Snapshot:
        last = self._last
        if last is not None and self.rest():
            return last
        with self._lock:
            last = self._last
            if last is not None and (self.rest() or (monotonic() - last.oldest < STALE_AFTER and not has_moved(last))):
                return last
            self._number += 1
            started = monotonic()
            self._last = read(self._number, last)
            self._read_at = started
            return self._last

    def _has_moved(self, last: Snapshot) -> bool:
        counts = ChangeCounter.read()
        return any(one.has_moved(counts) for one in last.reads.values())


snapshots = Snapshots()
