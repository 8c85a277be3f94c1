"""Starting what was launched: a campaign's workflow, the Schedule of a recurring one, or – everything was stopped meanwhile –
the workflow that is paused before it has begun."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from temporalio.common import WorkflowIDReusePolicy

from campaigns import projection
from campaigns.contract import (
    CAMPAIGN_WORKFLOW_TYPE,
    TASK_QUEUE,
    By,
    CampaignInput,
    CampaignLimits,
    CampaignStatus,
    Door,
    Mailing,
    StopInput,
    campaign_workflow_id,
)
from campaigns.gateway.problems import InvalidRequest, Unavailable
from campaigns.gateway.recurring import MISSED_AFTER, ensure_schedule
from campaigns.gateway.series import note_next_time
from campaigns.models import Campaign, CampaignSettings
from campaigns.sending.occurrences import next_occurrence
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowAlreadyStarted, WorkflowCompleted, WorkflowNotFound
from temporal_worker.links import page_link
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import to_json

START_AGAIN_AFTER = timedelta(seconds=5)

log = structlog.get_logger(__name__)


def input_of(row: Campaign, by: By) -> CampaignInput:
    """What a row's workflow starts from."""
    settings = CampaignSettings.current()
    mailing = Mailing(
        campaign_id=row.campaign_id,
        series_id=row.series_id,
        channel=row.channel,
        category=row.category,
        occurrence=row.occurrence,
        transactional=row.transactional,
        texts_version=row.draft_version,
        defers=row.defers,
        ends_at=row.ends_at,
    )
    limits = CampaignLimits(
        version=settings.version,
        approval_above=settings.approval_above,
        shard_size=settings.shard_size,
        batch_size=settings.batch_size,
        pause_error_percent=settings.pause_error_percent,
        pause_error_least=max(1, settings.pause_error_least),
        late_seconds=late_seconds(row),
    )
    return CampaignInput(
        mailing=mailing,
        rate_per_minute=row.rate_per_minute or settings.rate_per_minute,
        name=row.name,
        limits=replace(limits, approval_above=0) if row.asks_first else limits,
        starts_at=row.starts_at,
        planned_at=row.planned_at,
        by=by,
    )


def late_seconds(row: Campaign) -> int | None:
    """How much later than at its time it is left out; None: never."""
    if row.planned_at is None:
        return row.late_minutes * 60 if row.starts_at is not None and row.late_minutes else None
    is_left_out = row.missed_runs == Campaign.Missed.SKIP
    return int(MISSED_AFTER.total_seconds()) if is_left_out else None


def start(row: Campaign) -> None:
    """Start its workflow, or, of a recurring one, the Schedule that starts one after the other.

    Raises:
        InvalidRequest: ``recurs`` is no time; it is a draft again
        Unavailable
    """
    if _is_series_before_its_first_time(row):
        try:
            ensure_schedule(row)
        except InvalidRequest:
            _set_status(row, CampaignStatus.DRAFT, launch_key="", launched_by="", launched_at=None, next_time_at=None)
            raise
        _set_status(row, CampaignStatus.SCHEDULED)
        with suppress(Unavailable):  # a worker asks again
            note_next_time(row)
        return
    try:
        _start_workflow(row)
    except WorkflowAlreadyStarted:
        return
    except TemporalUnavailable as error:
        raise Unavailable(
            f"{error} The campaign {row.campaign_id} is kept and starts by itself; launching again starts it once.",
            error.retry_after,
        ) from error


def hold(workflow_id: str, stop: StopInput) -> bool:
    """Stop a campaign that had no workflow to be told a moment ago. One that is launched and not started is started with the
    stop as the first thing that it hears: whoever else is starting it comes second, and nothing of it begins.

    False when there is nothing to stop: it is over, or a recurring one between two times. Raises Unavailable.
    """
    campaign_id = workflow_id.removeprefix(campaign_workflow_id(""))
    row = Campaign.objects.select_related("first").filter(campaign_id=campaign_id).first()
    if row is None or _is_series_before_its_first_time(row):
        return False
    try:
        if row.status == Campaign.STARTING:
            _with_input(row)
            _start_workflow(row, start_signal="stop", start_signal_args=[stop])
        else:
            client.call(client.signal(workflow_id, "stop", stop))
    except (WorkflowAlreadyStarted, WorkflowCompleted, WorkflowNotFound):
        return False  # it has ended meanwhile, or there is none
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    return True


def _start_workflow(row: Campaign, **more: Any) -> None:
    starting = client.start_workflow(
        CAMPAIGN_WORKFLOW_TYPE,
        projection.load_input(row),
        id=campaign_workflow_id(row.campaign_id),
        task_queue=TASK_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=row.name[:200],
        static_details=page_link(f"/campaigns/{row.campaign_id}/"),
        **more,
    )
    client.call(starting)


def _is_series_before_its_first_time(row: Campaign) -> bool:
    """It has a Schedule, and no workflow."""
    return bool(row.recurs) and row.planned_at is None


def _set_status(row: Campaign, status: CampaignStatus, **more: Any) -> None:
    with transaction.atomic():
        change = ChangeCounter.bump(projection.COUNTER)
        rows = Campaign.objects.filter(pk=row.pk, status=Campaign.STARTING)
        rows.update(status=status, change=change, updated_at=timezone.now(), **more)
    row.refresh_from_db()


def start_occurrence(series_id: str, planned_at: datetime) -> str:
    """Start the occurrence that is due at this moment, once. Returns its workflow's id, "" when the series has ended or its
    times are paused.

    Raises:
        Unavailable
    """
    row = next_occurrence(series_id, planned_at, _occurrence_input)
    if row is None:
        return ""
    if row.status == Campaign.STARTING:
        start(_with_input(row))
    return campaign_workflow_id(row.campaign_id)


def _occurrence_input(row: Campaign) -> dict[str, Any]:
    return to_json(input_of(row, By(row.launched_by, Door.SYSTEM)))


def _with_input(row: Campaign) -> Campaign:
    """An occurrence has been written without it, once."""
    if not row.start_input:
        row.start_input = _occurrence_input(row)
        row.save(update_fields=["start_input"])
    return row


def finish_starting_campaigns() -> int:
    """Start what was launched and not started. Returns how many; stops at the first when Temporal is out of reach."""
    started = 0
    rows = Campaign.objects.filter(status=Campaign.STARTING, launched_at__lt=timezone.now() - START_AGAIN_AFTER)
    # What everything was stopped for waits until its times come again. (A Schedule is made paused: see ``recurring``.)
    held = Q(first__times_paused_at__isnull=False) | Q(planned_at__isnull=False, times_paused_at__isnull=False)
    for row in rows.exclude(held).order_by("pk")[:100]:
        try:
            start(row if _is_series_before_its_first_time(row) else _with_input(row))
        except InvalidRequest as problem:
            log.warning("campaign_is_a_draft_again", campaign_id=row.campaign_id, problem=problem.detail)
            continue
        except Unavailable as problem:
            log.warning("campaigns_wait_for_temporal", campaign_id=row.campaign_id, problem=problem.detail)
            break
        started += 1
    return started
