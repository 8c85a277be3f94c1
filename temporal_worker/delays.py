"""Saves into the projection that are being tried again: lists show what was known before them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import structlog
from django.db.models import Min
from django.db.models.functions import Now
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from temporal_worker.models import DelayedSave

SAVES = "save_"
"""What the activities are called that write the projection."""
SEEN_WITHIN = timedelta(minutes=1)
"""A save is tried every 10 s at least: one that has not been for so long is not tried any more, its workflow was ended."""
LATE_AFTER = timedelta(seconds=10)
"""So long a save may be tried again before somebody should know."""

log = structlog.get_logger(__name__)


def delayed_since(*activities: str, now: datetime) -> datetime | None:
    """Since when the oldest save of these kinds waits that is being tried again; None when none is late. One query."""
    return min((since for activity, since in delays(now=now).items() if activity in activities), default=None)


def delays(*, now: datetime) -> dict[str, datetime]:
    """The same for each kind of save of which one is late. One query."""
    rows = DelayedSave.objects.filter(seen_at__gte=Now() - SEEN_WITHIN, since__lte=now - LATE_AFTER).order_by()
    return dict(rows.values("activity").annotate(oldest=Min("since")).values_list("activity", "oldest"))


class DelayedSaveInterceptor(Interceptor):
    """Notes each save that is being tried again, and forgets it when it went through.

    As well as it can: where nothing can be written the note cannot be either, and pages do not come then. It goes round
    the activity's own function, inside of what gives its thread a live database connection.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _DelayedSaves(next)


class _DelayedSaves(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        if info.attempt > 1 and info.activity_type.startswith(SAVES):
            input.fn = _noted(input.fn, info)
        return await self.next.execute_activity(input)


def _noted(fn: Callable[..., Any], info: activity.Info) -> Callable[..., Any]:
    task = f"{info.workflow_run_id}:{info.activity_id}"

    @wraps(fn)
    def with_note(*args: Any) -> Any:
        # Before the attempt: one that hangs, or whose worker is killed, is noted too.
        _as_well_as_it_can(lambda: DelayedSave.note(task, info.activity_type, info.scheduled_time))
        answer = fn(*args)
        _as_well_as_it_can(lambda: DelayedSave.forget(task))
        return answer

    return with_note


def _as_well_as_it_can(write: Callable[[], None]) -> None:
    try:
        write()
    except Exception as error:
        log.info("delayed_save_not_noted", error=str(error))
