"""Recurring campaigns: each time that its Schedule comes round, one occurrence more, with a row and a workflow of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from campaigns.contract import occurrence_campaign_id
from campaigns.models import Campaign, CampaignSettings
from campaigns.models.templates import MessageTexts

_SAME = (
    "name", "category", "transactional", "template", "template_version", "audience", "rate_per_minute", "recurs",
    "time_zone", "missed_runs", "defers", "asks_first", "draft_version", "created_by", "launched_by",
    *(field.name for field in MessageTexts._meta.fields),
)  # fmt: skip


StartInput = Callable[[Campaign], dict[str, Any]]
"""What the workflow of a row starts from, as its ``start_input`` has it."""


def next_occurrence(series_id: str, planned_at: datetime, start_input: StartInput) -> Campaign | None:
    """The occurrence that is due at ``planned_at``: its row, ready to start; the same one for the same moment.

    The first is the launched row itself. None when the series has ended – somebody has cancelled it – or its times
    are paused: then one that is written and not started waits for whoever lets them come again.
    """
    with transaction.atomic():
        first = Campaign.objects.select_for_update(no_key=True).filter(campaign_id=series_id).first()
        if first is None:
            return None
        is_first = first.planned_at == planned_at
        known = first if is_first else first.occurrences.filter(planned_at=planned_at).first()
        if known is not None:
            is_held = first.times_paused_at is not None and known.status == Campaign.STARTING
            return None if is_held else known
        # Not by its status: the row is its first time too, and may have been skipped, or not approved, alone.
        is_over = first.times_ended_at is not None or not first.recurs
        if is_over or first.times_paused_at is not None:
            return None
        if first.next_time_at is None:  # no more were reckoned with: it is asked for anew
            Campaign.objects.filter(pk=first.pk).update(next_time_at=planned_at)
        if first.planned_at is None:
            first.times_until = first.ends_at
            first.planned_at, first.ends_at = planned_at, _ends_at(planned_at)
            first.status, first.launched_at = Campaign.STARTING, timezone.now()
            first.start_input = start_input(first)
            first.save(update_fields=["planned_at", "times_until", "ends_at", "status", "launched_at", "start_input"])
            return first
        return _another(first, planned_at, start_input)


def _another(first: Campaign, planned_at: datetime, start_input: StartInput) -> Campaign:
    number = 1 + max(first.occurrences.values_list("occurrence", flat=True), default=1)
    campaign_id = occurrence_campaign_id(first.campaign_id, number)
    another = Campaign(
        campaign_id=campaign_id,
        first=first,
        occurrence=number,
        planned_at=planned_at,
        ends_at=_ends_at(planned_at),
        status=Campaign.STARTING,
        launched_at=timezone.now(),
        launch_key=f"occurrence:{campaign_id}",
        idempotency_key=f"occurrence:{campaign_id}",
        **{name: getattr(first, name) for name in _SAME},
    )
    # With the row, so that one that a crash leaves here can be started by itself.
    another.start_input = start_input(another)
    another.save(force_insert=True)
    return another


def _ends_at(planned_at: datetime) -> datetime:
    return planned_at + timedelta(days=CampaignSettings.current().deferred_for_days)
