"""What goes on beside the story of a campaign: its gate is written, and stock is taken of where its recipients stand."""

import asyncio
from collections.abc import Callable

from temporalio import workflow

from campaigns.contract import GateInput
from campaigns.process import effects
from campaigns.process.state import CampaignState

STOCK_EVERY = 2.0
"""Seconds between two counts while messages go out: so often at most a viewer sees a new version."""
STOCK_SELDOM = 30.0
"""Seconds between two counts when nothing changes."""
RESUMED_HAS_SEEN = "resumed-has-seen-the-failures-before"
"""Patch: before it, a count that was under way as somebody resumed paused it again, for failures that they had seen."""
NEWEST_COUNT_STANDS = "the-newest-count-stands"
"""Patch: of two counts that overtake each other the later one stands, and none is left under way at the end."""
LATEST_FAILURES = "the-latest-failures-pause-it"
"""Patch: before it, failures counted against all that was sent since the last start or resume, and unknown ones never."""
GATE_AT_ONCE = "the-gate-is-written-at-once"
"""Patch: each new gate is written as soon as it is there, also while the one before is still being written."""


class Gate:
    """Writes the gate to the database whenever the state has raised it. See :mod:`campaigns.contract.batches`.

    It does not wait for the writing of the one before, whose end leads to nothing (the reason is the keeper's). The row
    only ever takes a higher gate, so that it does not matter which arrives first.

    A run believes that the one before it has written the gate. Where the row says otherwise, as after a database was
    restored, the first batch tells.
    """

    def __init__(self, state: CampaignState) -> None:
        self._state = state
        self._written = self._begun = state.it.gate
        self._writes: set[asyncio.Task[None]] = set()

    @property
    def is_closed(self) -> bool:
        """Nothing of before the last pause begins any more."""
        return self._written >= self._state.it.gate

    async def keep(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            await workflow.wait_condition(lambda: self._begun < self._state.it.gate)
            self._begun = self._state.it.gate
            if not workflow.patched(GATE_AT_ONCE):
                await self._write(self._begun)
                continue
            write = asyncio.create_task(self._write(self._begun))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def _write(self, gate: int) -> None:
        written = await effects.close_gate(GateInput(self._state.mailing.campaign_id, gate))
        self._written = max(self._written, written)
        self._begun = max(self._begun, self._written)
        # After a reset the database may know more than we: a batch for a lower gate would send nothing.
        self._state.it.gate = max(self._state.it.gate, self._written)

    def found_open(self, gate: int) -> None:
        """A batch that was begun for this gate has found a lower one in the row: it is written again."""
        self._written = self._begun = min(self._written, gate - 1)

    async def closed(self) -> None:
        await workflow.wait_condition(lambda: self.is_closed)

    async def ended(self) -> None:
        """Until nothing is being written any more."""
        if self._writes:
            await workflow.wait_condition(lambda: not self._writes)


class Stocktaker:
    """Counts while shards run: every two seconds while something changes, then less and less often."""

    def __init__(self, state: CampaignState, is_busy: Callable[[], bool]) -> None:
        self._state = state
        self._is_busy = is_busy
        self._under_way = 0
        self._begun = self._newest = 0

    @property
    def is_counting(self) -> bool:
        return self._under_way > 0

    async def keep(self) -> None:
        """Goes on until it is cancelled."""
        pause = STOCK_EVERY
        while True:
            await workflow.wait_condition(self._is_busy)
            await workflow.sleep(pause, summary="Count where everybody stands")
            if not self._is_busy():
                continue
            changed = await self.count()
            pause = STOCK_EVERY if changed else min(pause * 1.5, STOCK_SELDOM)

    async def count(self) -> bool:
        """Where everybody stands now; True when something has changed."""
        self._begun += 1
        number = self._begun
        self._under_way += 1
        sent_since = self._state.sends_since
        try:
            stock = await effects.count_recipients(self._state.mailing.campaign_id)
        finally:
            self._under_way -= 1
        # Marked only where it matters, so that histories without it cost nothing.
        if number < self._newest and workflow.patched(NEWEST_COUNT_STANDS):
            return False
        self._newest = max(self._newest, number)
        is_of_before = sent_since != self._state.resumed and workflow.patched(RESUMED_HAS_SEEN)
        return self._state.take(
            stock, is_of_before=is_of_before, looks_at_latest=lambda: workflow.patched(LATEST_FAILURES)
        )

    def overtaken(self) -> None:
        """Everybody was settled: what was counted before says nothing any more."""
        self._newest = self._begun + 1

    async def ended(self) -> None:
        """Until no count is under way: a workflow that ends with one leaves an activity whose answer nobody takes."""
        if self.is_counting and workflow.patched(NEWEST_COUNT_STANDS):
            await workflow.wait_condition(lambda: not self.is_counting)
