"""The times of recurring campaigns: the next one known before it comes, paused – one campaign's, or all while everything is
stopped –, let come again, ended for good."""

from contextlib import suppress
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from temporalio.service import RPCError, RPCStatusCode

from campaigns import projection
from campaigns.contract import CampaignRefusal, CampaignStatus, StopEntry, StopState, campaign_workflow_id
from campaigns.gateway.problems import CampaignRefused, InvalidRequest, Unavailable
from campaigns.gateway.recurring import end_schedule, ensure_schedule, next_times
from campaigns.models import Campaign
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable
from temporal_worker.models import ChangeCounter

_RPC_TIMEOUT = timedelta(seconds=5)

log = structlog.get_logger(__name__)


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
        _mark(row, times_paused_at=timezone.now(), times_paused_why=reason[:500])
        if row.status == Campaign.STARTING and row.planned_at is None:
            try:
                ensure_schedule(row)
            except InvalidRequest:  # no time at all: it becomes a draft again
                _mark(row, times_paused_at=None, times_paused_why="")
                continue
        if _tell(row, paused=True, note=reason):
            entries.append(StopEntry(campaign_workflow_id(row.campaign_id), StopState.TIMES_PAUSED))
        else:
            _mark_ended(row)  # its last time was long ago
    return entries


def pause_times(row: Campaign, by: str, reason: str, key: str) -> bool:
    """Of one campaign, until somebody lets them come again. False when there are none any more.

    Once for each ``key``: a repeat pauses nothing that has been let come meanwhile; it tells Temporal again, which may not
    have been there. Raises CampaignRefused (``already_paused``), Unavailable.
    """
    if row.times_paused_key != key:
        why = f"{by}: {reason}" if reason else by
        word = {"times_paused_at": timezone.now(), "times_paused_why": why[:500], "times_paused_key": key}
        if not _mark(row, only=Q(times_paused_at=None), **word) and row.times_paused_key != key:
            raise _already_paused(row)
    if row.times_paused_at is None:
        return row.times_ended_at is None
    if _tell(row, paused=True, note=row.times_paused_why):
        return True
    _mark_ended(row)
    return False


def _already_paused(row: Campaign) -> CampaignRefused:
    why = row.times_paused_why.strip().rstrip(".")
    words = f"It is paused already{f': {why}' if why else ''}."
    return CampaignRefused(CampaignRefusal.ALREADY_PAUSED, words, {"reason": row.times_paused_why})


def let_times_come(row: Campaign, by: str, key: str = "") -> None:
    """From now on; what was missed meanwhile is not made up for. Raises Unavailable."""
    _tell(row, paused=False, note=f"{by} lets it come again")
    _mark(row, times_paused_at=None, times_paused_why="", times_resumed_key=key)
    with suppress(Unavailable):  # a worker asks again
        note_next_time(row)


def end_times(row: Campaign) -> None:
    """No further time comes. Raises Unavailable."""
    end_schedule(row)
    _mark_ended(row)


def note_next_times() -> int:
    """Ask for the next time of each recurring campaign whose last known one has come. Returns how many; stops at the first
    when Temporal is out of reach."""
    # A paused Schedule tells the times as they were when it was paused.
    due = live_series().filter(next_time_at__lte=timezone.now(), times_paused_at=None)
    # Before its Schedule is there nobody knows its times.
    due = due.exclude(status=Campaign.STARTING, planned_at=None)
    noted = 0
    for row in due.order_by("next_time_at")[:100]:
        try:
            note_next_time(row)
        except Unavailable as problem:
            log.warning("next_times_wait_for_temporal", campaign_id=row.campaign_id, problem=problem.detail)
            break
        noted += 1
    return noted


def note_next_time(row: Campaign) -> None:
    """Write down when the campaign comes again, as its Schedule has it. Raises Unavailable."""
    times = next_times(row)
    next_time_at = times[0] if times else None
    if next_time_at == row.next_time_at:
        return
    with transaction.atomic():
        change = ChangeCounter.bump(projection.COUNTER)
        # Not over the end that somebody has set meanwhile.
        Campaign.objects.filter(pk=row.pk, times_ended_at=None).update(next_time_at=next_time_at, change=change)
    row.refresh_from_db()


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


def _mark_ended(row: Campaign) -> None:
    _mark(row, times_paused_at=None, times_paused_why="", times_ended_at=timezone.now(), next_time_at=None)


def _mark(row: Campaign, *, only: Q | None = None, **fields: object) -> bool:
    """False, with the row as it is now, when it is not one of ``only`` (any more)."""
    with transaction.atomic():
        change = ChangeCounter.bump(projection.COUNTER)
        rows = Campaign.objects.filter(only or Q(), pk=row.pk)
        is_marked = bool(rows.update(change=change, updated_at=timezone.now(), **fields))
    row.refresh_from_db()
    return is_marked
