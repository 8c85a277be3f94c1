"""How old the lists of an area may be: they are drawn from its projection, and show nothing of it when that stands still."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.template.loader import render_to_string
from django.utils import timezone

from dashboard import areas
from dashboard.health import TEMPORAL, Check, queue_check_name
from temporal_worker.delays import SAVES, delays
from temporal_worker.registry import AreaWorker


@dataclass(frozen=True)
class Stale:
    """The lists of the app ``area`` may lack what has happened after ``since``; None when nobody has seen that begin."""

    area: str
    why: str
    since: datetime | None = None


def find_stale(checks: Mapping[str, Check]) -> tuple[Stale, ...]:
    """What is known of it now, at most once for each area. One query.

    ``since`` is left out where nobody is there to save anything: whoever looks again and again knows when that began.
    """
    late = delays(now=timezone.now())
    found = (
        _area(module.__name__.split(".")[0], module.AREA_WORKER, checks, late) for module in areas.modules("worker")
    )
    return tuple(one for one in found if one is not None)


def _area(area: str, worker: AreaWorker, checks: Mapping[str, Check], late: Mapping[str, datetime]) -> Stale | None:
    if not checks[TEMPORAL].ok:
        return Stale(area, "Temporal does not answer")
    if not checks[queue_check_name(worker.task_queue)].ok:
        return Stale(area, "no worker is running")
    saves = [name for activity in worker.activities if (name := activity.__name__).startswith(SAVES)]
    since = min((late[name] for name in saves if name in late), default=None)
    return None if since is None else Stale(area, "what happens is saved late", since)


@lru_cache(maxsize=16)
def as_of_fragment(stale: Stale | None) -> str:
    """What stands beside the title of a list."""
    return render_to_string("_as_of.html", {"stale": stale})
