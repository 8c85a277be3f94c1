"""A fake agency whose answers come late: each can be held back, after what it answers was read or done."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from campaigns.contract import BatchInput, BatchResult, CampaignView, GateInput, Stock
from tests.eventually import aeventually
from tests.workflows.agency import CampaignDesk, FakeAgency, RunningCampaign


@dataclass
class SlowAgency(FakeAgency):
    """Its answers can be held back, each after what it answers was read or done."""

    held_counts: asyncio.Event | None = None
    counts_at_last: bool = False
    """A count that was held back tells of the moment at which it is let go."""
    held_saves: asyncio.Event | None = None
    held_gates: asyncio.Event | None = None
    dead_batches: asyncio.Event | None = None
    """While set, a batch that is cancelled hears nothing of it, and is found dead when the event fires."""
    held_behind: int = 0
    """While set, no batch begins behind this position."""
    counts_begun: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    dice: random.Random | None = None
    """With them each message takes a moment."""

    @activity.defn
    async def count_recipients(self, campaign_id: str) -> Stock:
        stock = self._stock(campaign_id)
        self.counts_begun += 1
        if self.held_counts is not None:
            await self.held_counts.wait()
        return self._stock(campaign_id) if self.counts_at_last else stock

    @activity.defn
    async def close_gate(self, wish: GateInput) -> int:
        written = await super().close_gate(wish)
        if self.held_gates is not None:
            await self.held_gates.wait()
        return written

    @activity.defn
    async def save_campaign(self, campaign: CampaignView) -> None:
        if self.held_saves is not None and campaign.phase == "closed":
            self.closed.set()
            await self.held_saves.wait()
        await super().save_campaign(campaign)

    @activity.defn
    async def send_batch(self, batch: BatchInput) -> BatchResult:
        dead = self.dead_batches
        if dead is not None and not dead.is_set():
            while not dead.is_set():
                activity.heartbeat()
                with suppress(asyncio.CancelledError, TimeoutError):
                    await asyncio.wait_for(asyncio.shield(dead.wait()), 0.05)
            raise ApplicationError("activity Heartbeat timeout", non_retryable=True)
        while 0 < self.held_behind < batch.positions.first:
            activity.heartbeat()
            await asyncio.sleep(0.05)
        return await super().send_batch(batch)

    async def _stand_still(self) -> bool:
        if self.dice is None:
            return await super()._stand_still()
        activity.heartbeat()
        try:
            await asyncio.sleep(self.dice.uniform(0.0, 0.02))
        except asyncio.CancelledError:
            return True
        return False


async def has_pending_batch(desk: CampaignDesk, campaign: RunningCampaign) -> bool:
    shard = desk.env.client.get_workflow_handle(f"{campaign.handle.id}-shard-1")
    return bool((await shard.describe()).raw_description.pending_activities)


async def until_counted(campaign: RunningCampaign) -> None:
    async def no_count_is_pending() -> bool:
        pending = (await campaign.handle.describe()).raw_description.pending_activities
        return "count_recipients" not in {one.activity_type.name for one in pending}

    await aeventually(no_count_is_pending, timeout=30)
