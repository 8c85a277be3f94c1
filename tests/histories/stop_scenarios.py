"""The stop of everything, whose histories are recorded: one that has ended, one that still waits for an answer, and one that
has held what was just starting."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from campaigns.contract import TASK_QUEUE, StopReport, campaign_workflow_id
from tests.eventually import aeventually
from tests.histories.campaign_scenarios import Process, place
from tests.workflows.agency import CampaignDesk, FakeAgency

__all__ = ["SCENARIOS", "place"]


async def stopped(desk: CampaignDesk, agency: FakeAgency) -> object:
    over = await desk.launch()
    await over.result()
    waiting = [await desk.launch(starts_at=await desk.now() + timedelta(days=1)) for _ in range(2)]
    agency.running = [each.handle.id for each in (*waiting, over)]
    handle = await _press(desk, "STOP-1")
    await handle.result()
    return Process(handle)


async def stopping(desk: CampaignDesk, agency: FakeAgency) -> object:
    waiting = await desk.launch(starts_at=await desk.now() + timedelta(days=1))
    silent = "stop-everything-STOP-2"  # itself, which has no answer to a stop
    agency.running = [waiting.handle.id, silent]
    handle = await _press(desk, "STOP-2")

    async def waits_for_one() -> bool:
        report = await handle.query("get_report", result_type=StopReport)
        return [str(entry.state) for entry in report.entries] == ["stopped", "told"]

    await aeventually(waits_for_one, timeout=10)
    return Process(handle)


async def held(desk: CampaignDesk, agency: FakeAgency) -> object:
    launched, due = desk.launched(), desk.launched(planned_at=await desk.now())
    agency.starting = {campaign_workflow_id(launched.mailing.campaign_id): launched}
    agency.comes_meanwhile = {campaign_workflow_id(due.mailing.campaign_id): due}
    agency.running = list(agency.starting)
    handle = await _press(desk, "STOP-3")
    await handle.result()
    return Process(handle)


async def _press(desk: CampaignDesk, stop_id: str) -> WorkflowHandle[Any, Any]:
    stop = {"stop_id": stop_id, "reason": "Wrong prices", "by": {"username": "admin", "door": "web"}}
    return await desk.env.client.start_workflow(
        "StopEverythingWorkflow", stop, id=f"stop-everything-{stop_id}", task_queue=TASK_QUEUE
    )


SCENARIOS: list[Callable[..., Awaitable[object]]] = [stopped, stopping, held]
