"""Campaigns whose histories are recorded, and one of their shards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from tests.workflows.agency import CampaignDesk, FakeAgency, open_campaign_desk


@dataclass
class Process:
    handle: WorkflowHandle[Any, Any]


@asynccontextmanager
async def place(env: WorkflowEnvironment) -> AsyncIterator[tuple[Any, ...]]:
    agency = FakeAgency(audience=25, opted_out={3}, fails={7})
    async with open_campaign_desk(env, agency) as desk:
        yield desk, agency


async def completed(desk: CampaignDesk, agency: FakeAgency) -> object:
    agency.deferred = {5: [timedelta(hours=9)]}
    campaign = await desk.launch(ends_at=await desk.now() + timedelta(days=3))
    await campaign.result()
    return campaign


async def approved_paused_and_resumed(desk: CampaignDesk, agency: FakeAgency) -> object:
    agency.slow = asyncio.Event()
    campaign = await desk.launch(approval_above=5)
    await campaign.until(lambda view: view.approval is not None)
    await campaign.handle.signal("approval_decided", {"request_id": "REQ-1", "status": "approved"})
    await campaign.until(lambda view: view.shards_running > 0)
    await campaign.act("set_rate", per_minute=30_000)
    await campaign.act("pause", reason="A typo")
    agency.slow.set()
    await campaign.act("resume")
    await campaign.result()
    return campaign


async def paused_by_itself_and_cancelled(desk: CampaignDesk, agency: FakeAgency) -> object:
    agency.breaks = ["send_batch:ChannelOff"]
    campaign = await desk.launch(shards_at_once=1)
    await campaign.until_status("paused")
    await campaign.act("cancel", reason="No")
    await campaign.result()
    return campaign


async def shard(desk: CampaignDesk, agency: FakeAgency) -> object:
    campaign = await desk.launch(shards_at_once=1)
    await campaign.result()
    return Process(desk.env.client.get_workflow_handle(f"{campaign.handle.id}-shard-1"))


async def deferred_running(desk: CampaignDesk, agency: FakeAgency) -> object:
    agency.deferred = {5: [timedelta(days=1)]}
    campaign = await desk.launch()
    await campaign.until(lambda view: view.phase == "deferred")
    await campaign.handle.signal("stop", {"reason": "Wrong prices", "requested_by": "admin"})
    await campaign.until_status("paused")
    return campaign


SCENARIOS: list[Callable[..., Awaitable[object]]] = [
    completed,
    approved_paused_and_resumed,
    paused_by_itself_and_cancelled,
    shard,
    deferred_running,
]
