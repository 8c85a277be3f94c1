"""Everything open on one event loop that follows the same rows shares one look at them per change."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import structlog

from temporal_worker import pulse

L = TypeVar("L")

log = structlog.get_logger(__name__)


class Feed(Generic[L]):
    """Listeners of one change counter. A subclass says what a look reads and whom it tells."""

    counter: ClassVar[str]

    def __init__(self) -> None:
        self._listeners: set[L] = set()
        self._seen = 0
        self._stop: Callable[[], None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._again = False

    async def _read(self) -> Any:
        """What has changed since ``_seen``. Whatever it raises is logged, and tried again after a second."""
        raise NotImplementedError

    def _tell(self, found: Any) -> bool:
        """Remembers in ``_seen`` how far was read, and tells the listeners. Returns whether there is more at once."""
        raise NotImplementedError

    def _join(self, listener: L, after: int) -> Callable[[], None]:
        """Tells the listener of changes after the counter's value ``after``. Returns the end."""
        self._listeners.add(listener)
        if self._stop is None:
            self._seen = after
            self._stop = pulse.listen(self.counter, self._on_change, after=after)

        def end() -> None:
            self._listeners.discard(listener)
            if not self._listeners and self._stop:
                self._stop()
                self._stop = None

        return end

    def look(self) -> None:
        """Has one more look made, for whoever came when something had changed already. Many who come at once share it."""
        self._on_change(self._seen)

    def _on_change(self, value: int) -> None:
        # Changes that come while a look is under way wait for the next one: a burst costs two looks, not hundreds.
        self._again = True
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_while_new())

    async def _look_while_new(self) -> None:
        while self._again:
            self._again = False
            try:
                found = await self._read()
            except Exception:
                log.exception("feed_failed", counter=self.counter)
                await asyncio.sleep(1)
                self._again = bool(self._listeners)
                continue
            has_more = self._tell(found)
            self._again = self._again or has_more
