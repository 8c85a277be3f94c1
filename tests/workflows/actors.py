"""User actors on a Temporal server, and a client that talks to them as a campaign does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import (
    SEND_REFUSED,
    TASK_QUEUE,
    ActorView,
    CapPolicy,
    Said,
    SendDecision,
    SendGrant,
    SendRequest,
    UserActorInput,
    user_actor_workflow_id,
)
from campaigns.user_actor import UserActorWorkflow
from temporal_worker.registry import AreaWorker
from temporal_worker.testing import running_worker

_numbers = count(1)
THREE_A_DAY = CapPolicy(version=1, max_per_day=3)


class Refused(Exception):
    """A ``request_send`` that was refused, with its decision."""

    def __init__(self, decision: SendDecision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


class FakeRows:
    """Where actors have written down what others say. While ``away``, they have to try again."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.away = False

    def of(self, actor: "Actor") -> list[Said]:
        return [said for said in self.said if said.user_id == actor.start.user_id]

    @activity.defn
    async def write_down(self, said: Said) -> None:
        if self.away:
            raise RuntimeError("The database is away.")
        self.said.append(said)


class Actors:
    def __init__(self, client: Client, env: WorkflowEnvironment | None = None) -> None:
        self.client, self.env = client, env
        self.rows = FakeRows()
        self.handles: list[WorkflowHandle[Any, Any]] = []

    async def start(self, **start: Any) -> "Actor":
        """A new actor, started as such."""
        actor = self.of(**start)
        await self.client.start_workflow(
            UserActorWorkflow.run, actor.start, id=actor.workflow_id, task_queue=TASK_QUEUE
        )
        return actor

    def of(self, **start: Any) -> "Actor":
        """A new person, whose actor the first request will start."""
        actor = Actor(self, UserActorInput(f"USER-{next(_numbers):03}", **start))
        self.handles.append(actor.handle)
        return actor

    async def skip(self, span: timedelta) -> None:
        assert self.env is not None
        await self.env.sleep(span)

    async def close(self) -> None:
        """No actor outlives its test."""
        for handle in self.handles:
            with suppress(RPCError):
                await handle.terminate()


class Actor:
    def __init__(self, actors: Actors, start: UserActorInput) -> None:
        self.actors, self.start = actors, start
        self.workflow_id = user_actor_workflow_id(start.user_id)
        self.asked = count(1)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.actors.client.get_workflow_handle(self.workflow_id)

    def request(self, grant_id: str = "", **more: Any) -> SendRequest:
        fields: dict[str, Any] = {
            "grant_id": grant_id or f"C{next(self.asked)}:1:{self.start.user_id}",
            "campaign_id": "CMP-1",
            "channel": "email",
            "category": "marketing",
            "policy": THREE_A_DAY,
        }
        return SendRequest(**{**fields, **more})

    async def ask(self, grant_id: str = "", *, update_id: str = "", starting: bool = False, **more: Any) -> SendGrant:
        """Asks for one message, again when the request meets a run's end – under the same id, as campaigns do.

        ``update_id`` is the grant id unless it is told. ``starting`` starts the actor by it, as campaigns do.

        Raises:
            Refused
        """
        request = self.request(grant_id, **more)
        details: dict[str, Any] = {"id": update_id or request.grant_id, "result_type": SendGrant}
        try:
            if starting:
                return await self._start_with(request, details)
            return await self.update("request_send", request, **details)
        except WorkflowUpdateFailedError as error:
            cause = cast(ApplicationError, error.cause)
            if cause.type != SEND_REFUSED:
                raise
            raise Refused(value_to_type(SendDecision, cause.details[0])) from None

    async def _start_with(self, request: SendRequest, details: dict[str, Any]) -> SendGrant:
        start = WithStartWorkflowOperation(
            UserActorWorkflow.run,
            self.start,
            id=self.workflow_id,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        return await self.actors.client.execute_update_with_start_workflow(
            "request_send", request, start_workflow_operation=start, **details
        )

    async def refusal(self, grant_id: str = "", **more: Any) -> SendDecision:
        """The decision of a request that has to be refused."""
        try:
            grant = await self.ask(grant_id, **more)
        except Refused as refused:
            return refused.decision
        raise AssertionError(f"{grant} was not refused")

    async def update(self, name: str, message: Any, **more: Any) -> Any:
        """An update that is asked again, under the same id, when it comes just as a run continues as new."""
        more = {"id": str(uuid4()), "result_type": ActorView, **more}
        while True:
            try:
                return await self.handle.execute_update(name, message, **more)
            except RPCError as error:
                met_an_end = "aborted by closing workflow" in error.message
                if error.status != RPCStatusCode.FAILED_PRECONDITION and not met_an_end:
                    raise

    async def release(self, grant_id: str, reason: str = "refused by the mail server") -> ActorView:
        return await self.update("release_send", {"grant_id": grant_id, "reason": reason})

    async def prefer(self, **wish: Any) -> ActorView:
        return await self.update("set_preferences", {"by": {"username": "ann", "door": "web"}, **wish})

    async def cap(self, **rules: Any) -> ActorView:
        return await self.update("set_frequency_cap", rules)

    async def signal(self, name: str, **message: Any) -> None:
        """Until it is handled: the time-skipping server may hand a message that comes later to the worker first."""
        await self.handle.signal(name, message)
        await self.view()

    async def can_send(self, grant_id: str = "", **more: Any) -> SendDecision:
        return await self.handle.query("can_send", self.request(grant_id, **more), result_type=SendDecision)

    async def view(self) -> ActorView:
        return await self.handle.query("get_state", result_type=ActorView)

    async def run_id(self) -> str:
        return (await self.handle.describe()).run_id or ""

    async def history_length(self) -> int:
        return (await self.handle.describe()).history_length


def grant_ids(view: ActorView) -> list[str]:
    return [send.grant_id for send in view.sends_in_window]


def at(decision: SendDecision) -> datetime:
    assert decision.at is not None
    return decision.at


@asynccontextmanager
async def open_actors(client: Client, env: WorkflowEnvironment | None = None, **worker: Any) -> AsyncIterator[Actors]:
    actors = Actors(client, env)
    async with running_worker(client, AreaWorker(TASK_QUEUE, [UserActorWorkflow], [actors.rows.write_down]), **worker):
        yield actors
        await actors.close()
