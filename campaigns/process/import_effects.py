"""An import's side of its activities: name, time-outs, retry policy and result type, each in one place."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from campaigns.contract import By, GreetInput, ImportStage, ImportView, StageRequest, StageResult, TidyInput

# Our own database: it comes back, so it is tried until it does.
DATABASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)),
}
# The work on a file: minutes perhaps, begun again where it stopped when its worker dies. A day of failures ends the import,
# and it says so: nobody should find one that has been trying for a month.
STAGE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(hours=6),
    "schedule_to_close_timeout": timedelta(hours=24),
    "heartbeat_timeout": timedelta(seconds=6),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=60)),
    # Until the work has stopped: rows that it still wrote would be left behind.
    "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}
TIDY: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=30),
    "heartbeat_timeout": timedelta(seconds=30),
    "retry_policy": DATABASE["retry_policy"],
}

_WORK = {
    ImportStage.VALIDATE: "validate_import",
    ImportStage.TRANSFORM: "transform_import",
    ImportStage.FINALISE: "finalise_import",
}


def start_work(request: StageRequest) -> workflow.ActivityHandle[StageResult]:
    """Begin the work of a stage; the handle cancels it."""
    name = _WORK[ImportStage(request.stage)]
    return workflow.start_activity(
        name, request, result_type=StageResult, summary=f"{request.stage} {request.name}", **STAGE
    )


async def tidy(import_id: str, location: str, *, keep_problems: bool) -> None:
    summary = "Forget the file"
    await workflow.execute_activity(
        "tidy_import", TidyInput(import_id, location, keep_problems), summary=summary, **TIDY
    )


async def greet_new(import_id: str, by: By) -> int:
    """Begin the welcomes of the contacts that were not there before; returns how many."""
    return await workflow.execute_activity(
        "greet_new_contacts", GreetInput(import_id, by), result_type=int, summary="Greet who is new", **STAGE
    )


async def save_import(view: ImportView) -> None:
    await workflow.execute_activity("save_import", view, summary=f"Save version {view.version}", **DATABASE)
