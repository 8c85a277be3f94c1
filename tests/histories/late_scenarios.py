"""Campaigns in which something comes late, on the real server: what the patches in ``campaigns/process`` are for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from dashboard.processes import free_port
from temporal_worker.converter import MESSAGE_CONVERTER
from temporal_worker.devserver import DevServer
from tests.eventually import aeventually
from tests.workflows.agency import CampaignDesk, open_campaign_desk
from tests.workflows.slow_agency import SlowAgency, has_pending_batch, until_counted


@asynccontextmanager
async def place(env: WorkflowEnvironment) -> AsyncIterator[tuple[Any, ...]]:
    agency = SlowAgency()
    with DevServer(None, port=free_port(), ui_port=None) as server:
        client = await Client.connect(server.address, data_converter=MESSAGE_CONVERTER)
        async with open_campaign_desk(WorkflowEnvironment.from_client(client), agency) as desk:
            yield desk, agency


async def counted_before_the_end(desk: CampaignDesk, agency: SlowAgency) -> object:
    """A count that was begun before the end, and is answered after everybody was settled."""
    agency.slow, agency.held_counts, agency.held_saves = asyncio.Event(), asyncio.Event(), asyncio.Event()
    campaign = await desk.launch()
    await aeventually(lambda: agency.counts_begun, timeout=30)
    await campaign.act("cancel", reason="Wrong prices")
    await asyncio.wait_for(agency.closed.wait(), 30)
    agency.held_counts.set()
    await until_counted(campaign)
    agency.held_saves.set()
    await campaign.handle.result()
    return campaign


async def counting_at_the_end(desk: CampaignDesk, agency: SlowAgency) -> object:
    """A count is under way when all else is done."""
    agency.slow, agency.held_counts = asyncio.Event(), asyncio.Event()
    campaign = await desk.launch()
    await aeventually(lambda: agency.counts_begun, timeout=30)
    await campaign.act("cancel")
    await aeventually(lambda: agency.saved[campaign.campaign_id].phase == "closed", timeout=30)
    await asyncio.sleep(1)  # for a workflow that does not wait for it
    agency.held_counts.set()
    await campaign.handle.result()
    return campaign


async def found_dead_after_the_resume(desk: CampaignDesk, agency: SlowAgency) -> object:
    agency.dead_batches = asyncio.Event()
    campaign = await desk.launch()
    await campaign.until(lambda view: view.shards_running > 0)
    await aeventually(lambda: has_pending_batch(desk, campaign), timeout=30)
    await campaign.act("pause")
    await campaign.act("resume")
    agency.dead_batches.set()
    await _ended_or_paused(campaign)
    return campaign


async def resumed_while_failures_are_counted(desk: CampaignDesk, agency: SlowAgency) -> object:
    agency.audience, agency.fails, agency.counts = 40, set(range(1, 21)), asyncio.Event()
    agency.held_counts = agency.counts
    campaign = await desk.launch(pause_error_percent=50, pause_error_least=3, shards_at_once=1)
    await campaign.until_status("paused")
    agency.fails = set()
    await campaign.act("resume")
    agency.counts.set()
    await _ended_or_paused(campaign)
    return campaign


async def cancelled_while_its_gate_is_written(desk: CampaignDesk, agency: SlowAgency) -> object:
    agency.held_gates = asyncio.Event()
    campaign = await desk.launch(starts_at=await desk.now() + timedelta(days=1))
    await campaign.handle.signal("stop", {"reason": "Wrong prices", "requested_by": "admin"})
    await campaign.until_status("paused")
    cancelling = asyncio.create_task(campaign.act("cancel", reason="Wrong prices"))
    await campaign.until_status("cancelled")
    agency.held_gates.set()
    await cancelling
    await campaign.handle.result()
    return campaign


async def failing_after_it_went_well(desk: CampaignDesk, agency: SlowAgency) -> object:
    """Twenty failures, a third of all messages and all of the latest ones."""
    agency.audience, agency.fails, agency.held_behind = 80, set(range(41, 61)), 40
    campaign = await desk.launch(
        pause_error_percent=50, pause_error_least=10, shards_at_once=1, shard_size=80, batch_size=5
    )
    await campaign.until(lambda view: view.counts["sent"] == 40)
    agency.held_behind = 60
    await campaign.until(lambda view: view.counts["failed"] == 20)
    agency.held_behind = 0
    await _ended_or_paused(campaign)
    return campaign


async def found_open_after_a_restore(desk: CampaignDesk, agency: SlowAgency) -> object:
    """The row has a lower gate than the workflow. Before the patch only somebody else could mend that."""
    agency.slow = asyncio.Event()
    campaign = await desk.launch()
    await campaign.until(lambda view: view.shards_running > 0)
    await campaign.act("pause")
    await campaign.until(lambda view: view.shards_running == 0)
    agency.gates.clear()
    agency.slow.set()
    await campaign.act("resume")
    await aeventually(lambda: len(agency.batches) > 3, timeout=30)
    agency.gates[campaign.campaign_id] = 1
    await campaign.handle.result()
    return campaign


async def _ended_or_paused(campaign: Any) -> None:
    """Before the patches these campaigns paused, and would wait for somebody."""
    await campaign.until(lambda view: view.status in ("completed", "paused"))


SCENARIOS: list[Callable[..., Awaitable[object]]] = [
    counted_before_the_end,
    counting_at_the_end,
    found_dead_after_the_resume,
    resumed_while_failures_are_counted,
    cancelled_while_its_gate_is_written,
    failing_after_it_went_well,
    found_open_after_a_restore,
]
