"""A message that meets a worker without the workflow in its cache, right after tasks that led to no command.

The SDK hands the end of an activity and the message over together then, and one after the other when it replays
(temporalio/sdk-rust#1146). What follows from the message has to be begun in the same order in both, or the next replay
fails, and with it everything that is asked of the workflow from then on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from approvals.contract import ApprovalView, NoticeRequest, SlackCard, SlackMode
from approvals.workflows import ApprovalWorkflow
from campaigns.contract import CampaignView, GateInput, Stock
from campaigns.workflows import CampaignWorkflow
from orders.contract import MailRequest, OrderView
from orders.workflows import OrderWorkflow
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from temporal_worker.workers import build_replayer
from tests.eventually import aeventually
from tests.workflows.agency import FakeAgency, RunningCampaign, open_campaign_desk
from tests.workflows.conftest import open_bench, open_desk
from tests.workflows.office import FakeOffice
from tests.workflows.shop import FakeShop


class Gate:
    """Holds every call of one activity until it is opened."""

    def __init__(self, held: str) -> None:
        self.held = held
        self._open = asyncio.Event()

    async def pass_by(self, name: str) -> None:
        if name == self.held:
            await self._open.wait()

    def open(self) -> None:
        self._open.set()


class HeldOffice(FakeOffice):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    @activity.defn
    async def save_request(self, request: ApprovalView) -> None:
        await self._gate.pass_by("save_request")

    @activity.defn
    async def send_approval_mail(self, notice: NoticeRequest) -> str:
        await self._gate.pass_by("send_approval_mail")
        return f"{notice.recipient}@example.com"

    @activity.defn
    async def publish_slack_card(self, card: SlackCard) -> None:
        await self._gate.pass_by("publish_slack_card")


class HeldShop(FakeShop):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    @activity.defn
    async def save_order(self, order: OrderView) -> None:
        await self._gate.pass_by("save_order")

    @activity.defn
    async def send_order_mail(self, request: MailRequest) -> str:
        await self._gate.pass_by("send_order_mail")
        return "somebody@example.com"


class HeldAgency(FakeAgency):
    gate: Gate

    @activity.defn
    async def close_gate(self, wish: GateInput) -> int:
        await self.gate.pass_by("close_gate")
        return await super().close_gate(wish)

    @activity.defn
    async def count_recipients(self, campaign_id: str) -> Stock:
        await self.gate.pass_by("count_recipients")
        return await super().count_recipients(campaign_id)

    @activity.defn
    async def save_campaign(self, campaign: CampaignView) -> None:
        await self.gate.pass_by("save_campaign")
        await super().save_campaign(campaign)


async def until_it_rests(handle: WorkflowHandle[Any, Any], *held: str) -> None:
    """Until nothing is under way but these activities."""

    async def rests() -> bool:
        described = (await handle.describe()).raw_description
        under_way = {one.activity_type.name for one in described.pending_activities}
        return under_way == set(held) and not described.HasField("pending_workflow_task")

    await aeventually(rests, timeout=20)


async def meets_a_cold_worker(
    workflow: type,
    worker: Callable[[], Any],
    start: Callable[[Any], Awaitable[Any]],
    message: Callable[[Any], Awaitable[Any]],
    gate: Gate,
) -> None:
    async with worker() as place:
        process = await start(place)
        handle = process.handle
        await until_it_rests(handle, gate.held)
        gate.open()
        await until_it_rests(handle)
        place.handles.clear()  # it ends what it has started when it closes
    async with worker():
        await message(process)
        await until_it_rests(handle)
    history = await handle.fetch_history()
    with suppress(RPCError):  # it has ended by itself
        await handle.terminate()
    await build_replayer([workflow]).replay_workflow(history)


@pytest.fixture
async def env(temporal_server: DevServer) -> WorkflowEnvironment:
    client: Client = await connect()
    return WorkflowEnvironment.from_client(client)


@pytest.mark.parametrize("held", ["save_request", "send_approval_mail", "publish_slack_card"])
async def test_a_decision(env: WorkflowEnvironment, held: str) -> None:
    gate = Gate(held)

    @asynccontextmanager
    async def worker() -> AsyncIterator[Any]:
        async with open_bench(env, HeldOffice(gate)) as bench:
            yield bench

    await meets_a_cold_worker(
        ApprovalWorkflow,
        worker,
        lambda bench: bench.ask(slack=SlackMode.BUTTONS),
        lambda request: request.approve("manager", seen=1),
        gate,
    )


@pytest.mark.parametrize("held", ["save_order", "send_order_mail"])
async def test_an_item(env: WorkflowEnvironment, held: str) -> None:
    gate = Gate(held)

    @asynccontextmanager
    async def worker() -> AsyncIterator[Any]:
        async with open_desk(env, HeldShop(gate)) as desk:
            yield desk

    await meets_a_cold_worker(
        OrderWorkflow,
        worker,
        lambda desk: desk.place(("LAPTOP-001", 1)),
        lambda order: order.update("add_item", sku="MOUSE-001", quantity=1),
        gate,
    )


@pytest.mark.parametrize("held", ["close_gate", "save_campaign"])
async def test_the_end_of_a_campaign_that_was_stopped(env: WorkflowEnvironment, held: str) -> None:
    agency = HeldAgency()
    agency.gate = Gate(held)

    async def launch_and_stop(desk: Any) -> RunningCampaign:
        campaign: RunningCampaign = await desk.launch(starts_at=await desk.now() + timedelta(days=1))
        await campaign.handle.signal("stop", {"reason": "Wrong prices", "requested_by": "admin"})
        return campaign

    await meets_a_cold_worker(
        CampaignWorkflow,
        lambda: open_campaign_desk(env, agency),
        launch_and_stop,
        lambda campaign: campaign.act("cancel", reason="Wrong prices"),
        agency.gate,
    )


@pytest.mark.parametrize("act", ["set_rate", "pause"])
async def test_a_campaign_whose_shards_have_just_begun(env: WorkflowEnvironment, act: str) -> None:
    """Their starts are told by events that lead to nothing, as the end of an activity may."""
    agency = FakeAgency(audience=30, slow=asyncio.Event())
    async with open_campaign_desk(env, agency) as desk:
        campaign = await desk.launch()
        await campaign.until(lambda view: view.shards_running == 3)
        await until_it_rests(campaign.handle)
        desk.handles.clear()
    async with open_campaign_desk(env, agency):
        await campaign.act(act, **({"per_minute": 30_000} if act == "set_rate" else {}))
        history = await campaign.handle.fetch_history()
        await campaign.handle.terminate()
        agency.slow.set()
    await build_replayer([CampaignWorkflow]).replay_workflow(history)
