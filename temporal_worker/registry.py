"""What each area asks the worker to run. An area says it in ``<app>/worker.py``, in a constant ``AREA_WORKER``."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules


@dataclass(frozen=True)
class Periodic:
    """A small job of the worker process, such as a reconciler. It runs in a thread, never twice at once in a process.

    With several worker processes each runs it: it has to bear that.
    """

    name: str
    every: timedelta
    """Pause between the end of one run and the start of the next. The first run is at the start."""
    run: Callable[[], None]


@dataclass(frozen=True)
class AreaWorker:
    """One task queue and what is registered on it."""

    task_queue: str
    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]
    periodic: Sequence[Periodic] = ()
    cached_workflows: int = 150
    """How many a process keeps in memory, between two tasks; who is not among them is read from their history first. About
    0.1 MB each, and a third of that for one whose module is ``loaded_once``."""


def area_workers() -> list[AreaWorker]:
    """All areas of the installed apps, in their order.

    Raises:
        ImproperlyConfigured: two areas claim one queue: a task would reach a worker that does not know it.
    """
    autodiscover_modules("worker")
    found: dict[str, AreaWorker] = {}
    for app in apps.get_app_configs():
        area = getattr(sys.modules.get(f"{app.name}.worker"), "AREA_WORKER", None)
        if not isinstance(area, AreaWorker):
            continue
        if area.task_queue in found:
            raise ImproperlyConfigured(f"{app.name}.worker: the queue {area.task_queue} is taken by another area.")
        found[area.task_queue] = area
    return list(found.values())
