"""One range of a campaign's audience, batch after batch. It knows positions only; the batches know the people."""

from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, CancelledError

with workflow.unsafe.imports_passed_through():
    from campaigns.contract import (
        BatchInput,
        BatchResult,
        Positions,
        ShardEnd,
        ShardInput,
        ShardPace,
        ShardResult,
        StopReason,
    )
    from campaigns.process import effects

BATCH_SECONDS = 10.0
"""How long a batch goes on at most: so soon a new rate holds."""


@workflow.defn
class CampaignShardWorkflow:
    @workflow.init
    def __init__(self, shard: ShardInput) -> None:
        self.shard = shard
        self.position = shard.positions.first
        self.rate = shard.rate_per_minute
        self.next_send_at = shard.next_send_at
        self.batches = 0
        self.is_ending = False
        self.is_ending_at_once = False

    @workflow.run
    async def run(self, shard: ShardInput) -> ShardResult:
        result = BatchResult(self.position)
        while self.position <= shard.positions.last:
            await self._await_turn()
            if self._has_to_end():
                return self._result(StopReason.ASKED, "", result.gate)
            try:
                result = await self._send_batch()
            except ActivityError as error:
                if isinstance(error.cause, CancelledError):
                    return self._result(StopReason.ASKED, "", result.gate)
                return self._result(StopReason.FAILED, f"A batch could not be sent: {error.cause or error}", 0)
            self.batches += 1
            # Whoever does not answer may be the first of all.
            made_headway = self.position < result.next_position or result.settled > 0
            self.position = max(self.position, result.next_position)
            self.next_send_at = result.next_send_at
            if result.stopped in (StopReason.HALTED, StopReason.ERRORS, StopReason.ASKED):
                return self._result(StopReason(result.stopped), result.reason, result.gate)
            if not made_headway and not self._waits_for_turn():
                return self._result(StopReason.FAILED, "A batch made no headway.", result.gate)
            self._continue_as_new_in_time()
        return self._result("", "", result.gate)

    async def _await_turn(self) -> None:
        """Until it has a part of the rate, and the next message is not farther away than a batch would wait."""
        await workflow.wait_condition(lambda: self.rate > 0 or self.is_ending)
        while not self.is_ending and self.next_send_at is not None and self._waits_for_turn():
            await self._sleep_until(self.next_send_at)

    def _has_to_end(self) -> bool:
        """A shard that winds up sends one batch at least: else a campaign that continues as new often would stand still."""
        return self.is_ending_at_once or (
            self.is_ending and (self.batches > 0 or self.rate == 0 or self._waits_for_turn())
        )

    async def _sleep_until(self, turn: datetime) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.is_ending or self.next_send_at != turn,
                timeout=turn - workflow.now(),
                timeout_summary="Next message",
            )

    def _waits_for_turn(self) -> bool:
        soon = workflow.now() + timedelta(seconds=BATCH_SECONDS / 2)
        return self.next_send_at is not None and self.next_send_at > soon

    async def _send_batch(self) -> BatchResult:
        shard = self.shard
        batch = BatchInput(
            mailing=shard.mailing,
            positions=Positions(self.position, shard.positions.last),
            limit=shard.batch_size,
            gate=shard.gate,
            rate_per_minute=self.rate,
            seconds=BATCH_SECONDS,
            due_by=shard.due_by,
            next_send_at=self.next_send_at,
            pause_error_percent=shard.pause_error_percent,
            pause_error_least=shard.pause_error_least,
        )
        running = effects.start_batch(batch, shard.batch_attempts)
        await workflow.wait_condition(lambda: running.done() or self.is_ending_at_once)
        if not running.done():
            running.cancel()
        return await running

    def _continue_as_new_in_time(self) -> None:
        info, bound = workflow.info(), self.shard.renew_after
        is_long = info.is_continue_as_new_suggested() or 0 < bound <= info.get_current_history_length()
        if is_long and not self.is_ending and self.position <= self.shard.positions.last:
            workflow.continue_as_new(self._resumed())

    def _resumed(self) -> ShardInput:
        shard = self.shard
        return ShardInput(
            mailing=shard.mailing,
            number=shard.number,
            positions=Positions(self.position, shard.positions.last),
            gate=shard.gate,
            rate_per_minute=self.rate,
            batch_size=shard.batch_size,
            batch_attempts=shard.batch_attempts,
            due_by=shard.due_by,
            pause_error_percent=shard.pause_error_percent,
            pause_error_least=shard.pause_error_least,
            renew_after=shard.renew_after,
            next_send_at=self.next_send_at,
        )

    def _result(self, stopped: StopReason | str, reason: str, gate: int) -> ShardResult:
        return ShardResult(self.position, stopped, reason, gate)

    # ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.signal
    def set_pace(self, pace: ShardPace) -> None:
        self.rate = max(pace.rate_per_minute, 0)
        if self.next_send_at is not None and self.rate:
            self.next_send_at = min(self.next_send_at, _after_one_turn(self.rate))

    @workflow.signal
    def wind_up(self, end: ShardEnd) -> None:
        self.is_ending = True
        self.is_ending_at_once = self.is_ending_at_once or end.at_once


def _after_one_turn(rate: int) -> datetime:
    return workflow.now() + timedelta(seconds=60 / rate)
