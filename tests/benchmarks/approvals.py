"""The approval area against the bare SDK: one decision through the whole stack."""

import asyncio
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle

from approvals.contract import (
    TASK_QUEUE,
    WORKFLOW_TYPE,
    ApprovalInput,
    ApprovalView,
    By,
    LevelRule,
    MailMode,
    PolicyLevel,
    PolicySnapshot,
    Seat,
    approval_workflow_id,
)
from tests.benchmarks.figures import Figure, at_most, percentile
from tests.soak.desk import Desk
from tests.stack import Stack

SAMPLES = 100
PER_BATCH = 20

_numbers = count()


async def measure(stack: Stack) -> list[Figure]:
    client = await stack.temporal_client()
    async with await Desk.of(stack.base_url, "manager") as desk:
        stacked, bare = await _deciding(desk, client)
    name = "a decision, whole stack : SDK"
    return [
        at_most(f"{name}, p50", percentile(stacked, 50), "ms", 1.7, percentile(bare, 50)),
        at_most(f"{name}, p95", percentile(stacked, 95), "ms", 2.2, percentile(bare, 95)),
    ]


async def _deciding(desk: Desk, client: Client) -> tuple[list[float], list[float]]:
    """The same decision on requests of the same age, turn by turn, so that noise meets both alike. In ms."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(SAMPLES // PER_BATCH):
        requests = [await _asked(client) for _ in range(2 * (PER_BATCH + 1))]
        await asyncio.sleep(1)  # their rows are saved
        for number in range(PER_BATCH + 1):
            for side, taken in enumerate(times):
                request = requests.pop()
                start = time.perf_counter()
                await (_by_the_sdk(request) if side else _through_the_stack(desk, request))
                if number:  # the first ones warm both sides up
                    taken.append((time.perf_counter() - start) * 1000)
                await asyncio.sleep(0.15)  # what follows from the one must not run into the other's time
    return times


async def _through_the_stack(desk: Desk, request: WorkflowHandle[Any, Any]) -> None:
    request_id = request.id.removeprefix("approval-")
    fields = {
        "decision": "approve",
        "place": "row",
        "comment": "",
        "state_version": "1",
        "idempotency_key": str(uuid4()),
    }
    answer = await desk.post(f"/approvals/{request_id}/decision/", fields, fragment=True)
    assert answer.status_code == 200, answer.text


async def _by_the_sdk(request: WorkflowHandle[Any, Any]) -> None:
    decision = {"approved": True, "comment": "", "state_version": 1, "by": {"username": "manager", "door": "web"}}
    await request.execute_update("submit_decision", decision, result_type=ApprovalView)


async def _asked(client: Client) -> WorkflowHandle[Any, Any]:
    """A request with one level of two, so that a decision leaves it running on both sides."""
    request_id = f"REQ-{datetime.now(UTC):%Y%m%d-%H%M%S}-{next(_numbers):04x}"
    level = PolicyLevel("Manager", [Seat("manager"), Seat("director")], rule=LevelRule.ALL)
    request = ApprovalInput(
        request_id=request_id,
        kind="leave",
        title="Two weeks in May",
        requester="employee",
        policy=PolicySnapshot("1", "Leave", 1, [level], mail=MailMode.OFF),
        names={"employee": "Emil Novak", "manager": "Marta Kovács", "director": "Daniel Osei"},
        by=By("employee", "web"),
    )
    handle = await client.start_workflow(
        WORKFLOW_TYPE, request, id=approval_workflow_id(request_id), task_queue=TASK_QUEUE
    )
    await handle.query("get_audit_trail")
    return handle
