"""Is a worker there? Answered from the heartbeat rows that each worker writes."""

from datetime import timedelta

from django.db.models import Count
from django.db.models.functions import Now

from temporal_worker.models import WorkerHeartbeat

ALIVE_FOR = timedelta(seconds=6)
"""A worker counts as alive for this long after a beat: it may miss two."""


def live_queues() -> dict[str, int]:
    """Live workers by task queue; a queue without any is left out. One query."""
    alive = WorkerHeartbeat.objects.filter(seen_at__gte=Now() - ALIVE_FOR)
    return dict(alive.values("queue").annotate(workers=Count("id")).values_list("queue", "workers"))
