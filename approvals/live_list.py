"""Inboxes and badges that move: one look at the projection per change and process tells whoever it concerns."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections
from django.template.loader import render_to_string

from approvals.counts import badge_counts
from approvals.models import Involvement
from approvals.projection import COUNTER
from temporal_worker.feed import Feed
from temporal_worker.models import ChangeCounter


@dataclass(frozen=True)
class News:
    """What one person is told: their badge, and the counter's value if something in their lists has changed.

    ``retried`` has, for each of their requests that changed, the notices that are being tried again; ``number`` is the
    badge's.
    """

    badge: str
    change: int | None
    retried: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    number: int = 0


@dataclass(eq=False)
class _Listener:
    username: str
    callback: Callable[[News], None]
    shown: int | None = None


@dataclass(frozen=True)
class Look:
    change: int
    concerned: frozenset[str]
    counts: dict[str, int]
    retried: Mapping[str, dict[str, Any]]


class InboxFeed(Feed[_Listener]):
    """Everybody with a page open, on one event loop. Get it with ``inbox_feed()``."""

    counter = COUNTER

    def listen(
        self, username: str, callback: Callable[[News], None], after: int, *, shown: int | None = None
    ) -> Callable[[], None]:
        """Calls ``callback`` with what concerns ``username`` after the counter's value ``after``; ``shown`` is the number that
        their badge has, if that is known. Returns the end."""
        return self._join(_Listener(username, callback, shown), after)

    async def _read(self) -> Look:
        return await asyncio.to_thread(read_look, self._seen, {listener.username for listener in self._listeners})

    def _tell(self, found: Look) -> bool:
        self._seen = found.change
        for listener in list(self._listeners):
            _tell_one(listener, found)
        return False


def _tell_one(listener: _Listener, look: Look) -> None:
    count = look.counts.get(listener.username, 0)
    # A count that has changed tells of a request that is not theirs any more, and so names them no longer.
    concerned = listener.username in look.concerned or (listener.shown is not None and listener.shown != count)
    if concerned or listener.shown is None:
        listener.shown = count
        listener.callback(News(badge_fragment(count), look.change if concerned else None, look.retried, count))


def read_look(after: int, usernames: set[str]) -> Look:
    """Whom of these people the changes after a value of the counter concern. For a thread of its own."""
    try:
        change = ChangeCounter.read().get(COUNTER, after)
        involved = Involvement.objects.filter(request__change__gt=after, username__in=usernames)
        found = list(involved.values_list("username", "request__request_id", "request__retried"))
        concerned = frozenset(username for username, _, _ in found)
        retried = {request_id: each for _, request_id, each in found}
        return Look(change, concerned, badge_counts(usernames), retried)
    finally:
        connections.close_all()


def badge_fragment(count: int) -> str:
    return render_to_string("approvals/_badge.html", {"number": count})


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, InboxFeed] = WeakKeyDictionary()


def inbox_feed() -> InboxFeed:
    return _feeds.setdefault(asyncio.get_running_loop(), InboxFeed())
