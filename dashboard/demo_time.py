"""The demo's time: how far a process's clock was put ahead of everybody's. Outside the demo no clock ever is."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from temporal_worker.models import DemoClock


def ahead_of(workflow_id: str) -> timedelta:
    if not settings.DEMO:
        return timedelta(0)
    seconds = DemoClock.objects.filter(workflow_id=workflow_id).values_list("ahead_seconds", flat=True).first()
    return timedelta(seconds=seconds or 0)


def note_ahead(workflow_id: str, ahead: timedelta) -> None:
    DemoClock.objects.update_or_create(workflow_id=workflow_id, defaults={"ahead_seconds": ahead.total_seconds()})


def demo_context(workflow_id: str) -> dict[str, Any]:
    """What the pages of a process draw their countdowns from: ``now`` is the process's own."""
    ahead = ahead_of(workflow_id)
    return {"in_demo": settings.DEMO, "ahead": ahead, "now": datetime.now(UTC) + ahead}
