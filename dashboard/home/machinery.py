"""How the machinery is: Temporal, the workers of each queue with what waits for them, and the workflows that are stuck.

It is looked up beside the pages, at most every few seconds for all of a process, and a page shows the last finding: nobody
waits for a server that does not answer. Workers are counted by their heartbeats (Temporal's own list of pollers names a
stopped one for minutes); the backlog is Temporal's estimate.
"""

import asyncio
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import structlog
from django.db import connections
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from temporal_worker.client import aget_client, call
from temporal_worker.heartbeat import live_queues
from temporal_worker.registry import area_workers

LOOK_EVERY = 3.0
"""Seconds between two looks, at least."""
FAILING_EVERY = 30.0
"""Seconds between two looks for workflows whose task fails: they stay so for longer."""
FAILING = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
"""Temporal marks a workflow after some five tasks in a row that failed, which takes it about a minute."""
MOST_FAILING = 50
"""So many of them are looked up."""
TIMEOUT = 1.5
BACKLOG_FROM = 1_000
"""Tasks that wait, from which somebody should look."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Queue:
    """``backlog`` is None while Temporal does not tell."""

    name: str
    workers: int
    backlog: int | None


@dataclass(frozen=True)
class Failing:
    """A workflow whose task fails each time: its code breaks, and it stands still."""

    workflow_id: str
    queue: str


@dataclass(frozen=True)
class Machinery:
    queues: tuple[Queue, ...] = ()
    temporal: bool | None = None
    """None: not looked up yet."""
    failing: tuple[Failing, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.temporal is not None

    @property
    def without_worker(self) -> tuple[Queue, ...]:
        return tuple(queue for queue in self.queues if not queue.workers)

    @property
    def is_well(self) -> bool:
        return self.temporal is not False and not self.without_worker


def look() -> Machinery:
    """Looks now; takes two seconds at most."""
    areas = area_workers()
    try:
        live = live_queues()
    finally:
        connections.close_all()
    backlogs: dict[str, int] = {}
    answers = True
    try:
        backlogs = call(_backlogs([area.task_queue for area in areas]), timeout=TIMEOUT)
    except Exception as error:
        answers = False
        log.info("backlogs_unknown", error=str(error))
    queues = (Queue(area.task_queue, live.get(area.task_queue, 0), backlogs.get(area.task_queue)) for area in areas)
    return Machinery(tuple(queues), answers)


def look_for_failing() -> tuple[Failing, ...]:
    """Looks now; raises what Temporal answers."""
    found: tuple[Failing, ...] = call(_failing(), timeout=TIMEOUT)
    return found


async def _failing() -> tuple[Failing, ...]:
    client = await aget_client()
    rows = client.list_workflows(FAILING, limit=MOST_FAILING, rpc_timeout=timedelta(seconds=TIMEOUT))
    return tuple(sorted([Failing(row.id, row.task_queue) async for row in rows], key=lambda one: one.workflow_id))


async def _backlogs(queues: list[str]) -> dict[str, int]:
    client = await aget_client()
    kinds = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
    asked = [(queue, kind) for queue in queues for kind in kinds]
    answers = await asyncio.gather(*(_backlog(client, queue, kind) for queue, kind in asked))
    found = dict.fromkeys(queues, 0)
    for (queue, _), number in zip(asked, answers, strict=True):
        found[queue] += number
    return found


async def _backlog(client: Client, queue: str, kind: TaskQueueType.ValueType) -> int:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind, report_stats=True
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=timedelta(seconds=TIMEOUT))
    return int(answer.stats.approximate_backlog_count)


class Watch:
    """The process's own finding. Use ``watch``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = Machinery()
        self._looked_at = float("-inf")
        self._looking = False
        self._failing: tuple[Failing, ...] = ()
        self._failing_at = float("-inf")

    def current(self) -> Machinery:
        """The last finding; has a new one looked up beside it when it is old."""
        with self._lock:
            if not self._looking and monotonic() - self._looked_at > LOOK_EVERY:
                self._looking = True
                threading.Thread(target=self._look, name="health-queues", daemon=True).start()
            return self._last

    def _look(self) -> None:
        found = Machinery()
        try:
            found = look()
            if found.temporal:
                self._look_for_failing()
            found = replace(found, failing=self._failing)
        except Exception:
            log.exception("machinery_look_failed")
        finally:
            with self._lock:
                self._last, self._looked_at, self._looking = found, monotonic(), False

    def _look_for_failing(self) -> None:
        if monotonic() - self._failing_at < FAILING_EVERY:
            return
        self._failing_at = monotonic()
        try:
            self._failing = look_for_failing()
        except Exception as error:
            log.info("failing_workflows_unknown", error=str(error))


watch = Watch()
