"""How a batch writes to the send log: what comes within a few hundredths of a second is written in one transaction.

A transaction for each intent and each outcome was half of what a message cost the worker. Nothing is written later than
before: a message is sent when its intent is committed, and is told to be sent when its outcome is.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import DatabaseError, connections

from campaigns.models.words import Outcome
from campaigns.send_log import Ending, Grant, Intent, commit_intents, record_outcomes
from campaigns.sending.desk import Desk
from campaigns.sending.gate import hold_gate

GATHERED_FOR = 0.05
"""Seconds for which the first one waits for others."""
TRIES = 3
"""How often outcomes are written that the database does not take."""

W = TypeVar("W")
A = TypeVar("A")
Answers = Sequence[A | Exception]


class GateClosed(Exception):
    """Nothing begins any more. ``gate`` is the campaign's."""

    def __init__(self, gate: int) -> None:
        super().__init__(gate)
        self.gate = gate


@dataclass
class _Pile(Generic[W, A]):
    """What waits to be written, each with whoever waits for its answer."""

    waiting: list[tuple[W, "asyncio.Future[A]"]] = field(default_factory=list)

    def add(self, entry: W) -> "asyncio.Future[A]":
        told: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self.waiting.append((entry, told))
        return told

    def take(self) -> "_Pile[W, A]":
        taken, self.waiting = self.waiting, []
        return _Pile(taken)

    def entries(self) -> list[W]:
        return [entry for entry, _ in self.waiting]

    def answer(self, answers: Answers[A]) -> None:
        for (_, told), answer in zip(self.waiting, answers, strict=True):
            if told.done():
                continue  # nobody waits any more
            if isinstance(answer, Exception):
                told.set_exception(answer)
            else:
                told.set_result(answer)


class Ledger:
    """Of one batch: messages of one campaign by one channel, nobody twice at a time."""

    def __init__(self, desk: Desk, campaign_id: str, gate: int) -> None:
        self._desk, self._campaign_id, self._gate = desk, campaign_id, gate
        self._intents: _Pile[Grant, Intent] = _Pile()
        self._endings: _Pile[Ending, Outcome] = _Pile()
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, grant: Grant) -> Intent:
        """Commits the intent, unless the gate is closed.

        Raises:
            GateClosed: nothing was written
        """
        told = self._intents.add(grant)
        self._write_soon()
        return await told

    async def end(self, ending: Ending) -> Outcome:
        """Records what came of it; answers the outcome that stands, see :func:`campaigns.send_log.record_outcomes`."""
        told = self._endings.add(ending)
        self._write_soon()
        return await told

    def _write_soon(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._intents.waiting or self._endings.waiting:
            await asyncio.sleep(GATHERED_FOR)
            intents, endings = self._intents.take(), self._endings.take()
            try:
                begun, ended = await self._desk.do(self._written, intents.entries(), endings.entries())
            except Exception as problem:  # no thread to write on: whoever waits must not wait for ever
                begun, ended = [problem] * len(intents.waiting), [problem] * len(endings.waiting)
            intents.answer(begun)
            endings.answer(ended)
        self._writing = None

    def _written(self, grants: list[Grant], endings: list[Ending]) -> tuple[Answers[Intent], Answers[Outcome]]:
        """In two transactions, so that what is known of messages is kept whatever becomes of new ones."""
        ended = _all_or_why(lambda: self._end(endings), len(endings))
        return _all_or_why(lambda: commit_intents(grants, before=self._look_at_gate), len(grants)), ended

    def _look_at_gate(self) -> None:
        if self._desk.ends.is_set():
            raise GateClosed(self._gate)
        if (now := hold_gate(self._campaign_id)) != self._gate:
            raise GateClosed(now)

    def _end(self, endings: list[Ending]) -> list[Outcome]:
        for number in range(1, TRIES + 1):
            try:
                return record_outcomes(endings)
            except DatabaseError:
                # A message that was sent must not become unknown because a database was busy for a moment.
                connections.close_all()
                if number == TRIES:
                    raise
        raise AssertionError("the last try has returned or raised")


def _all_or_why(write: Callable[[], list[A]], number: int) -> Answers[A]:
    """The answers, or for each the problem that all of them have."""
    if not number:
        return []
    try:
        return write()
    except Exception as problem:
        return [problem] * number
