"""What the server itself knows of a workflow: its description, its runs, its history, its call stack. For engineers' eyes.

Each coroutine ends within its ``timeout`` (seconds) and raises what :mod:`temporal_worker.errors` names. Nothing here
decides what may be shown: histories hold payloads.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionStatus

from temporal_worker.client import deadline
from temporal_worker.connection import on_loop_thread

PAGE = 1_000
"""Events of one answer of the server."""
MOST_RUNS = 20


@dataclass(frozen=True)
class Run:
    """``status`` in the server's words: ``running``, ``continued as new``, ``completed`` …"""

    run_id: str
    status: str
    started_at: datetime | None
    closed_at: datetime | None
    events: int


@dataclass(frozen=True)
class Events:
    """``is_whole`` is false when there were more than was asked for."""

    events: list[HistoryEvent]
    is_whole: bool


async def describe(workflow_id: str, run_id: str = "", *, timeout: float = 2.0) -> DescribeWorkflowExecutionResponse:
    """The newest run, or the one named."""

    async def ask() -> DescribeWorkflowExecutionResponse:
        async with deadline(workflow_id, timeout) as client:
            handle = client.get_workflow_handle(workflow_id, run_id=run_id or None)
            description = await handle.describe(rpc_timeout=timedelta(seconds=timeout))
            return description.raw_description

    return await on_loop_thread(ask())


async def read_events(workflow_id: str, run_id: str, *, most: int, timeout: float = 5.0) -> Events:
    """The history of one run, the oldest event first; no more than ``most``."""

    async def read() -> Events:
        events: list[HistoryEvent] = []
        async with deadline(workflow_id, timeout) as client:
            handle = client.get_workflow_handle(workflow_id, run_id=run_id)
            async for event in handle.fetch_history_events(page_size=PAGE, rpc_timeout=timedelta(seconds=timeout)):
                if len(events) == most:
                    return Events(events, is_whole=False)
                events.append(event)
        return Events(events, is_whole=True)

    return await on_loop_thread(read())


async def list_runs(workflow_id: str, *, timeout: float = 1.5) -> list[Run]:
    """The newest runs, the newest first. The server's list is a moment behind."""

    async def listed() -> list[Run]:
        quoted = workflow_id.replace("\\", "\\\\").replace("'", "\\'")
        async with deadline(workflow_id, timeout) as client:
            found = client.list_workflows(
                f"WorkflowId = '{quoted}'", limit=MOST_RUNS, rpc_timeout=timedelta(seconds=timeout)
            )
            runs = [
                Run(one.run_id, status_word(one.status), one.start_time, one.close_time, one.history_length)
                async for one in found
            ]
        return sorted(runs, key=lambda run: run.started_at.timestamp() if run.started_at else 0.0, reverse=True)

    return await on_loop_thread(listed())


async def stack_trace(workflow_id: str, run_id: str = "", *, timeout: float = 2.0) -> str:
    """Where the workflow's code waits, from a worker that has it. Raises QueryFailed too."""

    async def ask() -> str:
        async with deadline(workflow_id, timeout) as client:
            handle = client.get_workflow_handle(workflow_id, run_id=run_id or None)
            answer: str = await handle.query("__stack_trace", result_type=str, rpc_timeout=timedelta(seconds=timeout))
            return answer

    return await on_loop_thread(ask())


def status_word(status: WorkflowExecutionStatus | None) -> str:
    return status.name.lower().replace("_", " ") if status else "unknown"
