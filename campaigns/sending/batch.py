"""One batch: up to ``limit`` recipients, several of them under way at once, each asked for, sent and recorded on its own.

What a recipient's row says is all that is remembered, so a batch that ended anyhow is simply run again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog
from django.db.models import F
from django.utils import timezone
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    BatchInput,
    BatchResult,
    DecisionCode,
    SendDecision,
    SendGrant,
    SendRequest,
    StopReason,
    UserActorInput,
    grant_id_for,
)
from campaigns.models import CampaignRecipient
from campaigns.models.words import Outcome
from campaigns.send_log import Refusal, record_refusals
from campaigns.sending import asking
from campaigns.sending.delivery import Delivered, Desk, GateClosed, deliver
from campaigns.sending.gate import gate_of
from campaigns.sending.pace import Pace
from campaigns.sending.recipients import GROUP, Candidate, Work, grant_for, load_work
from temporal_worker.errors import TemporalUnavailable

AT_ONCE = 12
"""Recipients under way at once."""
THREADS = 8
"""Of them, those that are being written down or sent."""
BEAT = 0.3
"""Seconds between two heartbeats, and between two looks at the gate."""
GRANT_IS_GOOD_FOR = timedelta(minutes=2)
"""An older grant, left by a crash, is given back: its message would go out outside the window that it was counted in."""
UNREACHED_AT_MOST = 3
"""Actors that do not answer, before it is not them but Temporal."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Turn:
    """A recipient with the number that the grant id of this ask carries."""

    candidate: Candidate
    grant_id: str


class Batch:
    """``run`` once. ``alive`` is called several times a second."""

    def __init__(self, client: Client, batch: BatchInput, alive: Callable[[], None]) -> None:
        self.client, self.batch, self.alive = client, batch, alive
        self.desk = Desk(batch.mailing.channel, THREADS)
        self.pace = Pace(batch.rate_per_minute, batch.next_send_at)
        self.gate = batch.gate
        self.stopped, self.reason = "", ""
        self.attempted = self.failed = self.troubled = 0
        self.left: set[int] = set()
        self.refusals: list[Refusal] = []
        self.unreached: list[str] = []
        self.problem: Exception | None = None
        self.changed = asyncio.Event()

    # ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> BatchResult:
        """Raises ApplicationError; what was settled until then is."""
        beating = asyncio.create_task(self._beat())
        try:
            work = await self.desk.do(load_work, self.batch)
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
        if self.unreached and not self.stopped:
            raise ApplicationError(self.unreached[0], type="Unavailable")
        return self._result(work)

    def stop(self, why: StopReason, reason: str = "") -> None:
        """Nobody is taken up any more. Unless it is for time, no message begins either; those under way end."""
        if not self.stopped:
            self.stopped, self.reason = why, reason
        if why != StopReason.TIME:
            self.desk.ends.set()
        self.changed.set()

    def _result(self, work: Work) -> BatchResult:
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
        begun = False
        try:
            begun = await self._ask_and_send(work, candidate)
        except TemporalUnavailable as problem:
            self.unreached.append(str(problem))
            if len(self.unreached) >= UNREACHED_AT_MOST:
                self._fail(ApplicationError(str(problem), type="Unavailable"))
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
        for _ in range(3):
            turn = Turn(candidate, self._grant_id(candidate))
            answer = await self._ask(turn)
            if isinstance(answer, SendDecision) and answer.code == DecisionCode.GRANT_SPENT:
                # Given back by a batch that ended before it had counted this.
                candidate = await self._next_grant(candidate)
                continue
            if isinstance(answer, SendDecision):
                self._refuse(turn, answer)
                return False
            if timezone.now() - answer.granted_at > GRANT_IS_GOOD_FOR:
                candidate = await self._give_back_unused(turn)
                continue
            return await self._send(work, turn, answer)
        raise ApplicationError(
            f"The actor of {candidate.user_id} gives no grant that could be used.", type="Unavailable"
        )

    def _grant_id(self, candidate: Candidate) -> str:
        mailing = self.batch.mailing
        return grant_id_for(mailing.series_id, mailing.occurrence, candidate.user_id, candidate.grant_attempt)

    async def _ask(self, turn: Turn) -> SendGrant | SendDecision:
        mailing, candidate = self.batch.mailing, turn.candidate
        request = SendRequest(
            grant_id=turn.grant_id,
            campaign_id=mailing.series_id,
            channel=mailing.channel,
            category=mailing.category,
            policy=candidate.policy,
            transactional=mailing.transactional,
        )
        seed = partial(self._seed, candidate)
        return await asking.request_send(
            self.client, candidate.user_id, request, seed, is_new=candidate.seed is not None
        )

    async def _seed(self, candidate: Candidate) -> UserActorInput:
        if candidate.seed is not None:
            return candidate.seed
        return await self.desk.do(partial(seed_for_actor, candidate.user_id, policy=candidate.policy))

    async def _send(self, work: Work, turn: Turn, answer: SendGrant) -> bool:
        candidate = turn.candidate
        assert work.message is not None
        grant = replace(
            grant_for(self.batch.mailing, turn.grant_id, candidate.user_id, candidate.recipient),
            granted_at=answer.granted_at,
            policy_version=answer.policy_version,
        )
        try:
            ended = await self.desk.do(deliver, self.desk, work.campaign, self.batch.gate, work.message, grant)
        except GateClosed as closed:
            self._see_gate(closed.gate)
            await self._give_back_unused(turn)
            return False
        self.left.discard(candidate.position)
        self._count(ended)
        if ended.gives_back:
            await self._give_back(turn, ended.detail or ended.code)
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

    # ── Refusals, and grants that are not used ───────────────────────────────────────────────────────────────────────

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

    async def _give_back_unused(self, turn: Turn) -> Candidate:
        """The recipient will be asked for again, under the next grant id. First the row, then the actor: the other way
        round a crash between the two would let a spent id be asked for."""
        candidate = await self._next_grant(turn.candidate)
        await self._give_back(turn, "No message was begun.")
        return candidate

    async def _next_grant(self, candidate: Candidate) -> Candidate:
        rows = CampaignRecipient.objects.filter(pk=candidate.recipient, grant_attempt=candidate.grant_attempt)
        await self.desk.do(partial(rows.update, grant_attempt=F("grant_attempt") + 1))
        return replace(candidate, grant_attempt=candidate.grant_attempt + 1)

    async def _give_back(self, turn: Turn, reason: str) -> None:
        try:
            await asking.release(self.client, turn.candidate.user_id, turn.grant_id, reason)
        except (TemporalUnavailable, ApplicationError) as problem:
            # The slot stays taken until it falls out of the window: one message too few, and none too many.
            log.warning("grant_not_given_back", grant_id=turn.grant_id, problem=str(problem))
