"""The worker of the bare workflow: a process and a configuration like the product's, with the product's activities."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import django


async def work() -> None:
    from django.conf import settings

    from orders.worker import AREA_WORKER
    from temporal_worker.connection import connect
    from temporal_worker.registry import AreaWorker
    from temporal_worker.workers import build_worker
    from tests.benchmarks.bare_workflow import QUEUE, BareOrderWorkflow

    area = AreaWorker(QUEUE, [BareOrderWorkflow], AREA_WORKER.activities)
    with ThreadPoolExecutor(settings.WORKER_THREADS) as executor:
        await build_worker(await connect(), area, executor).run()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    asyncio.run(work())
