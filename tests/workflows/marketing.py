"""A marketing office in memory that answers the activities of welcomes and imports: it behaves, and a test sets how."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, cast

from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from campaigns.audience_import import AudienceImportWorkflow
from campaigns.contract import (
    FILE_PROBLEM,
    TASK_QUEUE,
    ContactDetails,
    ContactWishes,
    GreetingRequest,
    GreetingResult,
    GreetInput,
    ImportInput,
    ImportView,
    StageRequest,
    StageResult,
    TidyInput,
    WelcomeInput,
    import_workflow_id,
    welcome_workflow_id,
)
from campaigns.welcome import WelcomeWorkflow
from temporal_worker.registry import AreaWorker
from temporal_worker.testing import running_worker

_numbers = count(1)


@dataclass
class FakeMarketing:
    """What the activities were asked, and what they answer."""

    # Welcomes
    details: ContactDetails = field(default_factory=lambda: ContactDetails(True, "de-AT", "Europe/Vienna", ["email"]))
    wishes: ContactWishes = field(default_factory=ContactWishes)
    answers: list[GreetingResult] = field(default_factory=list)
    """What the next greetings come to; after them, each is sent."""
    greetings: list[tuple[GreetingRequest, datetime]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    # Imports
    rows: int = 1_200
    rejected: int = 3
    file_problem: str = ""
    dies_after: dict[str, int] = field(default_factory=dict)
    """Stage → how many rows its first attempt does before it fails."""
    stands_still: set[str] = field(default_factory=set)
    """Stages that do nothing until they are cancelled."""
    applied: set[int] = field(default_factory=set)
    began: list[tuple[str, int]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    greeted: list[GreetInput] = field(default_factory=list)
    greeting_problem: str = ""
    tidied: list[TidyInput] = field(default_factory=list)
    saved: dict[str, ImportView] = field(default_factory=dict)

    def activities(self) -> list[Any]:
        names = (name for name in dir(type(self)) if hasattr(getattr(self, name), "__temporal_activity_definition"))
        return [getattr(self, name) for name in names]

    @activity.defn
    async def fetch_contact_details(self, user_id: str) -> ContactDetails:
        self.looked.append("details")
        return self.details

    @activity.defn
    async def fetch_contact_wishes(self, user_id: str) -> ContactWishes:
        self.looked.append("wishes")
        return self.wishes

    @activity.defn
    async def send_greeting(self, greeting: GreetingRequest) -> GreetingResult:
        self.greetings.append((greeting, activity.info().scheduled_time))
        return self.answers.pop(0) if self.answers else GreetingResult("sent")

    @activity.defn
    async def validate_import(self, request: StageRequest) -> StageResult:
        await self._work(request, self.rows)
        if self.file_problem:
            raise ApplicationError(self.file_problem, type=FILE_PROBLEM, non_retryable=True)
        return StageResult(self.rows, self.rows - self.rejected, self.rejected)

    @activity.defn
    async def transform_import(self, request: StageRequest) -> StageResult:
        good = self.rows - self.rejected
        await self._work(request, good)
        return StageResult(self.rows, good, self.rejected, {"create": good, "update": 0, "unchanged": 0})

    @activity.defn
    async def finalise_import(self, request: StageRequest) -> StageResult:
        good = self.rows - self.rejected
        for row in range(good):
            if activity.info().attempt == 1 and row == self.dies_after.get(request.stage):
                raise ApplicationError("killed")
            self.applied.add(row)
        return StageResult(self.rows, good, self.rejected)

    async def _work(self, request: StageRequest, rows: int) -> None:
        self.began.append((request.stage, activity.info().attempt))
        if request.stage in self.stands_still:
            try:
                while True:
                    activity.heartbeat()
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                self.cancelled.append(request.stage)
                raise
        if activity.info().attempt == 1 and self.dies_after.get(request.stage, rows) < rows:
            raise ApplicationError("killed")

    @activity.defn
    async def greet_new_contacts(self, request: GreetInput) -> int:
        self.greeted.append(request)
        if self.greeting_problem:
            raise ApplicationError(self.greeting_problem, non_retryable=True)
        return self.rows - self.rejected

    @activity.defn
    async def tidy_import(self, tidy: TidyInput) -> None:
        self.tidied.append(tidy)

    @activity.defn
    async def save_import(self, view: ImportView) -> None:
        self.saved[view.import_id] = view


class Desk:
    """Starts welcomes and imports on a Temporal server, and talks to them as any client would."""

    def __init__(self, env: WorkflowEnvironment) -> None:
        self.env = env
        self.handles: list[WorkflowHandle[Any, Any]] = []

    async def greet(self, **fields: Any) -> "Running":
        user_id = f"USER-{next(_numbers):03}"
        return await self._start(WelcomeWorkflow.run, WelcomeInput(user_id, **fields), welcome_workflow_id(user_id))

    async def bring_in(self, **fields: Any) -> "Running":
        import_id = f"IMP-20261121-120000-{next(_numbers):04x}"
        start = ImportInput(import_id, **fields)
        return await self._start(AudienceImportWorkflow.run, start, import_workflow_id(import_id))

    async def _start(self, run: Any, start: Any, workflow_id: str) -> "Running":
        handle = await self.env.client.start_workflow(run, start, id=workflow_id, task_queue=TASK_QUEUE)
        self.handles.append(handle)
        return Running(handle)

    async def close(self) -> None:
        """Nothing outlives its test, and none is ended in the middle of an activity: the server would no longer skip."""
        for handle in self.handles:
            with suppress(RPCError, WorkflowFailureError, TimeoutError):
                await handle.cancel()
                async with asyncio.timeout(5):
                    await handle.result()
            with suppress(RPCError):
                await handle.terminate()


class Running:
    def __init__(self, handle: WorkflowHandle[Any, Any]) -> None:
        self.handle = handle

    async def update(self, name: str, message: Any) -> Any:
        """Raises the ApplicationError with which it is refused."""
        try:
            return await self.handle.execute_update(name, message)
        except WorkflowUpdateFailedError as error:
            raise cast(ApplicationError, error.cause) from None

    async def view(self) -> ImportView:
        return await self.handle.query("get_progress", result_type=ImportView)

    async def until(self, met: Callable[[ImportView], bool]) -> ImportView:
        """Follow an import by its own progress updates until its view fulfils ``met``."""
        view = await self.view()
        while not met(view):
            await self.handle.execute_update("wait_for_progress", view.version, id=f"progress-{view.version}")
            view = await self.view()
        return view

    async def until_waiting(self, stage: str) -> ImportView:
        return await self.until(lambda view: view.stage == stage and view.is_waiting)


@asynccontextmanager
async def open_desk(env: WorkflowEnvironment, marketing: FakeMarketing, **worker: Any) -> AsyncIterator[Desk]:
    area = AreaWorker(TASK_QUEUE, [WelcomeWorkflow, AudienceImportWorkflow], marketing.activities())
    async with running_worker(env.client, area, **worker):
        desk = Desk(env)
        yield desk
        await desk.close()
