"""Asking somebody's actor for a message, and giving a grant back: by one Temporal client, the worker's or the web side's."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from campaigns.contract import (
    SEND_REFUSED,
    TASK_QUEUE,
    USER_ACTOR_WORKFLOW_TYPE,
    ActorView,
    ReleaseInput,
    SendDecision,
    SendGrant,
    SendRequest,
    UserActorInput,
    user_actor_workflow_id,
)
from temporal_worker.errors import CallTimedOut, WorkflowCompleted, WorkflowNotFound, temporal_errors
from temporal_worker.links import page_link
from temporal_worker.snapshots import from_json

ANSWER_WITHIN = 10.0
"""Seconds within which an actor has answered, or is out of reach."""
_BUSY = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.ABORTED)
"""Too many updates in flight on this actor, or it was just continuing as new: under the same id it may be asked again."""

log = structlog.get_logger(__name__)
T = TypeVar("T")
Seed = Callable[[], Awaitable[UserActorInput]]


async def request_send(
    client: Client,
    user_id: str,
    request: SendRequest,
    seed: Seed,
    *,
    is_new: bool = False,
    timeout: float | None = None,
) -> SendGrant | SendDecision:
    """One ``request_send``, whose update id is the grant id: the grant, or the decision that refuses it.

    An actor that does not run is started with it, from ``seed``, which reads the send log; so it is asked plainly first,
    unless ``is_new`` says that there is none to be expected. ``timeout``, in seconds, is ``ANSWER_WITHIN`` when it is left out.

    Raises:
        TemporalUnavailable: no answer in time; ask again with the same grant id
        ApplicationError: the actor cannot make sense of the request
    """
    workflow_id, within = user_actor_workflow_id(user_id), ANSWER_WITHIN if timeout is None else timeout

    async def ask_running() -> SendGrant:
        handle = client.get_workflow_handle(workflow_id)
        return await handle.execute_update(
            "request_send", request, id=request.grant_id, result_type=SendGrant, rpc_timeout=timedelta(seconds=within)
        )

    async def ask_or_start() -> SendGrant:
        return await _update_with_start(
            client, user_id, "request_send", request, await seed(), request.grant_id, SendGrant, within
        )

    try:
        if not is_new:
            try:
                return await _until_there_is_room(ask_running, workflow_id, within)
            except (WorkflowNotFound, WorkflowCompleted):
                pass
        return await _until_there_is_room(ask_or_start, workflow_id, within)
    except ApplicationError as refusal:
        if refusal.type != SEND_REFUSED:
            raise
        return decision_of(refusal)


async def update_or_start(
    client: Client, user_id: str, update: str, message: Any, seed: UserActorInput, *, update_id: str
) -> ActorView:
    """A setting, which starts the actor if none runs. Raises as :func:`request_send` does."""

    async def set_it() -> ActorView:
        return await _update_with_start(client, user_id, update, message, seed, update_id, ActorView)

    return await _until_there_is_room(set_it, user_actor_workflow_id(user_id), ANSWER_WITHIN)


async def _update_with_start(
    client: Client,
    user_id: str,
    update: str,
    message: Any,
    seed: UserActorInput,
    update_id: str,
    result_type: type[T],
    timeout: float = ANSWER_WITHIN,
) -> T:
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        USER_ACTOR_WORKFLOW_TYPE,
        seed,
        id=user_actor_workflow_id(user_id),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"Messages to {user_id}",
        static_details=page_link(f"/campaigns/users/{user_id}/"),
    )
    try:
        answer: T = await client.execute_update_with_start_workflow(
            update,
            message,
            start_workflow_operation=start,
            id=update_id,
            result_type=result_type,
            rpc_timeout=timedelta(seconds=timeout),
        )
    except BaseException:
        # The SDK tells the operation's handle too. Nobody waits for it, and asyncio would write a traceback about that.
        asyncio.ensure_future(start.workflow_handle()).add_done_callback(_hear)
        raise
    return answer


def _hear(told: "asyncio.Future[Any]") -> None:
    if not told.cancelled():
        told.exception()


async def release(client: Client, user_id: str, grant_id: str, reason: str) -> None:
    """Give a grant back: its message has definitely not gone out. Nothing when no actor runs: one that starts later begins
    from the send log. Raises TemporalUnavailable."""
    workflow_id, timeout = user_actor_workflow_id(user_id), ANSWER_WITHIN

    async def give_back() -> ActorView:
        handle = client.get_workflow_handle(workflow_id)
        return await handle.execute_update(
            "release_send",
            ReleaseInput(grant_id, reason[:500]),
            id=f"release:{grant_id}",
            result_type=ActorView,
            rpc_timeout=timedelta(seconds=timeout),
        )

    for number in range(1, 4):
        try:
            await _until_there_is_room(give_back, workflow_id, timeout)
        except (WorkflowNotFound, WorkflowCompleted) as problem:
            # A run that is just ending says so too, though the next one goes on: only after a moment it is believed.
            log.info("no_actor_to_give_back_to", grant_id=grant_id, problem=str(problem))
            await asyncio.sleep(0.1 * number)
        else:
            return


def decision_of(refusal: ApplicationError) -> SendDecision:
    """The decision in the details of a refused ``request_send``."""
    return from_json(SendDecision, refusal.details[0])


async def _until_there_is_room(ask: Callable[[], Awaitable[T]], workflow_id: str, timeout: float) -> T:
    """Raises what :func:`temporal_worker.errors.temporal_errors` does."""
    delay = 0.02
    try:
        async with asyncio.timeout(timeout):
            while True:
                with temporal_errors(workflow_id):
                    try:
                        return await ask()
                    except RPCError as error:
                        if error.status not in _BUSY:
                            raise
                # Others have their updates in flight too. Jitter keeps the repeats from meeting again.
                await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311
                delay = min(delay * 2, 0.5)
    except TimeoutError as error:
        raise CallTimedOut(f"The actor {workflow_id} did not answer within {timeout:g} s.") from error
