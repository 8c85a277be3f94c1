"""The hub on a real server: what it costs, who gets what, and what is left behind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from dashboard.processes import free_port
from temporal_worker import live
from temporal_worker.client import CallTimedOut, WorkflowNotFound, execute_update, query
from temporal_worker.devserver import DevServer
from temporal_worker.live import Frame, Hub, Watcher, get_hub
from temporal_worker.testing import running_worker
from tests.eventually import keeping_its_deadline
from tests.temporal_worker.conftest import StartParcel, eventually
from tests.temporal_worker.contract import EndInput, Parcel, ParcelInput, Weigh
from tests.temporal_worker.worker import AREA

pytestmark = pytest.mark.usefixtures("connected")

Handle = WorkflowHandle[Any, Any]


class RecordingSource:
    """Reads parcels and remembers how often, and on which threads it rendered."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.threads: list[threading.Thread] = []
        self.error: Exception | None = None
        self.patience: list[float] = []

    async def fetch(self, workflow_id: str, timeout: float) -> dict[str, Any]:
        self.fetched.append(workflow_id)
        self.patience.append(timeout)
        if self.error:
            raise self.error
        parcel = await query(workflow_id, "parcel", result_type=Parcel, timeout=5)
        return {"version": parcel.version, "grams": parcel.grams}

    def render(self, state: dict[str, Any]) -> str:
        self.threads.append(threading.current_thread())
        return f"<p>{state['grams']} g</p>"


@pytest.fixture
def source() -> RecordingSource:
    return RecordingSource()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    before = asyncio.all_tasks()
    hub = get_hub()
    yield hub
    assert hub.watched == 0
    await eventually(lambda: not any(task.get_name().startswith("live ") for task in asyncio.all_tasks() - before))


async def weigh(handle: Handle, grams: int) -> None:
    await handle.execute_update("weigh", Weigh(grams), id=f"weigh-{grams}")


async def accepted_waits(handle: Handle) -> list[str]:
    """Ids of the waits that the history has, in their order."""
    ids = []
    async for event in handle.fetch_history_events():
        if event.HasField("workflow_execution_update_accepted_event_attributes"):
            accepted = event.workflow_execution_update_accepted_event_attributes
            ids.append(accepted.accepted_request.meta.update_id or accepted.protocol_instance_id)
    return [update_id for update_id in ids if update_id.startswith("progress-")]


async def is_waiting(handle: Handle, after: int) -> bool:
    return f"progress-{after}" in await accepted_waits(handle)


async def next_frame(watcher: Watcher, within: float = 10) -> Frame:
    async with asyncio.timeout(within):
        return await anext(watcher)


class TestWatch:
    async def test_gives_the_frame_and_then_each_change(
        self, hub: Hub, parcel: Handle, source: RecordingSource
    ) -> None:
        async with hub.watch(parcel.id, source) as watcher:
            assert await next_frame(watcher) == Frame(0, False, "<p>0 g</p>", {"version": 0, "grams": 0})
            await weigh(parcel, 5)
            assert (await next_frame(watcher)).html == "<p>5 g</p>"
        assert threading.main_thread() not in source.threads

    async def test_200_viewers_cost_what_one_costs(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        frames: list[Frame] = []

        async def view() -> None:
            async with hub.watch(parcel.id, source) as watcher:
                async for frame in watcher:
                    frames.append(frame)

        viewers = [asyncio.create_task(view()) for _ in range(200)]
        for change in range(1, 5):
            await eventually(lambda change=change: is_waiting(parcel, change - 1))
            await weigh(parcel, change)
            await eventually(lambda change=change: sum(frame.version == change for frame in frames) == 200)
        assert await accepted_waits(parcel) == [f"progress-{version}" for version in range(4)] or await is_waiting(
            parcel, 4
        )
        assert len(source.fetched) == len(source.threads) == 5
        for viewer in viewers:
            viewer.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)

    async def test_idle_viewers_cost_nothing(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        async with AsyncExitStack() as stack:
            watchers = [await stack.enter_async_context(hub.watch(parcel.id, source)) for _ in range(20)]
            await asyncio.gather(*(next_frame(watcher) for watcher in watchers))
            await eventually(lambda: is_waiting(parcel, 0))
            await asyncio.sleep(0.2)
            before = (await parcel.describe()).history_length
            quiet = [asyncio.create_task(anext(watcher)) for watcher in watchers]
            done, _ = await asyncio.wait(quiet, timeout=2)  # the very thing to show: time passes, nothing happens
            assert not done
            assert (await parcel.describe()).history_length == before
            assert len(source.fetched) == 1
            for task in quiet:
                task.cancel()

    async def test_who_comes_later_gets_the_last_frame_at_once(
        self, hub: Hub, parcel: Handle, source: RecordingSource
    ) -> None:
        async with hub.watch(parcel.id, source) as first:
            await next_frame(first)
            async with hub.watch(parcel.id, source) as second:
                assert (await next_frame(second, within=0.1)).version == 0
            assert len(source.fetched) == 1
            assert hub.watched == 1

    async def test_a_slow_viewer_skips_and_delays_nobody(
        self, hub: Hub, parcel: Handle, source: RecordingSource
    ) -> None:
        async with hub.watch(parcel.id, source) as slow, hub.watch(parcel.id, source) as quick:
            await next_frame(slow)
            await next_frame(quick)
            for change in range(1, 4):
                await weigh(parcel, change)
                assert (await next_frame(quick)).version == change
            assert (await next_frame(slow)).version == 3

    async def test_ends_after_the_closed_frame(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        frames = []
        async with hub.watch(parcel.id, source) as watcher:
            frames.append(await next_frame(watcher))
            await eventually(lambda: is_waiting(parcel, 0))
            await weigh(parcel, 9)
            await parcel.signal("finish", EndInput())
            async with asyncio.timeout(10):
                async for frame in watcher:
                    frames.append(frame)
        assert frames[-1].closed
        assert (frames[-1].version, frames[-1].html) == (1, "<p>9 g</p>")
        assert [frame.closed for frame in frames].count(True) == 1

    async def test_of_an_ended_workflow(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        await parcel.signal("finish", EndInput())
        await parcel.result()
        async with hub.watch(parcel.id, source) as watcher, asyncio.timeout(10):
            assert [frame.closed async for frame in watcher][-1]

    async def test_of_no_workflow(self, hub: Hub, source: RecordingSource) -> None:
        async with hub.watch("no-such-workflow", source) as watcher:
            with pytest.raises(WorkflowNotFound):
                await next_frame(watcher)

    async def test_a_drain_is_no_hot_loop(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        async with hub.watch(parcel.id, source) as watcher:
            await next_frame(watcher)
            await eventually(lambda: is_waiting(parcel, 0))
            await parcel.signal("finish", EndInput(linger_seconds=2.5))
            async with asyncio.timeout(15):
                async for frame in watcher:
                    if frame.closed:
                        break
        assert await accepted_waits(parcel) == ["progress-0"]
        assert len(source.fetched) < 9

    async def test_sees_an_end_that_came_without_a_change(
        self, hub: Hub, parcel: Handle, source: RecordingSource
    ) -> None:
        async with hub.watch(parcel.id, source) as watcher:
            await next_frame(watcher)
            await eventually(lambda: is_waiting(parcel, 0))
            await parcel.signal("finish", EndInput())
            assert (await next_frame(watcher)).closed

    async def test_goes_on_across_a_continue_as_new(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        async with hub.watch(parcel.id, source) as watcher:
            await next_frame(watcher)
            await eventually(lambda: is_waiting(parcel, 0))
            await parcel.signal("finish", EndInput(continue_as_new=True))
            await eventually(lambda: has_new_run(parcel))
            await execute_update(parcel.id, "weigh", Weigh(6), update_id="after", result_type=Parcel)
            assert (await next_frame(watcher)).html == "<p>6 g</p>"

    async def test_survives_a_broken_page(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        source.error = KeyError("a bug in the template")
        async with hub.watch(parcel.id, source) as watcher:
            frame = await next_frame(watcher)
            assert frame.unavailable
            assert frame.version == -1
            source.error = None
            assert (await next_frame(watcher)).html == "<p>0 g</p>"

    async def test_waits_longer_for_workers_that_are_too_busy_to_answer_in_time(
        self, hub: Hub, parcel: Handle, source: RecordingSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("temporal_worker.live.FIRST_PAUSE", 0.01)
        source.error = CallTimedOut("busy")
        async with hub.watch(parcel.id, source) as watcher:
            await eventually(lambda: len(source.patience) > 4)
            assert source.patience[:5] == [1.5, 3, 6, 12, 12]
            assert (await next_frame(watcher)).unavailable
            source.error = None
            assert (await next_frame(watcher)).html == "<p>0 g</p>"
            await execute_update(parcel.id, "weigh", Weigh(6), update_id="after", result_type=Parcel)
            assert (await next_frame(watcher)).html == "<p>6 g</p>"
            assert source.patience[-1] == 1.5

    async def test_hubs_of_two_loops_meet_in_one_update(
        self, hub: Hub, parcel: Handle, source: RecordingSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        has_first, waits = threading.Event(), list[str]()

        def noted(*args: Any, update_id: str, **options: Any) -> Any:
            waits.append(update_id)
            return execute_update(*args, update_id=update_id, **options)

        monkeypatch.setattr(live, "execute_update", noted)

        def another_process() -> list[int]:
            async def watch() -> list[int]:
                async with get_hub().watch(parcel.id, RecordingSource()) as watcher:
                    first = await next_frame(watcher)
                    has_first.set()
                    return [first.version, (await next_frame(watcher)).version]

            return asyncio.run(watch())

        async with hub.watch(parcel.id, source) as watcher:
            await next_frame(watcher)
            await eventually(lambda: is_waiting(parcel, 0))
            other = asyncio.create_task(asyncio.to_thread(another_process))
            await eventually(lambda: has_first.is_set() and len(waits) == 2)
            await weigh(parcel, 5)
            assert (await next_frame(watcher)).version == 1
            assert await other == [0, 1]
        assert (await accepted_waits(parcel)).count("progress-0") == 1


async def has_new_run(handle: Handle) -> bool:
    return (await handle.describe()).run_id != handle.first_execution_run_id


class TestLeaving:
    async def test_the_last_one_leaves_no_waiter(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        async def view() -> None:
            async with hub.watch(parcel.id, source) as watcher:
                async for _ in watcher:
                    pass

        viewers = [asyncio.create_task(view()) for _ in range(200)]
        await eventually(lambda: is_waiting(parcel, 0))
        for viewer in viewers[1:]:
            viewer.cancel()
        await asyncio.gather(*viewers[1:], return_exceptions=True)
        assert hub.watched == 1
        viewers[0].cancel()
        await asyncio.gather(*viewers, return_exceptions=True)
        assert hub.watched == 0
        from temporal_worker.connection import loop_thread

        loop = loop_thread().loop
        await eventually(lambda: len(asyncio.all_tasks(loop)) == 0)

    async def test_and_coming_back(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        for change in range(1, 4):
            async with hub.watch(parcel.id, source) as watcher:
                assert (await next_frame(watcher)).version == change - 1
                await weigh(parcel, change)
                assert (await next_frame(watcher)).version == change


class TestWaitForFrame:
    async def test_newer_at_once(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        await weigh(parcel, 5)
        frame = await hub.wait_for_frame(parcel.id, source, after=0, timeout=5)
        assert frame is not None
        assert frame.version == 1

    async def test_when_it_comes(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        waiting = asyncio.create_task(hub.wait_for_frame(parcel.id, source, after=0, timeout=10))
        await eventually(lambda: is_waiting(parcel, 0))
        await weigh(parcel, 5)
        frame = await waiting
        assert frame is not None
        assert frame.html == "<p>5 g</p>"

    async def test_none_when_nothing_comes(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        async with keeping_its_deadline(0.5):
            assert await hub.wait_for_frame(parcel.id, source, after=0, timeout=0.5) is None

    async def test_closed_at_once(self, hub: Hub, parcel: Handle, source: RecordingSource) -> None:
        await parcel.signal("finish", EndInput())
        await parcel.result()
        frame = await hub.wait_for_frame(parcel.id, source, after=7, timeout=5)
        assert frame is not None
        assert frame.closed

    async def test_of_no_workflow(self, hub: Hub, source: RecordingSource) -> None:
        with pytest.raises(WorkflowNotFound):
            await hub.wait_for_frame("no-such-workflow", source, after=0, timeout=5)

    async def test_unavailable_is_told_after_a_while(
        self, hub: Hub, start_parcel: StartParcel, source: RecordingSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("temporal_worker.live.UNAVAILABLE_GRACE", 0.3)
        source.error = KeyError("x")
        handle = await start_parcel()
        frame = await hub.wait_for_frame(handle.id, source, after=0, timeout=20)
        assert frame is not None
        assert frame.unavailable


@pytest.mark.soak
async def test_server_goes_away_and_comes_back(
    hub: Hub, source: RecordingSource, pointed_at: Callable[[str], None], tmp_path: Any
) -> None:
    server = DevServer(tmp_path, port=free_port(), ui_port=None)
    server.start()
    try:
        pointed_at(server.address)
        client = await Client.connect(server.address)
        async with running_worker(client, replace(AREA, task_queue="away")):
            handle = await client.start_workflow("ParcelWorkflow", ParcelInput("p"), id="away", task_queue="away")
            async with hub.watch("away", source) as watcher:
                assert (await next_frame(watcher)).version == 0
                await eventually(lambda: is_waiting(handle, 0))
                server.stop()
                frame = await next_frame(watcher, within=20)
                assert frame.unavailable
                assert frame.html == "<p>0 g</p>"
                server.start()
                assert not (await next_frame(watcher, within=20)).unavailable
                await eventually(lambda: is_waiting(handle, 0))
                await weigh(handle, 5)
                assert (await next_frame(watcher)).html == "<p>5 g</p>"
    finally:
        server.stop()
