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

from temporal_worker.process import WorkerProcess
from temporal_worker.registry import AreaWorker, area_workers


class Command(BaseCommand):
    help = "Runs the Temporal worker of all areas. SIGTERM or Ctrl-C drains it, a second one ends it at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue", action="append", metavar="NAME", help="Serve this task queue only; may be repeated."
        )
        parser.add_argument("--reload", action="store_true", help="Restart on source changes (development).")

    def handle(self, *args: Any, queue: list[str] | None, reload: bool, **options: Any) -> None:
        areas = chosen_areas(queue)
        if reload:
            self._run_reloading(queue or [])
            return
        refuse_unmigrated_database()
        _leave(asyncio.run(self._run(areas)))

    async def _run(self, areas: list[AreaWorker]) -> int:
        return await WorkerProcess(areas, settings.WORKER_THREADS, leave=_leave).run()

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
