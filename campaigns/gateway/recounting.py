"""Telling campaigns that somebody whom they wait for will never be sent to."""

from campaigns.contract import RecountInput, campaign_workflow_id
from campaigns.models import Campaign
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound


def tell_recounts() -> int:
    """Let those campaigns count anew whose deferred ones have become fewer. Returns how many were told.

    Ends at the first when Temporal is out of reach.
    """
    told = 0
    rows = Campaign.objects.exclude(recount_at=None).order_by("recount_at")
    for campaign_id, at in rows.values_list("campaign_id", "recount_at")[:100]:
        try:
            client.call(client.signal(campaign_workflow_id(campaign_id), "recount", RecountInput()))
            told += 1
        except (WorkflowNotFound, WorkflowCompleted):
            pass
        except TemporalUnavailable:
            break
        # Another one since then is told of the next time.
        Campaign.objects.filter(campaign_id=campaign_id, recount_at=at).update(recount_at=None)
    return told
