"""Refusals reach the page of their person, though they change nothing of the actor whose version the page follows.

A campaign's refusals are committed before its row is saved anew, and that counter is listened to: no batch writes anything
more for it. A look is one query for all people whose pages are open, once a second at most, and none while nothing moves.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.models import Count
from django.template.loader import render_to_string

from campaigns.models import SendLog
from campaigns.projection import COUNTER
from temporal_worker.feed import Feed

T = TypeVar("T")


@dataclass(eq=False)
class _Follower:
    user_id: str
    number: int
    callback: Callable[[int], None]


class LogFeed(Feed[_Follower]):
    """The pages of people that are open on one event loop. Get it with ``log_feed()``."""

    counter = COUNTER

    def listen(self, user_id: str, number: int, callback: Callable[[int], None]) -> Callable[[], None]:
        """Calls ``callback`` when the person's log has another number of rows than ``number``, what the page was drawn
        with, or than it was told last. Returns the end."""
        end = self._join(_Follower(user_id, number, callback), 0)
        self._on_change(0)  # what came in between the drawing of the page and now
        return end

    async def _read(self) -> dict[str, int]:
        return await asyncio.to_thread(_numbers, {follower.user_id for follower in self._listeners})

    def _tell(self, found: dict[str, int]) -> bool:
        for follower in list(self._listeners):
            number = found.get(follower.user_id, follower.number)
            if number != follower.number:
                follower.number = number
                follower.callback(number)
        return False


def _numbers(user_ids: set[str]) -> dict[str, int]:
    try:
        rows = SendLog.objects.filter(user_id__in=user_ids).order_by().values_list("user_id")
        return dict(rows.annotate(number=Count("pk")))
    finally:
        connections.close_all()


def told_fragment(number: int) -> str:
    """Tells the page to ask for itself anew; by the viewer's own rights, and whether an actor runs or not."""
    return render_to_string("campaigns/_inspector_told.html", {"number": number, "oob": True})


async def unless_log_grows(user_id: str, number: int, waiting: Coroutine[Any, Any, T]) -> T | int:
    """What is waited for, or how many rows the person's log has when that is another number first."""
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(waiting)
    end = log_feed().listen(user_id, number, lambda found: None if told.done() else told.set_result(found))
    try:
        either: list[asyncio.Future[Any]] = [task, told]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else told.result()
    finally:
        end()
        task.cancel()
        # Whoever waits for it has nothing to say any more; its end is waited for, so that it gives back what it holds.
        await asyncio.gather(task, return_exceptions=True)


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, LogFeed] = WeakKeyDictionary()


def log_feed() -> LogFeed:
    return _feeds.setdefault(asyncio.get_running_loop(), LogFeed())
