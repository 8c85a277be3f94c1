"""The hub: any number of people watch a workflow, and it costs one wait, and per change one query and one render.

Temporal takes 10 updates in flight per workflow and 2,000 per run, so a wait per viewer would break at the eleventh
viewer. The hub keeps one ``wait_for_progress`` per workflow and process under the update id ``progress-<version>``,
in which all web processes meet: the server answers one id with one execution.
"""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self
from weakref import WeakKeyDictionary

import structlog
from temporalio.exceptions import ApplicationError

from temporal_worker.client import (
    CallTimedOut,
    TemporalUnavailable,
    WorkflowCompleted,
    WorkflowNotFound,
    execute_update,
)
from temporal_worker.progress import DRAINING, Progress

WAIT = 300.0
"""Seconds after which a wait is asked again under the same id, in case the connection died without a word. It costs no
history: the server still knows the id."""
UNAVAILABLE_GRACE = 3.0
"""Seconds that ``wait_for_frame`` goes on hoping before it tells a poller that Temporal is out of reach."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
FIRST_PATIENCE, LONGEST_PATIENCE = 1.5, 12.0
"""Seconds for one look. After one that had no answer in time the next has double: workers that are too busy to answer
would otherwise be asked again and again, and replay whole workflows for answers that nobody waits for any more."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Frame:
    """What all viewers of a workflow see after one change. It holds nothing of any single viewer."""

    version: int
    """-1 as long as nothing could be fetched."""
    closed: bool
    """The last frame: the workflow has ended."""
    html: str
    state: dict[str, Any]
    unavailable: bool = False
    """Temporal or the worker is out of reach; the rest is the last that was known. A frame follows when it is back."""


class Source(Protocol):
    """Where the frames of one kind of page come from. One hashable object per kind: it is part of the hub's key."""

    async def fetch(self, workflow_id: str, timeout: float) -> dict[str, Any]:
        """The state of the workflow, with its ``version``. Raises the errors of ``temporal_worker.client``."""
        ...

    def render(self, state: dict[str, Any]) -> str:
        """The fragment for everybody. Runs in a thread, without the database."""
        ...


class Watcher:
    """One viewer's mailbox. It holds the latest frame only, so that a slow viewer delays nobody and skips ahead."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self._ended = False
        self._news = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        """The next frame that this viewer has not seen; the iteration ends after the closed one.

        Raises:
            WorkflowNotFound: there is nothing to watch.
        """
        if self._ended:
            raise StopAsyncIteration
        await self._news.wait()
        self._news.clear()
        if self._error is not None:
            self._ended = True
            raise self._error
        assert self._frame is not None
        self._ended = self._frame.closed
        return self._frame

    def _put(self, frame: Frame) -> None:
        self._frame = frame
        self._news.set()

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._news.set()


class Hub:
    """All that is watched on one event loop. Get it with ``get_hub()``."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, Source], _Channel] = {}

    @property
    def watched(self) -> int:
        """Workflows that are being followed."""
        return len(self._channels)

    @asynccontextmanager
    async def watch(self, workflow_id: str, source: Source) -> AsyncIterator[Watcher]:
        """Follows a workflow while the block lasts. The last known frame comes at once, the next with each change."""
        key = (workflow_id, source)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(workflow_id, source)
            # A channel that has ended serves those it has; who comes later looks anew.
            channel.task.add_done_callback(lambda _: self._forget(key, channel))
        watcher = channel.join()
        try:
            yield watcher
        finally:
            if channel.leave(watcher):
                self._forget(key, channel)

    def _forget(self, key: tuple[str, Source], channel: "_Channel | None") -> None:
        if self._channels.get(key) is channel:
            del self._channels[key]

    async def wait_for_frame(
        self,
        workflow_id: str,
        source: Source,
        after: int,
        timeout: float,
    ) -> Frame | None:
        """For a long poll: the first frame that is newer than ``after`` or closed, None after ``timeout`` seconds.

        While Temporal is out of reach it returns a frame that says ``unavailable``, after three seconds at the least,
        so that a poller who asks again at once does no harm.

        Raises:
            WorkflowNotFound
        """
        end = asyncio.get_running_loop().time() + timeout
        told: Frame | None = None
        try:
            async with asyncio.timeout_at(end) as limit, self.watch(workflow_id, source) as watcher:
                async for frame in watcher:
                    if frame.unavailable and told is None:
                        limit.reschedule(min(end, asyncio.get_running_loop().time() + UNAVAILABLE_GRACE))
                    elif not frame.unavailable:
                        limit.reschedule(end)
                        if frame.version > after or frame.closed:
                            return frame
                    told = frame if frame.unavailable else None
        except TimeoutError:
            pass
        return told


class _Channel:
    """Follows one workflow for all its watchers on this loop."""

    def __init__(self, workflow_id: str, source: Source) -> None:
        self._workflow_id = workflow_id
        self._source = source
        self._watchers: set[Watcher] = set()
        self._last: Frame | None = None
        self._patience = FIRST_PATIENCE
        self.task = asyncio.create_task(self._follow(), name=f"live {workflow_id}")

    def join(self) -> Watcher:
        watcher = Watcher()
        self._watchers.add(watcher)
        if self._last is not None:
            watcher._put(self._last)
        return watcher

    def leave(self, watcher: Watcher) -> bool:
        """True if it was the last one, and the following has been stopped."""
        self._watchers.discard(watcher)
        if self._watchers:
            return False
        self.task.cancel()
        return True

    async def _follow(self) -> None:
        pause = _Pause()
        seen = -1
        closed = False
        endings = 0
        while True:
            try:
                frame = await self._look(closed=closed)
                self._publish(frame)
                if closed:
                    return
                if frame.version > seen:
                    pause.reset()
                    endings = 0
                else:
                    # The answer to the wait was not about anything newer: a drain, or a reset that took the version
                    # back behind an id that has its answer already. Asking on would be a hot loop.
                    await pause.sleep()
                seen = frame.version
                progress = await self._wait(frame.version, endings)
                endings += progress.closed
            except WorkflowCompleted:
                closed = True
            except WorkflowNotFound as error:
                for watcher in self._watchers:
                    watcher._fail(error)
                return
            except ApplicationError as error:
                if error.type != DRAINING:
                    log.warning("live_wait_refused", workflow_id=self._workflow_id, error=str(error))
                await pause.sleep()
            except Exception as error:
                if not isinstance(error, TemporalUnavailable):
                    log.exception("live_frame_failed", workflow_id=self._workflow_id)
                self._publish(
                    replace(self._last, unavailable=True) if self._last else Frame(-1, False, "", {}, unavailable=True)
                )
                await pause.sleep()

    async def _look(self, *, closed: bool) -> Frame:
        try:
            state = await self._source.fetch(self._workflow_id, self._patience)
        except CallTimedOut:
            self._patience = min(self._patience * 2, LONGEST_PATIENCE)
            raise
        self._patience = FIRST_PATIENCE
        if self._last is not None and self._last.version == state["version"] and not closed:
            return replace(self._last, unavailable=False)
        html = await asyncio.to_thread(self._source.render, state)
        return Frame(state["version"], closed, html, state)

    async def _wait(self, version: int, endings: int) -> Progress:
        """Returns when there is something newer than ``version``, or may be.

        ``endings`` is how often the answer at this version was that the run ends. Under the old id that answer would
        come again, even after the end; a new id is refused by the drain, by the end, or waits in the next run.
        """
        update_id = f"progress-{version}" if endings == 0 else f"progress-{version}-{endings}"
        loop = asyncio.get_running_loop()
        while True:
            end = loop.time() + WAIT
            try:
                return await execute_update(
                    self._workflow_id,
                    "wait_for_progress",
                    version,
                    update_id=update_id,
                    result_type=Progress,
                    timeout=WAIT,
                )
            except CallTimedOut:
                if loop.time() < end:  # not our own deadline: the server hung up
                    raise

    def _publish(self, frame: Frame) -> None:
        if frame == self._last:
            return
        self._last = frame
        for watcher in self._watchers:
            watcher._put(frame)


class _Pause:
    """Grows from 0.5 s to 5 s, with jitter, so that many processes do not come back at the same moment."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._seconds = FIRST_PAUSE

    async def sleep(self) -> None:
        await asyncio.sleep(self._seconds * random.uniform(0.75, 1.25))  # noqa: S311
        self._seconds = min(self._seconds * 2, LONGEST_PAUSE)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
_hubs_lock = threading.Lock()


def get_hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    with _hubs_lock:
        return _hubs.setdefault(loop, Hub())
