"""All that the web side does with Temporal: start, signal, query, update – by names, with deadlines and five errors.

Each coroutine may be awaited on any event loop; sync code says ``call(execute_update(...))``. Each ends within its
``timeout`` (seconds), also when the server is gone: the SDK itself would go on trying for ten seconds.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from temporal_worker.connection import aget_client, call, connect, forget_client, get_client, on_loop_thread
from temporal_worker.errors import (
    CallTimedOut,
    QueryFailed,
    RequestRefused,
    TemporalUnavailable,
    WorkflowAlreadyStarted,
    WorkflowCompleted,
    WorkflowNotFound,
    temporal_errors,
)

__all__ = [
    "CallTimedOut",
    "QueryFailed",
    "RequestRefused",
    "TemporalUnavailable",
    "WorkflowAlreadyStarted",
    "WorkflowCompleted",
    "WorkflowNotFound",
    "aget_client",
    "call",
    "connect",
    "execute_update",
    "forget_client",
    "get_client",
    "query",
    "signal",
    "start_workflow",
]

T = TypeVar("T")

UPDATES_IN_FLIGHT = 8
"""Updates in flight on one workflow from this process. The server takes 10 from all (history.maxInFlightUpdates)."""

# Only touched on the loop thread. A semaphore lives for as long as somebody holds or waits for it.
_slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()


async def execute_update(
    workflow_id: str,
    update: str,
    arg: Any,
    *,
    update_id: str,
    result_type: type[T] | None,
    timeout: float = 10.0,
) -> T:
    """Sends an update and waits for its outcome.

    ``update_id`` makes it safe to repeat: one id is executed once per run, and asking again – also after the workflow
    has ended – gives the stored outcome.

    Raises:
        ApplicationError: the workflow refused it (a validator) or its handler failed; with type, message and details.
        WorkflowNotFound, WorkflowCompleted, RequestRefused
        TemporalUnavailable: no server, no worker or no answer within ``timeout``; the outcome is unknown.
    """

    async def ask() -> T:
        async with _calling(workflow_id, timeout) as handle, _slot(workflow_id):
            return await _ask_until_there_is_room(handle, update, arg, update_id, result_type, timeout)

    return await on_loop_thread(ask())


async def query(
    workflow_id: str,
    query: str,
    arg: Any = None,
    *,
    result_type: type[T] | None,
    timeout: float = 1.5,
    only_open: bool = False,
) -> T:
    """Asks a workflow, open or closed, for its state. ``arg`` is left out of the message when it is None.

    Raises:
        QueryFailed, WorkflowNotFound, RequestRefused
        WorkflowCompleted: it has ended, and ``only_open`` says that one that has ended has no say any more.
        TemporalUnavailable: no server or no worker within ``timeout``.
    """

    async def ask() -> T:
        async with _calling(workflow_id, timeout) as handle:
            return await handle.query(
                query,
                args=[] if arg is None else [arg],
                result_type=result_type,
                reject_condition=QueryRejectCondition.NOT_OPEN if only_open else None,
                rpc_timeout=timedelta(seconds=timeout),
            )

    return await on_loop_thread(ask())


async def signal(workflow_id: str, signal: str, arg: Any, timeout: float = 5.0) -> None:
    """Sends a signal. Each call is a signal of its own: put an idempotency key into ``arg`` before repeating one.

    Raises:
        WorkflowNotFound, WorkflowCompleted, RequestRefused
        TemporalUnavailable: the signal may or may not have been taken.
    """

    async def send() -> None:
        async with _calling(workflow_id, timeout) as handle:
            await handle.signal(signal, arg, rpc_timeout=timedelta(seconds=timeout))

    await on_loop_thread(send())


async def start_workflow(
    workflow: str,
    arg: Any,
    *,
    id: str,
    task_queue: str,
    id_reuse_policy: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
    id_conflict_policy: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
    start_signal: str | None = None,
    start_signal_args: Sequence[Any] | None = None,
    memo: dict[str, Any] | None = None,
    static_summary: str | None = None,
    static_details: str | None = None,
    timeout: float = 5.0,
) -> str:
    """Starts a workflow and returns its run id. ``REJECT_DUPLICATE`` holds for as long as the namespace's retention.

    By default an open workflow of this id is an error; with a ``start_signal`` it gets the signal instead.

    Raises:
        WorkflowAlreadyStarted, RequestRefused
        TemporalUnavailable: the workflow may or may not have been started; the same id makes it safe to repeat.
    """

    async def start() -> str:
        async with deadline(id, timeout) as client:
            handle = await client.start_workflow(
                workflow,
                arg,
                id=id,
                task_queue=task_queue,
                id_reuse_policy=id_reuse_policy,
                id_conflict_policy=id_conflict_policy,
                start_signal=start_signal,
                start_signal_args=start_signal_args or [],
                memo=memo,
                static_summary=static_summary,
                static_details=static_details,
                rpc_timeout=timedelta(seconds=timeout),
            )
            return handle.result_run_id or ""

    return await on_loop_thread(start())


@asynccontextmanager
async def deadline(workflow_id: str, timeout: float) -> AsyncIterator[Client]:
    """The client, a deadline over everything (connecting, waiting for a slot, the SDK's retries), and our errors."""
    try:
        async with asyncio.timeout(timeout):
            client = await aget_client()
            with temporal_errors(workflow_id):
                yield client
    except TimeoutError as error:
        raise CallTimedOut(f"No answer from Temporal or from the workflow's worker within {timeout:g} s.") from error


@asynccontextmanager
async def _calling(workflow_id: str, timeout: float) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    async with deadline(workflow_id, timeout) as client:
        yield client.get_workflow_handle(workflow_id)


@asynccontextmanager
async def _slot(workflow_id: str) -> AsyncIterator[None]:
    semaphore = _slots.get(workflow_id)
    if semaphore is None:
        semaphore = _slots[workflow_id] = asyncio.Semaphore(UPDATES_IN_FLIGHT)
    async with semaphore:
        yield


async def _ask_until_there_is_room(
    handle: WorkflowHandle[Any, Any],
    update: str,
    arg: Any,
    update_id: str,
    result_type: type[T] | None,
    timeout: float,
) -> T:
    rpc_timeout = timedelta(seconds=timeout)
    delay = 0.05
    while True:
        try:
            return await handle.execute_update(
                update, arg, id=update_id, result_type=result_type, rpc_timeout=rpc_timeout
            )
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND and "already completed" in error.message:
                return await _stored_outcome(handle, update_id, result_type, rpc_timeout, error)
            if _met_an_ending_run(error):
                # Asked again under this id, the server says "aborted" for ever where no run follows.
                if await _has_ended(handle, rpc_timeout):
                    raise WorkflowCompleted(handle.id) from error
            elif error.status != RPCStatusCode.RESOURCE_EXHAUSTED:
                raise
            # Other processes have their updates in flight too. Jitter keeps the repeats from meeting again.
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311
            delay = min(delay * 2, 1.0)


def _met_an_ending_run(error: RPCError) -> bool:
    """The update came just as the run ended or continued as new; under the same id the next run takes it, or says so."""
    was_refused = error.status == RPCStatusCode.FAILED_PRECONDITION and "workflow task failure" in error.message
    was_aborted = error.status == RPCStatusCode.NOT_FOUND and "aborted by closing workflow" in error.message
    return was_refused or was_aborted


async def _has_ended(handle: WorkflowHandle[Any, Any], rpc_timeout: timedelta) -> bool:
    """Whether the newest run is closed. One that continues as new is followed at once: the server knows both or none."""
    status = (await handle.describe(rpc_timeout=rpc_timeout)).status
    return status not in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


async def _stored_outcome(
    handle: WorkflowHandle[Any, Any],
    update_id: str,
    result_type: type[T] | None,
    rpc_timeout: timedelta,
    completed: RPCError,
) -> T:
    """What an ended workflow answered to this update id, or the server's "already completed" if it never saw it."""
    known = handle.get_update_handle(update_id, result_type=result_type)
    try:
        return await known.result(rpc_timeout=rpc_timeout)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise completed from None
        raise
