"""How the demo's processes come to be: each is told once, under keys of its own, as far as the shop lets it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

import structlog
from django.db import connection
from django.db.models import QuerySet

from temporal_worker.problems import NotFound, Problem, Unavailable

log = structlog.get_logger(__name__)

PATIENCE = 20.0
"""Seconds until a process stands where it is waited for."""
TRIES = 3
AGAIN_AFTER = 2.0
"""Seconds between two tries of a story, on a machine that is too busy to answer in time."""


class Story(Protocol):
    @property
    def name(self) -> str: ...


S = TypeVar("S", bound=Story)


def untold(stories: Iterable[S], key_of: Callable[[S], str], rows: "QuerySet[Any, Any]") -> list[S]:
    """Those that none of the rows has come from: all on the first start, none later.

    ``key_of`` is a story's idempotency key as rows keep it, with the name of whoever began it before a colon.
    """
    known = set(rows.values_list("idempotency_key", flat=True))
    return [story for story in stories if key_of(story) not in known]


def tell(stories: Iterable[S], begin: Callable[[S], None]) -> None:
    """Each of them, in order. What is refused – an administrator has changed something since – stays as far as it came.

    All that a story does has a key, so that one that was not heard is told again and does nothing twice.

    Raises:
        Unavailable: Temporal or its worker is out of reach; nothing further is told.
    """
    for story in stories:
        try:
            _tell_one(story, begin)
        except Unavailable:
            raise
        except Problem as problem:
            log.warning("demo_story_refused", story=story.name, problem=problem.detail)


def _tell_one(story: S, begin: Callable[[S], None]) -> None:
    for _ in range(TRIES - 1):
        try:
            return begin(story)
        # Not found is what Temporal says, too, of a message that it has lost because its worker took too long.
        except (NotFound, Unavailable) as problem:
            log.info("demo_story_again", story=story.name, problem=problem.detail)
            sleep(AGAIN_AFTER)
    return begin(story)


def at_once(tellers: Iterable[Callable[[], None]]) -> None:
    """Each in a thread of its own: they mostly wait. What one of them raises is raised when all have ended."""

    def told(teller: Callable[[], None]) -> None:
        try:
            teller()
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        telling = [pool.submit(told, teller) for teller in tellers]
    for one in telling:
        one.result()


def wait_until(met: Callable[[], bool], *, every: float = 0.1) -> None:
    """Returns when it is so, and at the latest after ``PATIENCE``: then what comes next is refused, and told so."""
    until = monotonic() + PATIENCE
    while not met() and monotonic() < until:
        sleep(every)
