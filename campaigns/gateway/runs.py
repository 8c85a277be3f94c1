"""The runs of one actor, as the server lists them: which there were, and how each of them ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from campaigns.contract import user_actor_workflow_id
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable
from temporal_worker.connection import on_loop_thread
from temporal_worker.errors import RequestRefused, temporal_errors

MOST = 20
TIMEOUT = 1.5


@dataclass(frozen=True)
class Run:
    """``reason``: ``open``, ``continued`` (as new), ``terminated``, ``completed``, ``failed``, ``canceled``, ``timed_out``."""

    run_id: str
    started_at: datetime | None
    closed_at: datetime | None
    events: int
    reason: str

    @property
    def is_open(self) -> bool:
        return self.reason == "open"


_REASONS = {
    WorkflowExecutionStatus.RUNNING: "open",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "continued",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "canceled",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}


async def aruns_of(user_id: str) -> list[Run]:
    """The newest runs of an actor, the newest first; none when the server's list cannot be had. Never an error: what the
    list says is beside the point of whoever reads an actor."""
    workflow_id = user_actor_workflow_id(user_id)

    async def listed() -> list[Run]:
        temporal = await client.aget_client()
        with temporal_errors(workflow_id):
            found = temporal.list_workflows(
                f"WorkflowId = '{workflow_id}'", limit=MOST, rpc_timeout=timedelta(seconds=TIMEOUT)
            )
            return sorted([_to_run(one) async for one in found], key=_started, reverse=True)

    try:
        return await on_loop_thread(listed())
    except (TemporalUnavailable, RequestRefused):
        return []


def runs_of(user_id: str) -> list[Run]:
    """The same for sync code."""
    try:
        return client.call(aruns_of(user_id), timeout=TIMEOUT + 1)
    except TemporalUnavailable:
        return []


def _to_run(one: WorkflowExecution) -> Run:
    reason = _REASONS.get(one.status, "open") if one.status is not None else "open"
    return Run(one.run_id, one.start_time, one.close_time, one.history_length, reason)


def _started(run: Run) -> float:
    return run.started_at.timestamp() if run.started_at else 0.0
