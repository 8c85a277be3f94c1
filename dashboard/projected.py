"""What is read of a projection for lists and pages that follow it: one look per change and process, whoever has them open.

Nothing here asks Temporal: workflows save their versions, and those are what is followed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from temporal_worker.feed import Feed


@dataclass(frozen=True)
class PageFrame:
    """A page as the projection has it now. ``change`` is its row's, or that of another row that stands on it.

    ``is_settled``: nothing more will come.
    """

    version: int
    change: int
    is_settled: bool
    html: str


class Batch(Protocol):
    """What has changed since the last one: rows with their id, ``pk`` and ``html``, and the pages that are watched."""

    @property
    def rows(self) -> Sequence[Any]: ...
    @property
    def pages(self) -> Mapping[str, PageFrame]: ...


B = TypeVar("B", bound=Batch)


@dataclass(frozen=True, eq=False)
class _Follower(Generic[B]):
    callback: Callable[[B], None]
    page: str


class ProjectedFeed(Feed[_Follower[B]]):
    """All that is open on one event loop. A subclass says what a look reads."""

    most_rows: ClassVar[int]
    """Changed rows that one look takes; more are taken by the next."""

    def read(self, after: int, watched: set[str]) -> tuple[B, int]:
        """What changed after a value of the counter, and the value to go on from. Runs in a thread of its own."""
        raise NotImplementedError

    def listen(self, listener: Callable[[B], None], after: int, *, page: str = "") -> Callable[[], None]:
        """Calls ``listener`` with every batch of changes after the counter's value ``after``; with ``page``, that page is
        drawn for it. Returns the end."""
        return self._join(_Follower(listener, page), after)

    async def _read(self) -> tuple[B, int]:
        watched = {follower.page for follower in self._listeners if follower.page}
        return await asyncio.to_thread(self.read, self._seen, watched)

    def _tell(self, found: tuple[B, int]) -> bool:
        batch, self._seen = found
        for follower in list(self._listeners):
            follower.callback(batch)
        return len(batch.rows) == self.most_rows


@dataclass(frozen=True)
class ProjectedPages:
    """One kind of page: its feed on the running event loop, and the page of an id; None when there is no such thing."""

    feed: Callable[[], ProjectedFeed[Any]]
    frame_of: Callable[[str], PageFrame | None]
