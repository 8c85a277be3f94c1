"""How an order waits: for a condition or a moment, while it goes on taking in what people and providers send it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow

from orders.process.parked import Stop
from orders.process.state import OrderState

ANSWER_WITHIN = timedelta(seconds=5)
ANSWERED_BESIDE = "what-goes-on-beside-is-answered"
"""Patch: before it, whoever had asked for something that went on beside the main line waited ``ANSWER_WITHIN`` in vain."""


class OrderCancelled(Exception):
    """The way out of the story's steps once somebody, or a window, has cancelled the order. Never leaves the workflow."""


@dataclass(frozen=True)
class Inbox:
    """Something that comes in by signal and is taken up by the workflow's main line, one at a time."""

    is_full: Callable[[], bool]
    take: Callable[[], Awaitable[None]]


class Waiting:
    """One per workflow.

    ``is_idle`` says that the order waits for somebody outside, as far as is known since the last message; ``is_asleep``, that
    its main line does, which a message for something beside it does not wake.
    """

    def __init__(self, state: OrderState) -> None:
        self._state = state
        self._inboxes: list[Inbox] = []
        self.is_idle = False
        self.is_asleep = False
        self.is_over = False
        self.cancellable = True
        self.retries: set[str] = set()

    def add_inbox(self, is_full: Callable[[], bool], take: Callable[[], Awaitable[None]]) -> None:
        self._inboxes.append(Inbox(is_full, take))

    @property
    def is_cancelled(self) -> bool:
        return self.cancellable and self._state.cancellation is not None

    async def until(
        self, met: Callable[[], bool], *, deadline: datetime | None = None, summary: str | None = None
    ) -> bool:
        """True once ``met()``, False when the deadline came first; raises :class:`OrderCancelled` on a cancellation.

        What is in the inboxes is taken first: a payment that came in before the deadline counts.
        """
        while True:
            for inbox in self._inboxes:
                if inbox.is_full():
                    await inbox.take()
            if self.is_cancelled:
                raise OrderCancelled
            if met():
                return True
            left = None if deadline is None else deadline - workflow.now()
            if left is not None and left <= timedelta(0):
                return False
            await self._sleep(lambda: met() or self._is_disturbed(), left, summary)

    def _is_disturbed(self) -> bool:
        return self.is_cancelled or self.has_mail

    @property
    def has_mail(self) -> bool:
        return any(inbox.is_full() for inbox in self._inboxes)

    async def _sleep(self, woken: Callable[[], bool], timeout: timedelta | None, summary: str | None) -> None:
        self.is_idle = self.is_asleep = True
        try:
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(woken, timeout=timeout, timeout_summary=summary)
        finally:
            self.is_idle = self.is_asleep = False

    async def for_retry(self, stop: Stop) -> None:
        """Until a person asks for it again."""
        self.is_idle = True
        await workflow.wait_condition(lambda: stop.is_retried)
        self.is_idle = False

    def ends_beside(self) -> None:
        """What went on beside the main line has ended; the main line itself may not have moved for it."""
        if self.is_asleep and not self.is_idle and workflow.patched(ANSWERED_BESIDE):
            self.is_idle = True

    async def settled(self) -> None:
        """For a message handler: until the main line has dealt with what it just set, for a few seconds at most."""
        self.is_idle = False
        await self.briefly(lambda: self.is_idle or self.is_over)

    async def briefly(self, met: Callable[[], bool]) -> None:
        """For a message handler: until ``met()``, but never so long that its caller has given up."""
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(met, timeout=ANSWER_WITHIN, timeout_summary="Answer with what is known")
