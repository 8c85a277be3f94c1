"""The health of Temporal and the workers for the top bar of every page: looked up once for all of a process.

A page never waits for it: it takes the last finding and has a new one looked up beside it. While pages listen over their
sockets, it is looked up every two seconds; a worker is missed 6 s after its last beat, so they know within ten.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

import structlog
from django.db import connections
from django.utils import timezone

from dashboard.health import DATABASE, TEMPORAL, check_all
from dashboard.staleness import Stale, find_stale
from temporal_worker.heartbeat import ALIVE_FOR

LOOK_EVERY = 2.0
"""Seconds between two looks while somebody listens."""
FRESH_FOR = 3.0
"""Seconds for which a finding is good enough for a page."""
PATIENCE = 0.4
"""Seconds that a page waits for a finding when the last one is not fresh."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sign:
    """``mark`` as in ``.status--…``: ok, bad or idle."""

    mark: str
    word: str


@dataclass(frozen=True)
class Health:
    signs: tuple[Sign, ...]
    temporal: bool = True
    workers: bool = True
    stale: tuple[Stale, ...] = ()

    @property
    def is_well(self) -> bool:
        return self.temporal and self.workers

    @property
    def lists(self) -> dict[str, Stale]:
        """How old the lists are of each area whose lists may be old, by its app."""
        return {one.area: one for one in self.stale}


UNKNOWN = Health((Sign("idle", "Being looked up"),))

Callback = Callable[[Health], None]


def look() -> Health:
    """Looks now; takes two seconds at most."""
    checks = check_all()
    # Without the database there is no list either.
    stale = find_stale(checks) if checks[DATABASE].ok else ()
    if not checks[TEMPORAL].ok:
        return Health((Sign("bad", "Temporal out of reach"),), temporal=False, workers=False, stale=stale)
    queues = [check.ok for name, check in checks.items() if name.startswith("queue ")]
    well = all(queues)
    words = f"Workers {sum(queues)} of {len(queues)}" if any(queues) else "No worker is running"
    return Health((Sign("ok", "Temporal"), Sign("ok" if well else "bad", words)), workers=well, stale=stale)


@dataclass(eq=False)
class _Listener:
    callback: Callback
    loop: asyncio.AbstractEventLoop
    told: Health | None = None

    def tell(self, found: Health) -> bool:
        """False if there is no loop left to tell it on."""
        if found != self.told:
            self.told = found
            try:
                self.loop.call_soon_threadsafe(self.callback, found)
            except RuntimeError:
                return False
        return True


class HealthWatch:
    """Use the process's one, through the functions below."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._last = UNKNOWN
        self._looked_at = 0.0
        self._last_began: datetime | None = None
        self._looking = False
        self._thread: threading.Thread | None = None
        self._listeners: set[_Listener] = set()

    def current(self) -> Health:
        """The last finding; waits a moment for a new one when it is old."""
        with self._changed:
            if not self._is_fresh():
                self._start_looking()
                self._changed.wait_for(self._is_fresh, PATIENCE)
            return self._last

    def refresh(self) -> None:
        """Have a new finding looked up, unless the last one is fresh; returns at once."""
        with self._changed:
            if not self._is_fresh():
                self._start_looking()

    def listen(self, callback: Callback) -> Callable[[], None]:
        """Calls ``callback`` on this event loop: with a finding that is fresh, then with each that differs.

        Returns what ends the listening.
        """
        listener = _Listener(callback, asyncio.get_running_loop())
        with self._changed:
            self._listeners.add(listener)
            if self._is_fresh():
                listener.tell(self._last)
            else:
                self._start_looking()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="health-watch", daemon=True)
                self._thread.start()

        def end() -> None:
            with self._changed:
                self._listeners.discard(listener)
                self._changed.notify_all()

        return end

    def _is_fresh(self) -> bool:
        return bool(self._looked_at) and monotonic() - self._looked_at < FRESH_FOR

    def _start_looking(self) -> None:
        if not self._looking:
            self._looking = True
            threading.Thread(target=self._look, name="health-look", daemon=True).start()

    def _look(self) -> None:
        began, found = timezone.now(), replace(UNKNOWN, stale=self._last.stale)
        try:
            found = self._dated(look())
        except Exception:
            log.exception("health_look_failed")
        finally:
            connections.close_all()
            with self._changed:
                self._last, self._looked_at, self._looking = found, monotonic(), False
                self._last_began = began
                self._listeners = {listener for listener in self._listeners if listener.tell(found)}
                self._changed.notify_all()

    def _dated(self, found: Health) -> Health:
        """What stands still has since the last look that found it well; a worker may have been dead for a while by then."""
        before = self._last.lists
        last_moved = self._last_began and self._last_began - ALIVE_FOR
        dated = (
            replace(one, since=before[one.area].since if one.area in before else last_moved)
            if one.since is None
            else one
            for one in found.stale
        )
        return replace(found, stale=tuple(dated))

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._listeners, LOOK_EVERY)
                if not self._listeners:
                    self._thread = None
                    return
                if self._looking:
                    continue
                self._looking = True
            self._look()


_watch = HealthWatch()
current = _watch.current
refresh = _watch.refresh
listen = _watch.listen
