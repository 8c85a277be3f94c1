"""Where a decision of the send log stands in the history of the actor that took it."""

from urllib.parse import urlencode

from django.urls import reverse

from campaigns.contract import user_actor_workflow_id
from campaigns.models import SendLog


def step_url(row: SendLog) -> str:
    """The technical view of the actor's run, at the update that granted the message. Empty for what is in no history: a
    refusal leaves none behind, and rows from before this was kept do not know their run."""
    if not row.run_id:
        return ""
    query = urlencode({"run": row.run_id, "step": row.grant_id})
    return f"{reverse('technical:detail', args=[user_actor_workflow_id(row.user_id)])}?{query}#step"
