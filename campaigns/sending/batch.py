"""One batch: up to ``limit`` recipients, several of them under way at once, each asked for, sent and recorded on its own.

What a recipient's row says is all that is remembered, so a batch that ended anyhow is simply run again. Whose actor does
not answer in time stays as they are, for the next one: on a server that has too much to do some do not, and most do.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from campaigns.contract import BatchInput, BatchResult, SendDecision, SendGrant, StopReason
from campaigns.models.words import Outcome
from campaigns.send_log import Refusal, record_refusals
from campaigns.sending.delivery import Delivered, deliver
from campaigns.sending.desk import Desk
from campaigns.sending.gate import gate_of
from campaigns.sending.granting import HALTED, Granting, NoUsableGrant, Turn
from campaigns.sending.ledger import GateClosed, Ledger
from campaigns.sending.pace import Pace
from campaigns.sending.recipients import GROUP, Candidate, Work, grant_for, load_work
from temporal_worker.errors import TemporalUnavailable

AT_ONCE = 24
"""Recipients under way at once."""
SENDERS = 12
"""Of them, those whose message has begun: so many at most are unknown after a crash."""
BEAT = 0.3
"""Seconds between two heartbeats, and between two looks at the gate."""
UNREACHED_AT_MOST = 3
"""Actors that do not answer while nobody else's does either, before it is not them but Temporal."""
_GOES_ON = ("", StopReason.TIME, StopReason.UNREACHED)
"""Nobody wants it to end: the next batch takes up whoever is left."""


class Batch:
    """``run`` once. ``alive`` is called several times a second."""

    def __init__(self, client: Client, batch: BatchInput, alive: Callable[[], None]) -> None:
        self.batch, self.alive = batch, alive
        self.desk = Desk(batch.mailing.channel, SENDERS)
        self.granting = Granting(client, batch.mailing, self.desk)
        self.ledger = Ledger(self.desk, batch.mailing.campaign_id, batch.gate)
        self.pace = Pace(batch.rate_per_minute, batch.next_send_at)
        self.gate = batch.gate
        self.stopped, self.reason = "", ""
        self.attempted = self.failed = self.troubled = 0
        self.left: set[int] = set()
        self.refusals: list[Refusal] = []
        self.answers = self.silent = 0
        self.unreached = ""
        self.problem: Exception | None = None
        self.changed = asyncio.Event()

    # ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> BatchResult:
        """Raises ApplicationError: it could not go on, or nobody's actor answered. What was settled until then is."""
        beating = asyncio.create_task(self._beat())
        try:
            work = await self.desk.do(load_work, self.batch, AT_ONCE)
            self._see_gate(work.gate)
            self.left = {candidate.position for candidate in work.candidates}
            if not self.stopped:
                await self._go_through(work)
            await self._write_refusals()
        finally:
            beating.cancel()
            await self.desk.close()
        if self.problem is not None:
            raise self.problem
        settled = work.taken - len(self.left)
        if self.unreached and self.stopped in _GOES_ON:
            if not settled:
                raise ApplicationError(self.unreached, type="Unavailable")
            self.stop(StopReason.UNREACHED, self.unreached)
        return self._result(work, settled)

    def stop(self, why: StopReason, reason: str = "") -> None:
        """Nobody is taken up any more. Unless the next batch goes on, no message begins either; those under way end."""
        if self.stopped in _GOES_ON:
            self.stopped, self.reason = why, reason
        if why not in _GOES_ON:
            self.desk.ends.set()
        self.changed.set()

    def _result(self, work: Work, settled: int) -> BatchResult:
        first = self.batch.positions.first
        if work.message is None:
            next_position = first
        elif self.left:
            next_position = min(self.left)
        else:
            next_position = self.batch.positions.last + 1 if work.is_all else work.last + 1
            # All is done: what came in between changes nothing, unless there are others behind.
            self.stopped = "" if work.is_all or self.stopped == StopReason.TIME else self.stopped
        return BatchResult(
            next_position=next_position,
            stopped=self.stopped,
            reason=self.reason if self.stopped else "",
            gate=self.gate,
            next_send_at=self.pace.next,
            attempted=self.attempted,
            failed=self.failed,
            settled=settled,
        )

    async def _beat(self) -> None:
        while True:
            self.alive()
            await asyncio.sleep(BEAT)
            try:
                self._see_gate(await self.desk.do(gate_of, self.batch.mailing.campaign_id))
                if len(self.refusals) >= GROUP:
                    await self._write_refusals()
            except Exception as error:
                self._fail(error)

    def _see_gate(self, gate: int) -> None:
        self.gate = max(self.gate, gate)
        if gate != self.batch.gate:
            self.stop(StopReason.HALTED)

    def _fail(self, problem: Exception) -> None:
        self.problem = self.problem or problem
        self.stop(StopReason.FAILED)

    # ── One after the other ──────────────────────────────────────────────────────────────────────────────────────────

    async def _go_through(self, work: Work) -> None:
        ends_at = timezone.now() + timedelta(seconds=self.batch.seconds)
        under_way: set[asyncio.Task[None]] = set()
        for candidate in work.candidates:
            while len(under_way) >= AT_ONCE and not self.stopped:
                _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            while not self.stopped:
                if timezone.now() >= ends_at or self.pace.next > ends_at:
                    self.stop(StopReason.TIME)
                elif wait := self.pace.wait:
                    await self._sleep(wait)
                else:
                    break
            if self.stopped:
                break
            self.pace.take()
            under_way.add(asyncio.create_task(self._go_with(work, candidate)))
        if under_way:
            await asyncio.wait(under_way)

    async def _sleep(self, seconds: float) -> None:
        """Until then, or until something has changed: a turn was given back, or the batch is to stop."""
        self.changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        except TimeoutError:
            return

    async def _go_with(self, work: Work, candidate: Candidate) -> None:
        begun, answers = False, self.answers
        try:
            begun = await self._ask_and_send(work, candidate)
        except TemporalUnavailable as problem:
            self.unreached = str(problem)
            self.silent += self.answers == answers
            if self.silent >= UNREACHED_AT_MOST:
                self.stop(StopReason.UNREACHED)
        except NoUsableGrant as problem:
            self.unreached = str(problem)
        except GateClosed as closed:
            self._see_gate(closed.gate)
        except Exception as error:
            self._fail(error)
        if not begun:
            self.pace.give_back()
            self.changed.set()

    # ── One recipient ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask_and_send(self, work: Work, candidate: Candidate) -> bool:
        """Whether a message was sent, or may have been."""
        turn, answer = await self.granting.ask(candidate)
        self.answers, self.silent = self.answers + 1, 0
        if isinstance(answer, SendDecision):
            self._refuse(turn, answer)
            return False
        return await self._send(work, turn, answer)

    def _refuse(self, turn: Turn, decision: SendDecision) -> None:
        mailing, candidate = self.batch.mailing, turn.candidate
        later = decision.next_allowed_at
        defers = mailing.defers and later is not None and (mailing.ends_at is None or later < mailing.ends_at)
        grant = grant_for(mailing, turn.grant_id, candidate.user_id, candidate.recipient)
        self.refusals.append(Refusal(grant, decision, candidate.attempts + 1, defers))
        self.left.discard(candidate.position)

    async def _write_refusals(self) -> None:
        while self.refusals:
            group, self.refusals = self.refusals[:GROUP], self.refusals[GROUP:]
            await self.desk.do(record_refusals, group)

    async def _send(self, work: Work, turn: Turn, answer: SendGrant) -> bool:
        assert work.message is not None
        try:
            ended = await deliver(self.desk, self.ledger, work.message, self.granting.granted(turn, answer))
        except GateClosed as closed:
            self._see_gate(closed.gate)
            await self.granting.give_back_unused(turn, answer, *HALTED)
            return False
        self.left.discard(turn.candidate.position)
        self._count(ended)
        if ended.gives_back:
            await self.granting.give_back(turn, ended.detail or ended.code)
        return ended.outcome != Outcome.DENIED

    def _count(self, ended: Delivered) -> None:
        if ended.outcome == Outcome.DENIED:
            return
        self.attempted += 1
        self.failed += ended.outcome == Outcome.FAILED
        self.troubled += ended.outcome != Outcome.SENT
        percent = self.batch.pause_error_percent
        if (
            percent
            and self.troubled >= self.batch.pause_error_least
            and self.troubled * 100 >= percent * self.attempted
        ):
            words = f"{self.troubled} of {self.attempted} messages of a batch were not sent. The last: {ended.detail}"
            self.stop(StopReason.ERRORS, words[:500])
