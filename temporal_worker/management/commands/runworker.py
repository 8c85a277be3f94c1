"""``manage.py runworker``: the process that runs workflows and activities."""

import asyncio
import logging
import os
import shlex
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from temporalio.common import WorkerDeploymentVersion

from temporal_worker.heaps import keep_few_heaps
from temporal_worker.metrics import metrics_runtime
from temporal_worker.process import WorkerProcess
from temporal_worker.registry import AreaWorker, area_workers


class Command(BaseCommand):
    help = "Runs the Temporal worker of all areas. SIGTERM or Ctrl-C drains it, a second one ends it at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue", action="append", metavar="NAME", help="Serve this task queue only; may be repeated."
        )
        parser.add_argument("--reload", action="store_true", help="Restart on source changes (development).")
        parser.add_argument(
            "--deployment", default=settings.WORKER_DEPLOYMENT, metavar="NAME", help="Worker Deployment it belongs to."
        )
        parser.add_argument(
            "--build-id", default=settings.WORKER_BUILD_ID, metavar="ID", help="Version of that deployment that it is."
        )

    def handle(
        self, *args: Any, queue: list[str] | None, reload: bool, deployment: str, build_id: str, **options: Any
    ) -> None:
        areas = chosen_areas(queue)
        version = chosen_version(deployment, build_id)
        if reload:
            self._run_reloading(queue or [])
            return
        refuse_unmigrated_database()
        refuse_deaf_metrics()
        keep_few_heaps()
        _leave(asyncio.run(self._run(areas, version)))

    async def _run(self, areas: list[AreaWorker], version: WorkerDeploymentVersion | None) -> int:
        return await WorkerProcess(areas, settings.WORKER_THREADS, leave=_leave, version=version).run()

    def _run_reloading(self, queues: list[str]) -> None:
        try:
            from watchfiles import PythonFilter, run_process
        except ImportError as error:
            raise CommandError("--reload needs the watchfiles package of the development group.") from error
        command = [sys.executable, sys.argv[0], "runworker"]
        for name in queues:
            command += ["--queue", name]
        run_process(
            settings.BASE_DIR,
            target=shlex.join(command),
            target_type="command",
            watch_filter=PythonFilter(ignore_paths=[settings.DATA_DIR]),
            callback=lambda changes: self.stderr.write(f"{len(changes)} files changed, restarting the worker"),
        )


def chosen_areas(queues: list[str] | None) -> list[AreaWorker]:
    """The areas of the named queues, or all.

    Raises:
        CommandError: a queue is unknown, or there is none.
    """
    areas = area_workers()
    known = {area.task_queue for area in areas}
    if not areas:
        raise CommandError("No installed app has a worker.py with an AREA_WORKER.")
    if unknown := sorted(set(queues or []) - known):
        raise CommandError(f"Unknown queue {', '.join(unknown)}. Known are: {', '.join(sorted(known))}.")
    return [area for area in areas if not queues or area.task_queue in queues]


def chosen_version(deployment: str, build_id: str) -> WorkerDeploymentVersion | None:
    """The version that this worker is; None when it is none of a deployment.

    Raises:
        CommandError: half of it is said, or the name has a dot, which parts it from the build id.
    """
    if bool(deployment) != bool(build_id):
        raise CommandError("A deployment needs a build id, and a build id a deployment.")
    if "." in deployment:
        raise CommandError(f"The deployment {deployment} must not have a dot in its name.")
    return WorkerDeploymentVersion(deployment, build_id) if deployment else None


def refuse_deaf_metrics() -> None:
    """Whoever asks for figures should not find out a month later that there were none.

    Raises:
        CommandError: METRICS_ADDRESS is taken, or no address.
    """
    try:
        metrics_runtime()
    except (ValueError, RuntimeError) as error:
        raise CommandError(f"METRICS_ADDRESS {settings.METRICS_ADDRESS}: {error}") from error


def refuse_unmigrated_database() -> None:
    """An activity on an old schema would fail half-way through an effect; better not to take the task.

    Raises:
        CommandError: a migration has not been applied.
    """
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise CommandError(f"{len(plan)} migrations are not applied to the database: run manage.py migrate first.")


def _leave(code: int) -> None:
    """Ends the process without the interpreter's own exit, in which the SDK's native threads may crash it.

    15 of 40 correct runs aborted there (temporalio/sdk-python#300). All is drained by now but the buffers.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
