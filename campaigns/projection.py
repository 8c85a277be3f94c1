"""The campaigns' rows: written by their workflows' activity, read by lists and, in need, pages."""

from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from campaigns import samples
from campaigns.contract import CampaignInput, CampaignView, campaign_workflow_id, counts_with_audience
from campaigns.models import Campaign
from temporal_worker.contract import By
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import from_json, to_json

COUNTER = "campaigns"

log = structlog.get_logger(__name__)


def save(view: CampaignView, *, at: datetime | None = None) -> bool:
    """Write a version of a campaign. False, with nothing changed, when the row has it or a newer one.

    ``at`` is when it came to be known: now, unless the demo writes its past.
    """
    at = at or timezone.now()
    with transaction.atomic():
        row = Campaign.objects.select_for_update(no_key=True).filter(campaign_id=view.campaign_id).first()
        if row is None:  # started by the Temporal CLI: it has no texts, and nothing to send
            log.warning("campaign_without_row", campaign_id=view.campaign_id)
            return False
        if row.version >= view.version:
            return False
        row.version, row.status = view.version, view.status
        row.set_counts({state: number for state, number in view.counts.items() if state != "audience"})
        row.denied_by_reason = view.denied_by_reason
        row.rate_per_minute = view.rate_per_minute
        row.reason = view.reason[:500]
        row.finishes_at = view.finishes_at
        row.approval_request_id = view.approval.request_id if view.approval else row.approval_request_id
        row.launched_at = row.launched_at or at
        row.closed_at = view.closed_at
        row.updated_at = at
        row.snapshot = to_json(view)
        samples.record(row, view, row.updated_at)
        row.change = ChangeCounter.bump(COUNTER)
        row.save(update_fields=_SAVED)
        return True


# Not ``gate`` and ``audience_fixed_at``: other transactions write them, and what was read may be old by now.
_SAVED = [
    "version", "status", "audience_count", "sent_count", "deferred_count", "denied_count", "failed_count",
    "unknown_count", "pending_count", "denied_by_reason", "rate_per_minute", "reason", "finishes_at",
    "approval_request_id", "launched_at", "closed_at", "updated_at", "snapshot", "change",
]  # fmt: skip


def load_view(row: Campaign) -> CampaignView:
    """The campaign as it was last saved; a draft, or one that is just starting, as its row has it."""
    if row.snapshot:
        return from_json(CampaignView, row.snapshot)
    return CampaignView(
        campaign_id=row.campaign_id,
        workflow_id=campaign_workflow_id(row.campaign_id),
        status=row.status,
        version=row.version,
        counts=counts_with_audience({}),
        denied_by_reason={},
        rate_per_minute=row.rate_per_minute or 0,
        finishes_at=None,
        name=row.name,
        series_id=row.series_id,
        occurrence=row.occurrence,
        channel=row.channel,
        category=row.category,
        transactional=row.transactional,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        launched_by=By(row.launched_by),
    )


def load_input(row: Campaign) -> CampaignInput:
    """What the row's campaign starts from."""
    return from_json(CampaignInput, row.start_input)
