"""The web side's calls, against a real server: outcomes, deadlines, and what each failure is called."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import CommandType, UpdateWorkflowExecutionLifecycleStage
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import UpdateRef, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowTaskQueueRequest,
    RespondWorkflowTaskCompletedRequest,
)
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from dashboard.processes import free_port
from temporal_worker import connection
from temporal_worker.client import (
    CallTimedOut,
    QueryFailed,
    RequestRefused,
    TemporalUnavailable,
    WorkflowAlreadyStarted,
    WorkflowCompleted,
    WorkflowNotFound,
    aget_client,
    call,
    execute_update,
    forget_client,
    get_client,
    query,
    signal,
    start_workflow,
)
from temporal_worker.devserver import DevServer
from tests.eventually import keeping_its_deadline
from tests.temporal_worker.conftest import StartParcel, eventually
from tests.temporal_worker.contract import QUEUE, EndInput, Label, Parcel, ParcelInput, Weigh

pytestmark = pytest.mark.usefixtures("connected")

Handle = WorkflowHandle[Any, Any]
ADMITTED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED


async def weigh(workflow_id: str, grams: int, update_id: str = "w", timeout: float = 10.0) -> Parcel:
    return await execute_update(
        workflow_id, "weigh", Weigh(grams), update_id=update_id, result_type=Parcel, timeout=timeout
    )


@dataclass
class Waiting:
    task: asyncio.Task[Any]

    async def cancelled(self) -> bool:
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            return True
        return False


async def is_known(temporal: Client, handle: Handle, update_id: str) -> bool:
    """Whether the server has this update, be it that nobody has looked at it yet."""
    update = UpdateRef(workflow_execution=WorkflowExecution(workflow_id=handle.id), update_id=update_id)
    stage = WaitPolicy(lifecycle_stage=ADMITTED)
    poll = PollWorkflowExecutionUpdateRequest(namespace="default", update_ref=update, wait_policy=stage)
    try:
        await temporal.workflow_service.poll_workflow_execution_update(poll)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


class TestExecuteUpdate:
    async def test_answers_with_the_result_type(self, parcel: Handle) -> None:
        assert await weigh(parcel.id, 5) == Parcel(version=1, grams=5, dropped=[])

    async def test_is_executed_once_per_id(self, parcel: Handle) -> None:
        answers = await asyncio.gather(*(weigh(parcel.id, grams, "same") for grams in range(1, 21)))
        assert len({answer.grams for answer in answers}) == 1
        assert (await query(parcel.id, "parcel", result_type=Parcel)).version == 1

    async def test_refused_by_the_validator(self, parcel: Handle) -> None:
        with pytest.raises(ApplicationError) as caught:
            await weigh(parcel.id, 40_000)
        assert (caught.value.type, caught.value.message, caught.value.details) == ("TooHeavy", "Too heavy.", (40_000,))

    async def test_failed_in_the_handler(self, parcel: Handle) -> None:
        with pytest.raises(ApplicationError) as caught:
            await execute_update(parcel.id, "break_update", Label("spring"), update_id="b", result_type=None)
        assert caught.value.type == "MessageFailed"

    async def test_failed_in_an_activity_of_the_handler(self, parcel: Handle) -> None:
        with pytest.raises(ApplicationError) as caught:
            await execute_update(parcel.id, "pay", Label("declined"), update_id="p", result_type=str)
        assert (caught.value.type, caught.value.message) == ("PermanentError", "declined")

    async def test_nobody_knows(self, parcel: Handle) -> None:
        with pytest.raises(ApplicationError):
            await execute_update(parcel.id, "no_such_update", Label("x"), update_id="n", result_type=None)

    async def test_of_no_workflow(self) -> None:
        with pytest.raises(WorkflowNotFound) as caught:
            await weigh("no-such-workflow", 5)
        assert caught.value.workflow_id == "no-such-workflow"

    async def test_of_an_ended_workflow(self, parcel: Handle) -> None:
        answer = await weigh(parcel.id, 5, "before")
        with pytest.raises(ApplicationError):
            await execute_update(parcel.id, "break_update", Label("x"), update_id="failed", result_type=None)
        await parcel.signal("finish", EndInput())
        await parcel.result()
        with pytest.raises(WorkflowCompleted):
            await weigh(parcel.id, 6, "after")
        assert await weigh(parcel.id, 5, "before") == answer
        with pytest.raises(ApplicationError):
            await execute_update(parcel.id, "break_update", Label("x"), update_id="failed", result_type=None)

    async def test_cut_off_by_the_end(self, parcel: Handle) -> None:
        held = asyncio.create_task(execute_update(parcel.id, "hold", Label("x"), update_id="cut", result_type=str))
        await eventually(lambda: accepted(parcel))
        await parcel.terminate()
        with pytest.raises((WorkflowCompleted, WorkflowNotFound)):
            await held

    async def test_that_comes_while_the_last_task_is_under_way(
        self, start_parcel: StartParcel, temporal: Client
    ) -> None:
        """The server aborts it, and says the same each time it is asked again under that id."""
        handle = await start_parcel(task_queue="by-hand")
        poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="by-hand"))
        last = await temporal.workflow_service.poll_workflow_task_queue(poll)
        asked = asyncio.create_task(
            execute_update(handle.id, "weigh", Weigh(5), update_id="late", result_type=Parcel, timeout=8)
        )
        await eventually(lambda: is_known(temporal, handle, "late"))
        end = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
        end.complete_workflow_execution_command_attributes.SetInParent()
        await temporal.workflow_service.respond_workflow_task_completed(
            RespondWorkflowTaskCompletedRequest(namespace="default", task_token=last.task_token, commands=[end])
        )
        with pytest.raises(WorkflowCompleted):
            await asked

    async def test_without_a_worker(self, start_parcel: StartParcel) -> None:
        handle = await start_parcel(task_queue="nobody-polls-this")
        async with keeping_its_deadline(1.0):
            with pytest.raises(TemporalUnavailable, match="within 1 s"):
                await weigh(handle.id, 5, timeout=1.0)

    async def test_too_large(self, parcel: Handle) -> None:
        with pytest.raises(TemporalUnavailable):  # "too much in flight": the server does not tell the two apart
            await execute_update(parcel.id, "hold", Label("x" * 3_000_000), update_id="l", result_type=str, timeout=1)
        with pytest.raises((RequestRefused, TemporalUnavailable)):
            await execute_update(parcel.id, "hold", Label("x" * 6_000_000), update_id="l", result_type=str, timeout=1)
        assert (await weigh(parcel.id, 5, timeout=3)).grams == 5

    async def test_a_cancelled_caller_is_cancelled(self, parcel: Handle) -> None:
        waiting = Waiting(
            asyncio.create_task(execute_update(parcel.id, "hold", Label("x"), update_id="c", result_type=str))
        )
        await eventually(lambda: accepted(parcel))
        assert await waiting.cancelled()

    async def test_asyncio_timeout_stays_a_timeout(self, parcel: Handle) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await execute_update(parcel.id, "hold", Label("x"), update_id="t", result_type=str)

    async def test_keeps_8_in_flight_and_lets_the_others_wait(self, parcel: Handle, temporal: Client) -> None:
        held = [
            asyncio.create_task(execute_update(parcel.id, "hold", Label(str(n)), update_id=f"h{n}", result_type=str))
            for n in range(12)
        ]
        await eventually(lambda: accepted(parcel, 8))
        # Two more from another process find room; an eleventh would not.
        others = [asyncio.create_task(parcel.execute_update("hold", Label("other"), id=f"other{n}")) for n in range(2)]
        await eventually(lambda: accepted(parcel, 10))
        assert not any(task.done() for task in held)
        await parcel.signal("open_gate")
        assert sorted(await asyncio.gather(*held), key=int) == [str(n) for n in range(12)]
        await asyncio.gather(*others)

    async def test_waits_for_room_that_other_processes_have_taken(self, parcel: Handle, temporal: Client) -> None:
        others = [asyncio.create_task(parcel.execute_update("hold", Label("other"), id=f"other{n}")) for n in range(10)]
        await eventually(lambda: accepted(parcel, 10))
        ours = asyncio.create_task(weigh(parcel.id, 5))
        await asyncio.wait([ours], timeout=0.3)
        assert not ours.done()
        await parcel.signal("open_gate")
        assert (await ours).grams == 5
        await asyncio.gather(*others)


async def accepted(handle: Handle, count: int = 1) -> bool:
    """Whether the history has this many accepted updates."""
    found = 0
    async for event in handle.fetch_history_events():
        found += event.HasField("workflow_execution_update_accepted_event_attributes")
    return found >= count


class TestQuery:
    async def test_answers_with_the_result_type(self, parcel: Handle) -> None:
        assert await query(parcel.id, "parcel", result_type=Parcel) == Parcel(0, 0, [])
        await weigh(parcel.id, 5)
        assert await query(parcel.id, "times", 3, result_type=int) == 15

    async def test_of_an_ended_workflow(self, parcel: Handle) -> None:
        await parcel.signal("finish", EndInput())
        await parcel.result()
        assert (await query(parcel.id, "parcel", result_type=Parcel)).grams == 0

    async def test_that_fails(self, parcel: Handle) -> None:
        with pytest.raises(QueryFailed, match="expected but not found"):
            await query(parcel.id, "no_such_query", result_type=None)
        with pytest.raises(QueryFailed, match="an integer"):
            await query(parcel.id, "times", "x", result_type=None)

    async def test_of_no_workflow(self) -> None:
        with pytest.raises(WorkflowNotFound):
            await query("no-such-workflow", "parcel", result_type=Parcel)

    async def test_without_a_worker(self, start_parcel: StartParcel) -> None:
        handle = await start_parcel(task_queue="nobody-polls-this")
        async with keeping_its_deadline(0.7):
            with pytest.raises(TemporalUnavailable):
                await query(handle.id, "parcel", result_type=Parcel, timeout=0.7)


class TestSignal:
    async def test_arrives(self, parcel: Handle) -> None:
        await signal(parcel.id, "weigh_later", Weigh(8))
        assert (await query(parcel.id, "parcel", result_type=Parcel)).grams == 8

    async def test_to_no_workflow(self) -> None:
        with pytest.raises(WorkflowNotFound):
            await signal("no-such-workflow", "weigh_later", Weigh(8))

    async def test_to_an_ended_workflow(self, parcel: Handle) -> None:
        await parcel.signal("finish", EndInput())
        await parcel.result()
        with pytest.raises(WorkflowCompleted):
            await signal(parcel.id, "weigh_later", Weigh(8))

    async def test_that_is_too_large(self, parcel: Handle) -> None:
        with pytest.raises(RequestRefused):
            await signal(parcel.id, "weigh_later", "x" * 3_000_000)


class TestStartWorkflow:
    async def test_starts_once(self, worker: None) -> None:
        async def start(**options: Any) -> str:
            return await start_workflow(
                "ParcelWorkflow", ParcelInput("s"), id="start-once", task_queue=QUEUE, memo={"a": 1}, **options
            )

        run_id = await start(start_signal="weigh_later", start_signal_args=[Weigh(4)])
        with pytest.raises(WorkflowAlreadyStarted) as caught:
            await start()
        assert caught.value.run_id == run_id
        assert await start(id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING) == run_id
        assert (await query("start-once", "parcel", result_type=Parcel)).grams == 4
        await signal("start-once", "finish", EndInput())
        client = await aget_client()
        await client.get_workflow_handle("start-once").result()
        with pytest.raises(WorkflowAlreadyStarted):
            await start()

    async def test_with_an_impossible_id(self) -> None:
        with pytest.raises(RequestRefused):
            await start_workflow("ParcelWorkflow", ParcelInput("s"), id="x" * 2000, task_queue=QUEUE)


class TestSyncCallers:
    async def test_call_runs_on_the_loop_thread(self, parcel: Handle) -> None:
        def view() -> Parcel:
            return call(weigh(parcel.id, 5))

        assert (await asyncio.to_thread(view)).grams == 5

    async def test_many_threads_share_one_client(self, parcel: Handle) -> None:
        def view(number: int) -> Client:
            call(query(parcel.id, "parcel", result_type=Parcel, timeout=10))
            return get_client()

        forget_client()
        with ThreadPoolExecutor(16) as threads:
            clients = await asyncio.gather(
                *(asyncio.get_running_loop().run_in_executor(threads, view, n) for n in range(64))
            )
        assert len({id(client) for client in clients}) == 1
        assert await aget_client() is clients[0]

    async def test_call_gives_up_and_cancels(self) -> None:
        ended = threading.Event()

        async def slow() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        with pytest.raises(CallTimedOut):
            await asyncio.to_thread(call, slow(), 0.05)
        assert await asyncio.to_thread(ended.wait, 5)

    async def test_call_keeps_the_coroutines_own_error(self) -> None:
        async def fails() -> None:
            raise TimeoutError("mine")

        with pytest.raises(TimeoutError, match="mine"):
            await asyncio.to_thread(call, fails())

    async def test_call_on_an_event_loop_says_so(self) -> None:
        with pytest.raises(RuntimeError, match="await the coroutine"):
            call(asyncio.sleep(0))


class TestServerAway:
    async def test_nothing_listens(self, pointed_at: Callable[[str], None]) -> None:
        pointed_at(f"127.0.0.1:{free_port()}")
        started = time.monotonic()
        with pytest.raises(TemporalUnavailable) as caught:
            await query("any", "parcel", result_type=Parcel)
        assert time.monotonic() - started < 2
        assert caught.value.retry_after > 0

    async def test_listens_but_never_answers(self, pointed_at: Callable[[str], None]) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(1)
            pointed_at(f"127.0.0.1:{silent.getsockname()[1]}")
            started = time.monotonic()
            with pytest.raises(TemporalUnavailable):
                await aget_client()
            assert time.monotonic() - started < 2

    async def test_twenty_callers_wait_for_one_attempt(
        self, pointed_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attempts = 0

        async def slow_failure(*_: Any) -> Client:
            nonlocal attempts
            attempts += 1
            await asyncio.sleep(0.3)
            raise RuntimeError("refused")

        pointed_at("127.0.0.1:1")
        monkeypatch.setattr(connection, "connect", slow_failure)
        async with keeping_its_deadline(0.3):
            outcomes = await asyncio.gather(*(aget_client() for _ in range(20)), return_exceptions=True)
            with pytest.raises(TemporalUnavailable):
                await aget_client()  # remembered
        assert attempts == 1
        assert all(isinstance(outcome, TemporalUnavailable) for outcome in outcomes)

    async def test_a_caller_that_leaves_takes_nobody_with_it(
        self, pointed_at: Callable[[str], None], dev_server: DevServer
    ) -> None:
        pointed_at(dev_server.address)
        first = asyncio.create_task(aget_client())
        second = asyncio.create_task(aget_client())
        await asyncio.sleep(0)
        first.cancel()
        assert isinstance(await second, Client)

    @pytest.mark.soak
    async def test_goes_away_and_comes_back(self, pointed_at: Callable[[str], None]) -> None:
        server = DevServer(None, port=free_port(), ui_port=None)
        server.start()
        try:
            pointed_at(server.address)
            with pytest.raises(WorkflowNotFound):
                await query("any", "parcel", result_type=Parcel)
            server.stop()
            for ask in (
                lambda: query("any", "parcel", result_type=Parcel, timeout=1),
                lambda: weigh("any", 5, timeout=1),
                lambda: signal("any", "weigh_later", Weigh(1), timeout=1),
                lambda: start_workflow("ParcelWorkflow", ParcelInput("s"), id="x", task_queue=QUEUE, timeout=1),
            ):
                async with keeping_its_deadline(1):
                    with pytest.raises(TemporalUnavailable):
                        await ask()
            server.start()

            async def is_back() -> bool:
                try:
                    await query("any", "parcel", result_type=Parcel)
                except WorkflowNotFound:
                    return True
                except TemporalUnavailable:
                    return False
                return False

            await eventually(is_back)
        finally:
            server.stop()


async def test_sdk_still_swallows_cancellation(parcel: Handle) -> None:
    """Why ``temporal_errors`` undoes it; when this fails, it can go."""
    task = asyncio.create_task(parcel.execute_update("hold", Label("x")))
    await eventually(lambda: accepted(parcel))
    task.cancel()
    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        await task
