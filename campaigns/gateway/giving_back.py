"""Slots of messages that have definitely not gone out, and whose actors could not be told: a worker was killed after the
outcome's commit, or Temporal was away."""

import asyncio
from datetime import timedelta

import structlog
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns.models import SendLog
from campaigns.models.words import COUNTED
from campaigns.send_log import slot_given_back
from campaigns.sending import asking
from temporal_worker import client
from temporal_worker.client import RequestRefused, TemporalUnavailable

AFTER = timedelta(seconds=30)
"""Before, whoever has written the outcome down may still be telling the actor."""
KEPT = timedelta(hours=48)
"""After that it counts in no window any more."""
AT_ONCE = 100
IN_FLIGHT = 10

log = structlog.get_logger(__name__)


def give_back_slots() -> int:
    """Release what is still held. Returns how many were; what is out of reach is tried the next time."""
    now = timezone.now()
    held = SendLog.objects.filter(holds_slot=True)
    held.filter(at__lte=now - KEPT).update(holds_slot=False)
    rows = list(held.filter(at__gt=now - KEPT, settled_at__lte=now - AFTER).order_by("at")[:AT_ONCE])
    # A grant that was refused once and has been used after all keeps its slot.
    ids = [row.grant_id for row in rows]
    used = set(SendLog.objects.filter(grant_id__in=ids, outcome__in=COUNTED).values_list("grant_id", flat=True))
    released = client.call(_release([row for row in rows if row.grant_id not in used]), timeout=120)
    for grant_id in {*released, *used}:
        slot_given_back(grant_id)
    return len(released)


async def _release(rows: list[SendLog]) -> list[str]:
    """The grant ids of which nothing is left to be said."""
    room, away, done = asyncio.Semaphore(IN_FLIGHT), asyncio.Event(), []

    async def release(row: SendLog) -> None:
        async with room:
            if away.is_set():
                return
            try:
                await asking.release(await client.aget_client(), row.user_id, row.grant_id, row.detail or row.code)
            except TemporalUnavailable:
                away.set()
                return
            except (ApplicationError, RequestRefused) as problem:
                # It will be no better the next time.
                log.warning("grant_not_given_back", grant_id=row.grant_id, problem=str(problem))
            done.append(row.grant_id)

    await asyncio.gather(*(release(row) for row in rows))
    return done
