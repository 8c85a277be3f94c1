"""The home page that moves: one look a second at most, for all home pages that are open on one event loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import structlog

from dashboard.home.frames import Frame, Rights, frames
from dashboard.home.machinery import watch
from dashboard.home.snapshots import counters, snapshots
from temporal_worker import pulse

TICK = 3.0
"""Seconds after which it is looked what has changed by waiting alone: the machinery, what is due now."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Change:
    """The pieces that are not what they were, and the ``digest`` of the frame that they belong to."""

    digest: str
    pieces: dict[str, str]


Listener = Callable[[Change], None]


@dataclass(frozen=True, eq=False)
class _Follower:
    rights: Rights
    callback: Listener


class HomeFeed:
    """All home pages of one event loop. Get it with ``home_feed()``."""

    def __init__(self) -> None:
        self._followers: set[_Follower] = set()
        self._shown: dict[Rights, Frame] = {}
        self._stops: list[Callable[[], None]] = []
        self._moved = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def listen(self, rights: Rights, callback: Listener, seen: str) -> Callable[[], None]:
        """Calls ``callback`` with what has changed since the page's ``seen`` (a frame's digest). Returns the end."""
        follower = _Follower(rights, callback)
        self._followers.add(follower)
        if self._work is None:
            self._stops = [pulse.listen(name, self._on_change) for name in counters()]
            self._work = asyncio.create_task(self._follow())

        def end() -> None:
            self._followers.discard(follower)
            if not self._followers:
                self._end()

        try:
            frame = self._shown.get(rights)
            if frame is None:
                frame = await asyncio.to_thread(_frame_of, rights)
                frame = self._shown.setdefault(rights, frame)
        except BaseException:  # the browser has gone meanwhile
            end()
            raise
        if frame.digest != seen:
            callback(Change(frame.digest, frame.pieces))
        return end

    def _end(self) -> None:
        for stop in self._stops:
            stop()
        if self._work is not None:
            self._work.cancel()
        self._stops, self._work = [], None
        self._shown.clear()

    def _on_change(self, value: int) -> None:
        self._moved.set()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._moved.wait()
            moved = self._moved.is_set()
            # What has moved since the last read waits until a second after it: that is how much the database is asked.
            await asyncio.sleep(snapshots.rest() if moved else 0)
            self._moved.clear()
            try:
                await self._look(moved)
            except Exception:
                log.exception("home_feed_failed")
                await asyncio.sleep(1)
                self._moved.set()

    async def _look(self, moved: bool) -> None:
        wanted = {follower.rights for follower in self._followers}
        drawn = await asyncio.to_thread(_draw, wanted, moved)
        changed = {rights: _changed(self._shown.get(rights), frame) for rights, frame in drawn.items()}
        self._shown = drawn
        for follower in list(self._followers):
            if change := changed.get(follower.rights):
                follower.callback(change)


def _draw(wanted: set[Rights], moved: bool) -> dict[Rights, Frame]:
    snapshot, machinery = snapshots.in_thread(moved), watch.current()
    return {rights: frames.of(snapshot, machinery, rights) for rights in wanted}


def _frame_of(rights: Rights) -> Frame:
    return frames.of(snapshots.in_thread(False), watch.current(), rights)


def _changed(before: Frame | None, now: Frame) -> Change | None:
    if before is None:
        return Change(now.digest, now.pieces)
    if before.digest == now.digest:
        return None
    pieces = {name: html for name, html in now.pieces.items() if before.pieces.get(name) != html}
    return Change(now.digest, pieces)


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, HomeFeed] = WeakKeyDictionary()


def home_feed() -> HomeFeed:
    return _feeds.setdefault(asyncio.get_running_loop(), HomeFeed())
