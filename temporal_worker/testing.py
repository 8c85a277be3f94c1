"""For tests: the same workers as ``runworker``'s, in this process."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.client import Client

from temporal_worker.registry import AreaWorker
from temporal_worker.workers import build_worker


@asynccontextmanager
async def running_worker(
    client: Client, *areas: AreaWorker, threads: int = 8, max_cached_workflows: int | None = None
) -> AsyncIterator[None]:
    """Runs a worker for each area until the block ends. ``max_cached_workflows=0`` replays at every single task."""
    with ThreadPoolExecutor(threads, thread_name_prefix="activity") as executor:
        async with AsyncExitStack() as stack:
            for area in areas:
                worker = build_worker(
                    client,
                    area,
                    executor,
                    max_concurrent_activities=threads,
                    max_cached_workflows=max_cached_workflows,
                    grace=timedelta(seconds=1),
                )
                await stack.enter_async_context(worker)
            yield
