"""The times of recurring campaigns, all together: paused while everything is stopped, let come again, ended for good."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from temporalio.service import RPCError, RPCStatusCode

from campaigns import projection
from campaigns.contract import CampaignStatus, StopEntry, StopState, campaign_workflow_id
from campaigns.gateway.problems import InvalidRequest, Unavailable
from campaigns.gateway.recurring import end_schedule, ensure_schedule
from campaigns.models import Campaign
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable
from temporal_worker.models import ChangeCounter

_RPC_TIMEOUT = timedelta(seconds=5)


def live_series() -> "QuerySet[Campaign]":
    """The first rows of recurring campaigns of which more times may come, whatever became of their own."""
    launched = Campaign.objects.filter(first=None, times_ended_at=None).exclude(recurs="").exclude(launched_at=None)
    return launched.exclude(status=CampaignStatus.DRAFT)


def pause_all_times(reason: str) -> list[StopEntry]:
    """Pause the Schedule of each recurring campaign; what became of each. Safe to repeat.

    A time that is just coming finds the row's word and begins nothing; one that is launched at this very moment has its
    Schedule made here, paused, and whoever launches it finds it. Raises Unavailable.
    """
    entries = []
    for row in live_series().order_by("pk"):
        _mark(row, times_paused_at=timezone.now())
        if row.status == Campaign.STARTING and row.planned_at is None:
            try:
                ensure_schedule(row)
            except InvalidRequest:  # no time at all: it becomes a draft again
                _mark(row, times_paused_at=None)
                continue
        if _tell(row, paused=True, note=reason):
            entries.append(StopEntry(campaign_workflow_id(row.campaign_id), StopState.TIMES_PAUSED))
        else:
            _mark(row, times_paused_at=None, times_ended_at=timezone.now())  # its last time was long ago
    return entries


def let_times_come(row: Campaign, by: str) -> None:
    """From now on; what was missed meanwhile is not made up for. Raises Unavailable."""
    _tell(row, paused=False, note=f"{by} lets it come again")
    _mark(row, times_paused_at=None)


def end_times(row: Campaign) -> None:
    """No further time comes. Raises Unavailable."""
    end_schedule(row)
    _mark(row, times_paused_at=None, times_ended_at=timezone.now())


def _tell(row: Campaign, *, paused: bool, note: str) -> bool:
    """False when there is no such Schedule."""

    async def tell() -> None:
        handle = (await client.aget_client()).get_schedule_handle(campaign_workflow_id(row.campaign_id))
        change = handle.pause if paused else handle.unpause
        await change(note=note[:500] or None, rpc_timeout=_RPC_TIMEOUT)

    try:
        client.call(tell())
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise Unavailable(f"Temporal is out of reach: {error.message}") from error
    return True


def _mark(row: Campaign, **fields: object) -> None:
    with transaction.atomic():
        change = ChangeCounter.bump(projection.COUNTER)
        Campaign.objects.filter(pk=row.pk).update(change=change, updated_at=timezone.now(), **fields)
    row.refresh_from_db()
