"""Temporal itself tells which workflows' tasks fail: tried on a real server."""

import asyncio

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from dashboard.home.machinery import look_for_failing
from temporal_worker.devserver import DevServer
from tests.eventually import aeventually


@workflow.defn
class BrokenWorkflow:
    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("broken")


class TestLookForFailing:
    async def test_finds_a_workflow_whose_code_breaks_until_it_is_gone(self, temporal_server: DevServer) -> None:
        temporal = await Client.connect(temporal_server.address)
        queue, runner = "failing", UnsandboxedWorkflowRunner()
        async with Worker(temporal, task_queue=queue, workflows=[BrokenWorkflow], workflow_runner=runner):
            handle = await temporal.start_workflow(BrokenWorkflow.run, id="order-broken", task_queue=queue)
            await aeventually(lambda: _is_found(handle.id, queue), timeout=120, every=2)
            await handle.terminate()
            await aeventually(lambda: _is_gone(handle.id, queue), timeout=20, every=1)


async def _found() -> set[tuple[str, str]]:
    return {(one.workflow_id, one.queue) for one in await asyncio.to_thread(look_for_failing)}


async def _is_found(workflow_id: str, queue: str) -> bool:
    return (workflow_id, queue) in await _found()


async def _is_gone(workflow_id: str, queue: str) -> bool:
    return (workflow_id, queue) not in await _found()
