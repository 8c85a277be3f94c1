"""Launching: the row first, then the workflow, once for each campaign."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction
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
    CampaignView,
    Door,
    Mailing,
    campaign_workflow_id,
)
from campaigns.gateway.problems import CampaignRefused, InvalidRequest, Unavailable, naming_the_field
from campaigns.gateway.reading import read_any
from campaigns.gateway.recurring import MISSED_AFTER, ensure_schedule
from campaigns.gateway.rights import SEND, SEND_TRANSACTIONAL, require, seen_campaign
from campaigns.models import Campaign, CampaignSettings, Contact
from campaigns.rendering import Missing, missing_variables
from campaigns.sending.audience import UnknownAudience, contacts_of
from campaigns.sending.occurrences import next_occurrence
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowAlreadyStarted
from temporal_worker.links import page_link
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import to_json

START_AGAIN_AFTER = timedelta(seconds=5)
RENDERED_AT_MOST = 20_000
"""Recipients whose variables are looked at before a launch; of a larger audience, evenly so many."""
STRIDE_PIECE = 2_000

log = structlog.get_logger(__name__)


def launch(
    campaign_id: str,
    *,
    user: User,
    door: Door,
    key: str,
    draft_version: int | None = None,
    asks_first: bool = False,
) -> CampaignView:
    """Launch a draft, once; a repeat with the key is answered with the campaign as it is.

    With ``draft_version``, only the draft that its caller has seen is launched. ``asks_first``: an approval is asked for
    however few the recipients are.

    Raises:
        CampaignNotFound, NotPermitted
        InvalidRequest: nobody is in the audience, the segment is gone, or variables are missing
        CampaignRefused: ``launched`` already, by another key; ``channel_off``; ``stale``: the draft has changed
        Unavailable: it is kept and starts by itself later
    """
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    own_key = f"{user.username}:{key}"
    if row.status == CampaignStatus.DRAFT:
        if row.transactional:
            require(user, SEND_TRANSACTIONAL)
        if draft_version is not None and draft_version != row.draft_version:
            raise CampaignRefused("stale", "Somebody has changed this draft since you looked. Look at it again.")
        check_launch(row)
        row = _write(row, user, door, own_key, asks_first=asks_first)
    if row.launch_key != own_key:
        raise CampaignRefused("launched", f"{row.launched_by or 'Somebody'} has launched this campaign already.")
    if row.status == Campaign.STARTING:
        start(row)
    return read_any(row).view


def check_launch(row: Campaign) -> None:
    """Raises InvalidRequest, CampaignRefused."""
    if row.channel not in CampaignSettings.current().channels_on:
        raise CampaignRefused("channel_off", f"{row.channel} is switched off in the settings.")
    try:
        number = contacts_of(row.audience).count()
    except UnknownAudience as problem:
        raise InvalidRequest("audience", str(problem)) from problem
    most = CampaignSettings.current().max_audience
    if not number:
        raise InvalidRequest("audience", "Nobody is in this audience.")
    if number > most:
        raise InvalidRequest("audience", f"This audience is larger than the {most:,} recipients that are allowed.")
    if row.ends_at is not None and row.ends_at <= timezone.now():
        raise InvalidRequest("ends_at", "This moment is over.")
    late = _late_seconds(row)
    if row.starts_at is not None and late and timezone.now() > row.starts_at + timedelta(seconds=late):
        raise InvalidRequest("starts_at", f"This was more than {row.late_minutes:,} minutes ago: it would be left out.")
    if missing := find_missing(row):
        first = missing[0]
        examples = ", ".join(first.examples[:3])
        raise InvalidRequest(
            "body_text",
            f"{first.count:,} recipients have no {first.name} ({examples}). Write a default, or leave them out.",
        )


def find_missing(row: Campaign) -> list[Missing]:
    """Variables that recipients have not; of a very large audience, found in an even sample."""
    with naming_the_field():
        message = row.compiled()
    return missing_variables(message, sampled_contacts(row, RENDERED_AT_MOST))


def sampled_contacts(row: Campaign, most: int) -> Iterator[Contact]:
    """All of the audience, or evenly ``most`` of a larger one. Raises UnknownAudience."""
    contacts = contacts_of(row.audience)
    number = contacts.count()
    if number <= most:
        return contacts.iterator(STRIDE_PIECE)
    user_ids = contacts.values_list("user_id", flat=True).iterator(STRIDE_PIECE)
    stride = number / most
    wanted: list[str] = []
    for position, user_id in enumerate(user_ids):
        if position >= len(wanted) * stride and len(wanted) < most:
            wanted.append(user_id)
    return Contact.objects.filter(user_id__in=wanted).order_by("user_id").iterator(STRIDE_PIECE)


def _write(row: Campaign, user: User, door: Door, own_key: str, *, asks_first: bool = False) -> Campaign:
    """From draft to starting. Two launches at once meet at the row."""
    settings = CampaignSettings.current()
    seen = row.draft_version
    with transaction.atomic():
        row = Campaign.objects.select_for_update().select_related(None).get(pk=row.pk)
        if row.status != CampaignStatus.DRAFT:
            return row
        if row.draft_version != seen:
            raise CampaignRefused("stale", "Somebody has changed this draft at this very moment. Look at it again.")
        now = timezone.now()
        row.launch_key, row.launched_by, row.launched_at = own_key, user.username, now
        row.rate_per_minute = row.rate_per_minute or settings.rate_per_minute
        if not row.recurs:  # there it is the end of the whole series
            row.ends_at = row.ends_at or max(row.starts_at or now, now) + timedelta(days=settings.deferred_for_days)
        row.status = Campaign.STARTING
        start_input = input_of(row, settings, By(user.username, door))
        if asks_first:
            start_input = replace(start_input, limits=replace(start_input.limits, approval_above=0))
        with naming_the_field():
            start_input.check()
        row.start_input = to_json(start_input)
        row.change = ChangeCounter.bump(projection.COUNTER)
        row.save()
    return row


def input_of(row: Campaign, settings: CampaignSettings, by: By) -> CampaignInput:
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
        late_seconds=_late_seconds(row),
    )
    return CampaignInput(
        mailing=mailing,
        rate_per_minute=row.rate_per_minute or settings.rate_per_minute,
        name=row.name,
        limits=limits,
        starts_at=row.starts_at,
        planned_at=row.planned_at,
        by=by,
    )


def _late_seconds(row: Campaign) -> int | None:
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
    if row.recurs and row.planned_at is None:
        try:
            ensure_schedule(row)
        except InvalidRequest:
            _set_status(row, CampaignStatus.DRAFT, launch_key="", launched_by="", launched_at=None)
            raise
        _set_status(row, CampaignStatus.SCHEDULED)
        return
    starting = client.start_workflow(
        CAMPAIGN_WORKFLOW_TYPE,
        projection.load_input(row),
        id=campaign_workflow_id(row.campaign_id),
        task_queue=TASK_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=row.name[:200],
        static_details=page_link(f"/campaigns/{row.campaign_id}/"),
    )
    try:
        client.call(starting)
    except WorkflowAlreadyStarted:
        return
    except TemporalUnavailable as error:
        raise Unavailable(
            f"{error} The campaign {row.campaign_id} is kept and starts by itself; launching again starts it once.",
            error.retry_after,
        ) from error


def _set_status(row: Campaign, status: CampaignStatus, **more: Any) -> None:
    with transaction.atomic():
        change = ChangeCounter.bump(projection.COUNTER)
        rows = Campaign.objects.filter(pk=row.pk, status=Campaign.STARTING)
        rows.update(status=status, change=change, updated_at=timezone.now(), **more)
    row.refresh_from_db()


def start_occurrence(series_id: str, planned_at: datetime) -> str:
    """Start the occurrence that is due at this moment, once. Returns its workflow's id, "" when the series has ended.

    Raises:
        Unavailable
    """
    row = next_occurrence(series_id, planned_at)
    if row is None:
        return ""
    if row.status == Campaign.STARTING:
        start_input = input_of(row, CampaignSettings.current(), By(row.launched_by, Door.SYSTEM))
        row.start_input = to_json(start_input)
        row.save(update_fields=["start_input"])
        start(row)
    return campaign_workflow_id(row.campaign_id)


def finish_starting_campaigns() -> int:
    """Start what was launched and not started. Returns how many; stops at the first when Temporal is out of reach."""
    started = 0
    rows = Campaign.objects.filter(status=Campaign.STARTING, launched_at__lt=timezone.now() - START_AGAIN_AFTER)
    for row in rows.order_by("pk")[:100]:
        if not row.start_input:
            continue  # an occurrence: its Schedule's workflow tries again
        try:
            start(row)
        except InvalidRequest as problem:
            log.warning("campaign_is_a_draft_again", campaign_id=row.campaign_id, problem=problem.detail)
            continue
        except Unavailable as problem:
            log.warning("campaigns_wait_for_temporal", campaign_id=row.campaign_id, problem=problem.detail)
            break
        started += 1
    return started
