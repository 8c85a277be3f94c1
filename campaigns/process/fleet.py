"""The shards of a campaign: which run, what is left to run, and how the rate is shared among them.

Each position of the audience is in one place at any time: not handed out yet (``frontier`` and beyond), with a running
shard, given back (``left``), or done. A run that continues as new winds its shards up first, so that none is orphaned.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import TemporalError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from campaigns.contract import (
    SHARD_WORKFLOW_TYPE,
    Positions,
    ShardEnd,
    ShardInput,
    ShardPace,
    ShardResult,
    StopReason,
    shard_workflow_id,
)
from campaigns.process.state import CampaignState

LEAST_RATE = 60
"""Messages a minute that a shard is worth running for: slower campaigns run fewer shards at once."""
LATE_GAP = timedelta(seconds=2)
"""Between two rounds for deferred recipients: those whose moments lie closer together are taken up together."""
WHAT_WAS_STOPPED = "what-was-stopped-pauses-nothing"
"""Patch: the trouble of a shard of before a pause does not pause what was resumed since."""
FOUND_OPEN = "a-gate-that-is-found-open-is-written-again"
"""Patch: before it, a row whose gate was lower than the workflow's halted every batch at once, and new ones for ever."""
TOLD_LAST = "shards-are-told-last"
"""Patch: what a shard is told is sent after the row is being saved, also when it had just started. That it has started leads
to nothing by itself, so nothing may begin earlier because of it (temporalio/sdk-rust#1146; the keeper tells more)."""


@dataclass
class Shard:
    number: int
    positions: Positions
    rate: int
    due_by: datetime | None = None
    gate: int = 0
    handle: ChildWorkflowHandle[object, ShardResult] | None = None


class Fleet:
    def __init__(
        self, state: CampaignState, is_being_saved: Callable[[], bool], gate_found_open: Callable[[int], None]
    ) -> None:
        self._state = state
        self._is_being_saved = is_being_saved
        self._gate_found_open = gate_found_open
        self._running: dict[int, Shard] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.ended = 0
        """Grows with each shard that ends, so that the story can wait for the next one."""

    def __len__(self) -> int:
        return len(self._running)

    @property
    def has_more(self) -> bool:
        """Whether there are positions that no shard has."""
        return bool(self._state.it.left) or self._state.it.frontier <= self._state.it.audience

    @property
    def late_at(self) -> datetime | None:
        """When the next round for deferred recipients begins; None when nobody is deferred, or one is under way."""
        state = self._state
        due = state.it.stock.next_deferred_at
        if due is None or any(shard.due_by for shard in self._running.values()):
            return None
        return due if state.it.late_until is None else max(due, state.it.late_until + LATE_GAP)

    def fill(self) -> None:
        """Starts what there is to start, and shares the rate anew."""
        began: list[Shard] = []
        self._state.sends_on()
        if self.late_at is not None and self.late_at <= self._state.now:
            self._state.it.late_until = self._state.now
            began.append(self._new(Positions(1, self._state.it.audience), due_by=self._state.now))
        room = min(self._state.limits.shards_at_once, max(1, self._state.it.rate_per_minute // LEAST_RATE))
        while self.has_more and len([one for one in self._running.values() if one.due_by is None]) < room:
            began.append(self._new(self._next_positions()))
        self.share_rate(began)
        for shard in began:
            self._keep(asyncio.create_task(self._run(shard)))

    def share_rate(self, began: Sequence[Shard] = ()) -> None:
        """Gives each running shard its part; the remainder goes to the first ones, one each."""
        part, rest = divmod(self._state.it.rate_per_minute, max(len(self._running), 1))
        for place, shard in enumerate(sorted(self._running.values(), key=lambda one: one.number)):
            rate = part + (place < rest)
            if rate == shard.rate:
                continue
            shard.rate = rate
            if shard not in began:
                self._tell(shard, "set_pace", ShardPace(rate))

    async def wind_up(self, *, at_once: bool) -> None:
        """Until no shard runs any more. ``at_once``: not even to the end of the running batches."""
        for shard in self._running.values():
            self._tell(shard, "wind_up", ShardEnd(at_once))
        await workflow.wait_condition(lambda: not self._running and not self._tasks)

    def _new(self, positions: Positions, due_by: datetime | None = None) -> Shard:
        self._state.it.shards_started += 1
        shard = Shard(self._state.it.shards_started, positions, rate=0, due_by=due_by)
        self._running[shard.number] = shard
        return shard

    def _next_positions(self) -> Positions:
        it = self._state.it
        if it.left:
            return it.left.pop(0)
        first, last = it.frontier, min(it.frontier + self._state.limits.shard_size - 1, it.audience)
        it.frontier = last + 1
        return Positions(first, last)

    async def _run(self, shard: Shard) -> None:
        state, limits = self._state, self._state.limits
        shard.gate = state.it.gate
        start = ShardInput(
            mailing=state.mailing,
            number=shard.number,
            positions=shard.positions,
            gate=shard.gate,
            rate_per_minute=shard.rate,
            batch_size=limits.batch_size,
            batch_attempts=limits.batch_attempts,
            due_by=shard.due_by,
            pause_error_percent=limits.pause_error_percent,
            pause_error_least=limits.pause_error_least,
            renew_after=limits.renew_after,
        )
        try:
            shard.handle = await workflow.start_child_workflow(
                SHARD_WORKFLOW_TYPE,
                start,
                id=shard_workflow_id(state.mailing.campaign_id, shard.number),
                result_type=ShardResult,
                parent_close_policy=ParentClosePolicy.TERMINATE,
                static_summary=f"Recipients {shard.positions.first:,}–{shard.positions.last:,}",
            )
            result = await shard.handle
        except TemporalError as error:
            reason = f"Shard {shard.number} ended in the middle: {error.cause or error}"
            result = ShardResult(shard.positions.first, StopReason.FAILED, reason)
        self._ended(shard, result)

    def _ended(self, shard: Shard, result: ShardResult) -> None:
        del self._running[shard.number]
        self.ended += 1
        state = self._state
        state.it.gate = max(state.it.gate, result.gate)
        if result.stopped and shard.due_by is None and result.next_position <= shard.positions.last:
            state.it.left.append(Positions(result.next_position, shard.positions.last))
        # Halted by a gate that is not higher: by a lower one.
        is_open = result.stopped == StopReason.HALTED and result.gate <= shard.gate
        if is_open and workflow.patched(FOUND_OPEN):
            self._gate_found_open(shard.gate)
        if result.stopped in (StopReason.ERRORS, StopReason.FAILED) and not self._was_stopped(shard):
            state.pause_by_itself(result.reason)

    def _was_stopped(self, shard: Shard) -> bool:
        """By a pause that is over: a batch whose worker was dead, and could not be told, ends as a failure long after."""
        state = self._state
        return shard.gate < state.it.gate and not state.it.paused and workflow.patched(WHAT_WAS_STOPPED)

    def _tell(self, shard: Shard, signal: str, message: ShardPace | ShardEnd) -> None:
        self._keep(asyncio.create_task(self._signal(shard, signal, message)))

    async def _signal(self, shard: Shard, signal: str, message: ShardPace | ShardEnd) -> None:
        is_last = workflow.patched(TOLD_LAST)
        await workflow.wait_condition(
            lambda: (
                (shard.handle is not None or shard.number not in self._running)
                and (not is_last or self._is_being_saved())
            )
        )
        if shard.handle is not None and not shard.handle.done():
            with suppress(TemporalError):  # it has just ended
                await shard.handle.signal(signal, message)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
