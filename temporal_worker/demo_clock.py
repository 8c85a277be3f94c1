"""Putting the clock of one workflow forward, in the demo: a day's wait is seen to end in a second.

The server skips the time of a single workflow when its ``time_skipping_config`` is changed; the SDK wraps that in
``temporalio.testing._timeskipping.TimeSkipper``, experimental and private. This module sends the same two calls itself – they are
part of the public API's protocol – so that an SDK that moves its helper breaks nothing, and so that each has a deadline.
The server must have been started with ``frontend.WorkflowTimeSkippingEnabled`` (:mod:`temporal_worker.devserver`).
"""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import FastForwardConfig, TimeSkippingConfig, WorkflowExecution
from temporalio.api.enums.v1.time_skipping_pb2 import FastForwardPollingResult
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionTimeSkippingRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client

from temporal_worker.connection import aget_client, on_loop_thread
from temporal_worker.errors import CallTimedOut, temporal_errors
from temporal_worker.inspection import describe

PAST = timedelta(seconds=1)
"""How far past the moment the clock is put: what waits for it sees that it has come."""
_DONE = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED
_FAILED = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_FAILED


async def clock_of(workflow_id: str) -> datetime:
    """What time it is for a workflow: everybody's, unless its own was put forward. Raises what describing it raises."""
    extended = (await describe(workflow_id)).workflow_extended_info
    if extended.HasField("time_skipping_info"):
        return extended.time_skipping_info.current_time.ToDatetime(UTC)
    return datetime.now(UTC)


async def fast_forward(workflow_id: str, until: datetime, *, timeout: float = 5.0) -> bool:
    """Puts the workflow's clock just past ``until``; nothing else's, its children's neither. False if it is there already.

    Returns when the clock stands there, and at the latest after ``timeout`` seconds: time is skipped only while the workflow
    has nothing to do, so a running activity holds it up.

    Raises:
        WorkflowNotFound, WorkflowCompleted, RequestRefused
        TemporalUnavailable
    """
    length = until + PAST - await clock_of(workflow_id)
    if length <= PAST:
        return False
    await on_loop_thread(_skip(workflow_id, length, timeout))
    return True


async def _skip(workflow_id: str, length: timedelta, timeout: float) -> None:
    number = str(uuid.uuid4())
    try:
        async with asyncio.timeout(timeout):
            client = await aget_client()
            with temporal_errors(workflow_id):
                await client.workflow_service.update_workflow_execution_options(
                    _change(client, workflow_id, length, number), timeout=timedelta(seconds=timeout)
                )
                await _until_it_is_there(client, workflow_id, number)
    except TimeoutError:
        return
    except CallTimedOut:
        return


def _change(client: Client, workflow_id: str, length: timedelta, number: str) -> UpdateWorkflowExecutionOptionsRequest:
    skipping = TimeSkippingConfig(
        enabled=True, disable_propagation=True, fast_forward_config=FastForwardConfig(id=number)
    )
    skipping.fast_forward_config.duration.FromTimedelta(length)
    return UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=skipping),
        update_mask=FieldMask(paths=["time_skipping_config"]),
        identity=client.identity,
    )


async def _until_it_is_there(client: Client, workflow_id: str, number: str) -> None:
    request = PollWorkflowExecutionTimeSkippingRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        fast_forward_id=number,
    )
    while True:
        answer = await client.workflow_service.poll_workflow_execution_time_skipping(request)
        if answer.fast_forward_polling_result in (_DONE, _FAILED):
            return
