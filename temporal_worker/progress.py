"""Base of every workflow that people watch. Imports no Django: workflow code is its home."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

T = TypeVar("T")

DRAINING = "Draining"
"""Type of the refusal of a wait that comes while the workflow ends or continues as new."""


async def carried_through(story: Coroutine[Any, Any, T], on_cancelled: Callable[[], None]) -> T:
    """A workflow's story to its end, also when Temporal cancels the workflow.

    ``on_cancelled`` says what that means for the process – an order is cancelled, a request withdrawn –, so that the story
    makes it good and tells everybody; it is called for each cancellation that comes before the end.
    """
    telling = asyncio.create_task(story)
    while True:
        try:
            return await asyncio.shield(telling)
        except asyncio.CancelledError:
            if telling.done():
                raise
            on_cancelled()


@dataclass
class Progress:
    """Answer of ``wait_for_progress``. Never the state itself: an answer is kept in the history for ever."""

    version: int
    closed: bool = False
    """The run is ending or continuing as new; look at the state, and do not wait at once again."""


class LiveWorkflow:
    """Keeps the ``version`` that grows with each change a person could see, and lets people wait for it.

    Call ``touch()`` after each such change, and ``await self.drain()`` before returning or continuing as new.
    """

    # Class attributes, so that a subclass with an ``__init__`` of its own need not call this one's.
    _version: int = 0
    _closed_to_waiters: bool = False

    @property
    def version(self) -> int:
        return self._version

    def touch(self) -> None:
        """Says that something visible has changed."""
        self._version += 1
        if details := self.current_details():
            workflow.set_current_details(details)

    def current_details(self) -> str:
        """Where it stands, for Temporal's own page of it; Markdown. Kept in memory and asked for, so it costs no history."""
        return ""

    def resume_version(self, version: int) -> None:
        """Goes on from the version of the run before, after a continue-as-new: viewers only ever see it grow."""
        self._version = max(self._version, version)

    # Without a bound inside: a wait that runs out in here and is asked again costs about ten history events each
    # time, a wait that lasts costs nothing. Abandoned waits are no loss, so they need no warning.
    @workflow.update(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def wait_for_progress(self, after: int) -> Progress:
        """Returns when the version is greater than ``after``, or when the run ends or continues as new."""
        await workflow.wait_condition(lambda: self._version > after or self._closed_to_waiters)
        return Progress(self._version, closed=self._closed_to_waiters)

    @wait_for_progress.validator
    def validate_wait_for_progress(self, after: int) -> None:
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            raise ApplicationError("after: expected an integer, 0 or more.", {"field": "after"}, type="ValidationError")
        if self._closed_to_waiters:
            # Answered instead, the same wait would come back at once: 2,570 answers in 3 s were seen.
            raise ApplicationError("The workflow is about to end or to continue as new.", type=DRAINING)

    def close_to_waiters(self) -> None:
        """Answers everybody who waits, with ``closed`` set, and refuses new waits from here on."""
        self._closed_to_waiters = True

    async def drain(self) -> None:
        """Answers everybody who waits, then lets all other message handlers finish."""
        self.close_to_waiters()
        await workflow.wait_condition(workflow.all_handlers_finished)
