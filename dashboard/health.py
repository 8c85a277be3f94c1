"""Is everything there that the work needs? For load balancers (``/healthz``, ``/readyz``) and for the pages' own bar.

All checks run at once and share one time-out: an answer takes two seconds at most, whatever hangs.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import asdict, dataclass
from datetime import timedelta
from time import monotonic
from typing import TypeVar

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from temporalio.service import RPCError

from temporal_worker.client import TemporalUnavailable, aget_client, call
from temporal_worker.heartbeat import live_queues
from temporal_worker.registry import area_workers

T = TypeVar("T")

log = structlog.get_logger(__name__)

TIMEOUT = 1.8
"""Seconds for all checks together."""

DATABASE = "database"
TEMPORAL = "temporal"

# A check that hangs keeps its thread until the system's own time-out. Eight is a bound on how many can; the ones after
# them get no thread in time, and the answer is the same: it does not answer.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


@dataclass(frozen=True)
class Check:
    """One finding; ``detail`` is a sentence for humans and tells nothing secret."""

    ok: bool
    detail: str


def queue_check_name(task_queue: str) -> str:
    """The name of the check that a live worker polls ``task_queue``."""
    return f"queue {task_queue}"


def check_all() -> dict[str, Check]:
    """Database, Temporal, and for each area a live worker on its queue, by their names."""
    end = monotonic() + TIMEOUT
    queues = [area.task_queue for area in area_workers()]
    database = _threads.submit(_on_own_connection, _check_database)
    temporal = _threads.submit(_check_temporal)
    workers = _threads.submit(_on_own_connection, lambda: _check_workers(queues))
    not_known = {queue_check_name(queue): Check(False, "Nobody could be asked for its workers.") for queue in queues}
    return {
        DATABASE: _answer(database, end, Check(False, "The database does not answer.")),
        TEMPORAL: _answer(temporal, end, Check(False, "Temporal does not answer.")),
        **_answer(workers, end, not_known),
    }


@require_safe
@never_cache
async def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives and answers. Nothing else is asked, so that a lost database gets no web process restarted; and
    it needs no thread, which pages may all have while they wait."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when work can be done, 503 with the names of what is missing when not."""
    checks = check_all()
    ready = all(check.ok for check in checks.values())
    body = {
        "status": "ready" if ready else "unavailable",
        "checks": {name: asdict(check) for name, check in checks.items()},
    }
    return JsonResponse(body, status=200 if ready else 503)


def _answer(future: Future[T], end: float, otherwise: T) -> T:
    try:
        return future.result(timeout=max(0.0, end - monotonic()))
    except NoAnswer:
        future.cancel()
    except DatabaseError as error:
        log.warning("health_check_failed", error=str(error))
    return otherwise


def _on_own_connection(check: Callable[[], T]) -> T:
    """Runs a check on a database connection of its own and closes it: an idle thread should hold none."""
    try:
        return check()
    finally:
        connection.close()


def _check_database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Check(True, "answers")


def _check_workers(queues: list[str]) -> dict[str, Check]:
    live = live_queues()
    return {queue_check_name(queue): _worker_check(live.get(queue, 0)) for queue in queues}


def _worker_check(workers: int) -> Check:
    if workers == 0:
        return Check(False, "No worker is running: what was asked waits until one is there.")
    return Check(True, "1 live worker" if workers == 1 else f"{workers} live workers")


def _check_temporal() -> Check:
    try:
        serving = call(_ask_temporal(), timeout=TIMEOUT)
    except TemporalUnavailable as error:
        return Check(False, str(error))
    except RPCError:
        return Check(False, "Temporal is out of reach.")
    return Check(True, "serves") if serving else Check(False, "Temporal is starting or stopping.")


async def _ask_temporal() -> bool:
    client = await aget_client()
    return await client.service_client.check_health(timeout=timedelta(seconds=1.5))
