"""Tells the pages of this process that a projection has changed: one reader for all of them, once a second at most.

It reads the change counters only while somebody listens, in one thread. Where the database announces changes
(``announcements``) it reads when it hears of one, and else holds no connection in between and reads each second.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import structlog
from django.db import close_old_connections, connections, router

from temporal_worker.announcements import Announcements
from temporal_worker.models import ChangeCounter

READ_EVERY = 1.0
"""Seconds between two reads, at least."""
LOOK_ANYWAY = 5.0
"""Seconds after which it is read though nothing was announced: an announcement that is lost must not be missed for ever."""
JUST_NOW = 0.2
"""Seconds by which an announcement may come after its change can be read."""

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Listener:
    name: str
    callback: Callable[[int], None]
    loop: asyncio.AbstractEventLoop
    seen: int

    def tell(self, value: int) -> bool:
        """False if there is no loop left to tell it on."""
        if value != self.seen:
            self.seen = value
            try:
                self.loop.call_soon_threadsafe(self.callback, value)
            except RuntimeError:
                return False
        return True


class Pulse:
    """The reader. Use the process's one, through ``listen()``."""

    def __init__(self, read_every: float = READ_EVERY) -> None:
        self._read_every = read_every
        self._listeners: set[_Listener] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._has_joined = False

    @property
    def is_reading(self) -> bool:
        return self._thread is not None

    def listen(self, name: str, callback: Callable[[int], None], after: int | None = None) -> Callable[[], None]:
        """Calls ``callback`` with the value of the counter ``name`` on this event loop, whenever it has changed.

        The first call comes when the value differs from ``after``, the value that the page was drawn with; without
        it, with the first read. Returns what ends the listening.
        """
        listener = _Listener(name, callback, asyncio.get_running_loop(), -1 if after is None else after)
        with self._changed:
            self._listeners.add(listener)
            self._has_joined = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._read, name="pulse", daemon=True)
                self._thread.start()

        def end() -> None:
            with self._changed:
                self._listeners.discard(listener)
                self._changed.notify_all()

        return end

    def _read(self) -> None:
        announcements = Announcements(router.db_for_read(ChangeCounter))
        known: dict[str, int] | None = None
        was_listening = was_announced = False
        while True:
            self._has_joined = False
            # It listens before it reads: a change after the read is announced.
            is_listening = announcements.are_heard()
            values = self._values()
            if values is not None:
                self._tell(values)
                is_news = values != known and not was_announced
                if was_listening and is_news and not announcements.wait(JUST_NOW):
                    announcements.distrust()
                known = values
            was_announced = self._wait(announcements)
            was_listening = is_listening and announcements.is_open
            with self._changed:
                if not self._listeners:
                    self._thread = None
                    break
        announcements.close()

    def _wait(self, announcements: Announcements) -> bool:
        """Until it is time to read again, or nobody listens any more. Whether a change was announced."""
        until = monotonic() + LOOK_ANYWAY
        with self._changed:
            self._changed.wait_for(lambda: not self._listeners, self._read_every)
        while self._listeners and not self._has_joined and announcements.is_open and monotonic() < until:
            if announcements.wait(self._read_every):
                return True
        return False

    def _values(self) -> dict[str, int] | None:
        close_old_connections()
        try:
            return ChangeCounter.read()
        except Exception:
            log.exception("pulse_failed")
            return None
        finally:
            connections.close_all()

    def _tell(self, values: dict[str, int]) -> None:
        with self._changed:
            self._listeners = {listener for listener in self._listeners if listener.tell(values.get(listener.name, 0))}


_pulse = Pulse()
listen = _pulse.listen
