"""The worker process: one event loop, a worker per task queue, one thread pool, heartbeats and periodic jobs."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import close_old_connections
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker

from temporal_worker.connection import address, connect
from temporal_worker.metrics import metrics_runtime
from temporal_worker.models import WorkerHeartbeat
from temporal_worker.registry import AreaWorker, Periodic
from temporal_worker.workers import GRACE, build_worker

BEAT_EVERY = 2.0
"""Seconds between two heartbeats."""
CONNECT_WITHIN = 3.0
"""Seconds that one attempt to reach the Temporal server may take."""
RETRY_EVERY = 1.0
"""Seconds between two attempts to reach a Temporal server that is not up."""
SAY_EVERY = 5.0
"""Seconds between two log lines while waiting for it."""
STUCK_AFTER = GRACE.total_seconds() + 10
"""Seconds after which a drain that does not end – a thread that nothing can interrupt – is given up."""

log = structlog.get_logger(__name__)


class WorkerProcess:
    """Runs until SIGTERM or SIGINT, then drains. A second signal ends the process at once."""

    def __init__(
        self,
        areas: Sequence[AreaWorker],
        threads: int,
        leave: Callable[[int], None] = os._exit,
        version: WorkerDeploymentVersion | None = None,
    ) -> None:
        """``threads`` is the size of the pool, and so the most sync activities at once. ``leave`` ends the process."""
        self.areas = areas
        self.threads = threads
        self.version = version
        self.identity = f"{os.getpid()}@{socket.gethostname()}"
        self._leave = leave
        self._stop = asyncio.Event()

    @property
    def queues(self) -> list[str]:
        return [area.task_queue for area in self.areas]

    async def run(self) -> int:
        """Returns the exit code: 0 after a complete drain, 1 when something had to be left behind."""
        logging.getLogger("temporalio.activity").addFilter(_not_an_activity_failure)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, signal.Signals(number).name)
        try:
            with ThreadPoolExecutor(self.threads, thread_name_prefix="activity") as executor:
                return await self._run_until_stopped(executor)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Begins the drain."""
        self._stop.set()

    def _on_signal(self, name: str) -> None:
        if self._stop.is_set():
            log.warning("worker_forced_to_stop", signal=name)
            self._leave(1)
        log.info("worker_stopping", signal=name, grace_seconds=GRACE.total_seconds())
        self.stop()

    async def _run_until_stopped(self, executor: ThreadPoolExecutor) -> int:
        client = await self._connect()
        if client is None:
            return 0
        workers = self._build(client, executor)
        beats = asyncio.create_task(self._beat())
        periodic = [asyncio.create_task(self._repeat(job)) for area in self.areas for job in area.periodic]
        log.info("worker_started", queues=self.queues, identity=self.identity, temporal=address())
        running = [asyncio.create_task(self._keep_running(worker, executor)) for worker in workers]
        await self._stop.wait()
        # From here on nothing is polled: nobody should take this worker for a live one.
        for job in periodic:
            job.cancel()
        beats.cancel()
        await asyncio.wait([beats])
        await self._in_thread(lambda: WorkerHeartbeat.leave(self.identity), "heartbeat_failed")
        _, stuck = await asyncio.wait([*running, *periodic], timeout=STUCK_AFTER)
        if stuck:
            log.error("worker_gave_up_on_running_work", seconds=STUCK_AFTER)
            self._leave(1)
        log.info("worker_stopped")
        return 0

    async def _connect(self) -> Client | None:
        """The client, as soon as there is a server; None when the process is asked to stop before."""
        said_at = -SAY_EVERY
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    return await connect(runtime=metrics_runtime())
            except Exception as error:
                if time.monotonic() - said_at >= SAY_EVERY:
                    said_at = time.monotonic()
                    log.warning("waiting_for_temporal", temporal=address(), error=str(error))
            await self._sleep(RETRY_EVERY)
        return None

    def _build(self, client: Client, executor: ThreadPoolExecutor) -> list[Worker]:
        return [self._build_one(client, area, executor) for area in self.areas]

    def _build_one(self, client: Client, area: AreaWorker, executor: ThreadPoolExecutor) -> Worker:
        return build_worker(
            client,
            area,
            executor,
            # The queues share the pool: an activity that was taken must not wait for a thread while its time runs.
            max_concurrent_activities=max(1, self.threads // len(self.areas)),
            version=self.version,
        )

    async def _keep_running(self, worker: Worker, executor: ThreadPoolExecutor) -> None:
        """Runs a worker until the stop; one that fails – its server was away for too long – is built anew."""
        [area] = [area for area in self.areas if area.task_queue == worker.task_queue]
        while True:
            running = asyncio.create_task(worker.run())
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                await asyncio.gather(worker.shutdown(), running, return_exceptions=True)
                return
            stopping.cancel()
            log.error("worker_failed", queue=area.task_queue, error=repr(running.exception()))
            client = await self._connect()
            if client is None:
                return
            worker = self._build_one(client, area, executor)
            await self._sleep(RETRY_EVERY)

    async def _beat(self) -> None:
        while True:
            await self._in_thread(lambda: WorkerHeartbeat.beat(self.queues, self.identity), "heartbeat_failed")
            await asyncio.sleep(BEAT_EVERY)

    async def _repeat(self, job: Periodic) -> None:
        while True:
            await self._in_thread(job.run, "periodic_failed", job=job.name)
            await asyncio.sleep(job.every.total_seconds())

    async def _in_thread(self, work: Callable[[], None], failure: str, **context: Any) -> None:
        """Runs ``work`` on a thread outside the pool, with a live database connection. Errors are only logged."""

        def with_live_connections() -> None:
            close_old_connections()
            try:
                work()
            finally:
                close_old_connections()

        try:
            await _finish(asyncio.to_thread(with_live_connections))
        except Exception:
            log.exception(failure, **context)

    async def _sleep(self, seconds: float) -> None:
        """Sleeps, but not past the stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Awaits ``work`` to its end even when cancelled: a thread cannot be stopped half-way through a transaction."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _not_an_activity_failure(record: logging.LogRecord) -> bool:
    # The SDK logs each failed attempt with a traceback; ActivityLogInterceptor logs 1, 10, 100 …
    return getattr(record, "__temporal_error_identifier", None) != "ActivityFailure"
