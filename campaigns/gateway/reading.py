"""Reading a campaign: its workflow's word when it can be had in time, else the database's."""

from dataclasses import dataclass
from datetime import datetime

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import projection
from campaigns.contract import CampaignStatus, CampaignView, campaign_workflow_id
from campaigns.gateway.problems import CampaignNotFound
from campaigns.gateway.rights import seen_campaign
from campaigns.models import Campaign
from temporal_worker import client
from temporal_worker.client import QueryFailed, TemporalUnavailable, WorkflowNotFound

QUERY_TIMEOUT = 1.5
"""Seconds that a page waits for the workflow."""
NOT_RUNNING = (CampaignStatus.DRAFT, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)


@dataclass
class CampaignReading:
    """A campaign, and whether it is its workflow's word or the database's. ``reason`` says why it is not live."""

    view: CampaignView
    source: str
    as_of: datetime
    reason: str = ""


def read_campaign(campaign_id: str, user: User) -> CampaignReading:
    """Raises CampaignNotFound: there is none, or none that ``user`` may see."""
    return read_any(seen_campaign(user, campaign_id))


def read_any(row: Campaign) -> CampaignReading:
    """The same without asking who reads."""
    if row.status in NOT_RUNNING:
        return CampaignReading(projection.load_view(row), "database", row.updated_at)
    try:
        view = client.call(query_state(row.campaign_id))
    except WorkflowNotFound:
        reason = "Its workflow has not started yet." if row.status == Campaign.STARTING else ""
    except QueryFailed as error:  # a worker with other code than ours, in the middle of a deployment
        reason = f"Its worker could not answer: {error}"
    except TemporalUnavailable as error:
        reason = str(error)
    else:
        return CampaignReading(view, "temporal", timezone.now())
    return CampaignReading(projection.load_view(row), "database", row.updated_at, reason)


async def query_state(campaign_id: str, timeout: float = QUERY_TIMEOUT) -> CampaignView:
    """Raises WorkflowNotFound, TemporalUnavailable."""
    return await client.query(campaign_workflow_id(campaign_id), "get_state", result_type=CampaignView, timeout=timeout)


async def afetch_campaign(campaign_id: str, timeout: float) -> CampaignView:
    """One query of the campaign's workflow, for the live hub; before the start, or past retention, the database's word.

    Raises:
        CampaignNotFound
        TemporalUnavailable
    """
    try:
        return await query_state(campaign_id, timeout)
    except WorkflowNotFound:
        return await database_sync_to_async(_saved_view, thread_sensitive=False)(campaign_id)


def _saved_view(campaign_id: str) -> CampaignView:
    row = Campaign.objects.select_related("first").filter(campaign_id=campaign_id).first()
    if row is None:
        raise CampaignNotFound(campaign_id)
    return projection.load_view(row)
