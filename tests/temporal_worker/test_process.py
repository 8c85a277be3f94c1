"""The worker process: in this process with a small area, and ``manage.py runworker`` as a real one."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from temporalio import activity
from temporalio.client import Client

from dashboard.processes import free_port
from temporal_worker import process
from temporal_worker.devserver import DevServer
from temporal_worker.heartbeat import live_queues
from temporal_worker.management.commands.runworker import refuse_unmigrated_database
from temporal_worker.process import WorkerProcess
from temporal_worker.registry import AreaWorker, Periodic
from tests.temporal_worker.conftest import eventually
from tests.temporal_worker.contract import ParcelInput, Weigh
from tests.temporal_worker.worker import AREA
from tests.temporal_worker.workflows import GateWorkflow

pytestmark = pytest.mark.soak

queues = sync_to_async(live_queues)


class Gate:
    """An activity that says when it runs and ends when it may."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.open = threading.Event()

    @activity.defn(name="pass_gate")
    def pass_gate(self) -> str:
        self.running.set()
        assert self.open.wait(30)
        return "through"


@asynccontextmanager
async def running(*areas: AreaWorker, **options: Any) -> AsyncIterator[tuple[WorkerProcess, asyncio.Task[int]]]:
    worker_process = WorkerProcess(areas, threads=4, **options)
    task = asyncio.create_task(worker_process.run())
    try:
        yield worker_process, task
    finally:
        worker_process.stop()
        async with asyncio.timeout(40):
            await task


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("connected")
class TestWorkerProcess:
    async def test_serves_its_queues_and_beats_while_it_lives(self, temporal: Client) -> None:
        one, two = replace(AREA, task_queue="one"), replace(AREA, task_queue="two")
        async with running(one, two) as (worker_process, task):
            for queue in ("one", "two"):
                handle = await temporal.start_workflow(
                    "ParcelWorkflow", ParcelInput("p"), id=f"process-{queue}", task_queue=queue
                )
                assert (await handle.execute_update("weigh", Weigh(5)))["grams"] == 5
            await eventually(queues)
            assert await queues() == {"one": 1, "two": 1}
            worker_process.stop()
            assert await task == 0
            assert await queues() == {}

    async def test_finishes_what_is_running_before_it_stops(self, temporal: Client) -> None:
        gate = Gate()
        area = AreaWorker("gate", [GateWorkflow], [gate.pass_gate])
        async with running(area) as (_, task):
            handle = await temporal.start_workflow("GateWorkflow", id="gate-drain", task_queue="gate")
            await eventually(gate.running.is_set)
            os.kill(os.getpid(), signal.SIGTERM)
            await eventually(lambda: gone("gate"))
            assert not task.done()
            gate.open.set()
            assert await task == 0
        async with running(area):
            assert await handle.result() == "through"
        attempts = [
            event.activity_task_started_event_attributes.attempt
            async for event in handle.fetch_history_events()
            if event.HasField("activity_task_started_event_attributes")
        ]
        assert attempts == [1]

    async def test_a_second_signal_forces(self, temporal: Client) -> None:
        gate = Gate()
        left: list[int] = []

        def leave(code: int) -> None:
            left.append(code)
            gate.open.set()

        async with running(AreaWorker("forced", [GateWorkflow], [gate.pass_gate]), leave=leave):
            await temporal.start_workflow("GateWorkflow", id="gate-forced", task_queue="forced")
            await eventually(gate.running.is_set)
            os.kill(os.getpid(), signal.SIGINT)
            await eventually(lambda: gone("forced"))
            assert not left
            os.kill(os.getpid(), signal.SIGINT)
            await eventually(lambda: left == [1])

    async def test_gives_up_on_what_nothing_can_stop(self, temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(process, "STUCK_AFTER", 0.2)
        gate = Gate()
        left: list[int] = []

        def leave(code: int) -> None:
            left.append(code)
            gate.open.set()

        async with running(AreaWorker("stuck", [GateWorkflow], [gate.pass_gate]), leave=leave) as (worker_process, _):
            await temporal.start_workflow("GateWorkflow", id="gate-stuck", task_queue="stuck")
            await eventually(gate.running.is_set)
            worker_process.stop()
            await eventually(lambda: left == [1])

    async def test_waits_for_a_server_and_survives_its_restart(
        self, pointed_at: Callable[[str], None], tmp_path: Path
    ) -> None:
        server = DevServer(tmp_path, port=free_port(), ui_port=None)
        pointed_at(server.address)
        async with running(replace(AREA, task_queue="later")) as (_, task):
            await asyncio.wait([task], timeout=1.2)
            assert not task.done()
            assert await queues() == {}
            server.start()
            try:
                await eventually(queues)
                client = await Client.connect(server.address)
                handle = await client.start_workflow(
                    "ParcelWorkflow", ParcelInput("p"), id="restart", task_queue="later"
                )
                await handle.execute_update("weigh", Weigh(5))
                server.stop()
                server.start()
                async with asyncio.timeout(30):
                    assert (await handle.execute_update("weigh", Weigh(6)))["grams"] == 6
            finally:
                server.stop()

    async def test_can_be_stopped_while_it_waits(self, pointed_at: Callable[[str], None]) -> None:
        pointed_at(f"127.0.0.1:{free_port()}")
        async with running(AREA) as (worker_process, task):
            await asyncio.wait([task], timeout=0.3)
            worker_process.stop()
            async with asyncio.timeout(8):
                assert await task == 0

    async def test_periodic_jobs_never_overlap_and_may_fail(self) -> None:
        runs: list[float] = []
        at_once: list[int] = []
        inside = threading.Semaphore(1)

        def job() -> None:
            at_once.append(not inside.acquire(blocking=False))
            runs.append(time.monotonic())
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                time.sleep(0.05)
                raise KeyError("a bug in the job")
            finally:
                inside.release()

        periodic = Periodic("job", timedelta(milliseconds=10), job)
        async with running(replace(AREA, task_queue="periodic", periodic=[periodic])):
            await eventually(lambda: len(runs) >= 4)
        assert not any(at_once)
        assert all(later - earlier >= 0.06 for earlier, later in itertools.pairwise(runs))


async def gone(queue: str) -> bool:
    return queue not in await queues()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, dev_server: DevServer) -> dict[str, str]:
    """The environment of a real installation: a database of its own, migrated, and the tests' Temporal server."""
    variables = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "TEMPORAL_ADDRESS": dev_server.address,
        "DEMO": "1",
    }
    subprocess.run(manage("migrate", "--verbosity=0"), env=variables, check=True, cwd=settings.BASE_DIR)
    return variables


def manage(*words: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]


@pytest.fixture
def runworker(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, **variables: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            worker = subprocess.Popen(
                manage("runworker", *words),
                env={**environment, **variables},
                stdout=log,
                stderr=log,
                cwd=settings.BASE_DIR,
            )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.poll() is None:
            worker.kill()
        worker.wait()


class TestCommand:
    def test_is_ours_and_not_that_of_channels(self) -> None:
        assert get_commands()["runworker"] == "temporal_worker"

    def test_refuses_an_unknown_queue_and_names_the_known(self) -> None:
        with pytest.raises(CommandError, match=r"Unknown queue nope\. Known are: .*order-processing-queue"):
            call_command("runworker", queue=["nope"])

    async def test_drains_and_exits_with_0(
        self, runworker: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
    ) -> None:
        worker = runworker("--queue", "order-processing-queue")
        await eventually(lambda: b"worker_started" in (tmp_path / "log").read_bytes(), within=30)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 25) == 0
        log = (tmp_path / "log").read_text()
        assert "worker_stopped" in log
        assert "Traceback" not in log

    @pytest.mark.django_db
    def test_refuses_an_unmigrated_database(self) -> None:
        refuse_unmigrated_database()
        MigrationRecorder.Migration.objects.filter(app="temporal_worker").delete()
        with pytest.raises(CommandError, match=r"run manage\.py migrate first"):
            call_command("runworker")

    async def test_reload_restarts_on_a_change_and_leaves_nothing(
        self, runworker: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
    ) -> None:
        worker = runworker("--reload")
        try:
            await eventually(lambda: starts(tmp_path) == 1, within=30)
            source = settings.BASE_DIR / "temporal_worker" / "apps.py"
            os.utime(source)
            await eventually(lambda: starts(tmp_path) == 2, within=30)
        finally:
            worker.send_signal(signal.SIGINT)
        await asyncio.to_thread(worker.wait, 25)
        assert (tmp_path / "log").read_text().count("worker_stopped") == 2


def starts(directory: Path) -> int:
    return (directory / "log").read_text().count("worker_started")
