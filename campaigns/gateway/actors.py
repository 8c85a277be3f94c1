"""Actors: reading one never starts it, and whoever has none is answered for by what a new one would start from."""

from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns.actor.state import ActorState
from campaigns.actor.view import view_of
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    MARKETING,
    ActorView,
    CapPolicy,
    RunView,
    SendDecision,
    SendRequest,
    user_actor_workflow_id,
)
from campaigns.gateway.problems import naming_the_field
from campaigns.gateway.rights import seen_contact
from campaigns.models import Contact
from campaigns.policies import policy_for
from campaigns.preferences import opted_out
from campaigns.sending.recipients import known_refusal
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound

QUERY_TIMEOUT = 1.5
UNANSWERED = (WorkflowNotFound, WorkflowCompleted, TemporalUnavailable, client.QueryFailed)
"""Without the actor's own word; then that of one that would start now holds."""


@dataclass
class ActorReading:
    """``source``: ``temporal``; ``seed`` when no actor runs; ``database`` when it could not be asked, for ``reason``."""

    view: ActorView
    source: str
    reason: str = ""


def read_actor(user_id: str, *, user: User) -> ActorReading:
    """Raises ContactNotFound."""
    contact = seen_contact(user, user_id)
    policy = policy_for(contact)
    try:
        view = client.call(_query_actor(user_id, policy, QUERY_TIMEOUT))
    except WorkflowNotFound:
        return ActorReading(_seeded_view(contact, policy), "seed")
    except (TemporalUnavailable, client.QueryFailed) as error:
        return ActorReading(_seeded_view(contact, policy), "database", str(error))
    return ActorReading(view, "temporal")


async def afetch_actor(user_id: str, timeout: float) -> ActorView:
    """One query of an actor that runs, with the policy that the next request would bring. One that has ended has no say: the
    next request starts another, from the log.

    Raises:
        WorkflowNotFound, QueryFailed, TemporalUnavailable
    """
    policy = await database_sync_to_async(_policy_of, thread_sensitive=False)(user_id)
    return await _query_actor(user_id, policy, timeout)


async def _query_actor(user_id: str, policy: CapPolicy | None, timeout: float) -> ActorView:
    workflow_id = user_actor_workflow_id(user_id)
    try:
        return await client.query(
            workflow_id, "get_state", policy, result_type=ActorView, timeout=timeout, only_open=True
        )
    except WorkflowCompleted as error:
        raise WorkflowNotFound(workflow_id) from error


def _policy_of(user_id: str) -> CapPolicy | None:
    contact = Contact.objects.filter(user_id=user_id).first()
    return policy_for(contact) if contact is not None else None


def _seeded_view(contact: Contact, policy: CapPolicy) -> ActorView:
    now = timezone.now()
    state = ActorState(seed_for_actor(contact.user_id, policy=policy), now)
    return view_of(state, now, 0, RunView(0), with_decisions=True)


def would_be_allowed(
    user_id: str, *, user: User, channel: str, category: str = MARKETING, transactional: bool = False
) -> SendDecision:
    """What would be said to a message now. Spends nothing, starts nothing.

    Raises:
        ContactNotFound, InvalidRequest
    """
    contact = seen_contact(user, user_id)
    request = SendRequest("would-be", "", channel, category, policy_for(contact), transactional, timezone.now())
    with naming_the_field():
        request.check()
    out = opted_out([user_id], channel, category, transactional=transactional)
    code, reason = known_refusal(contact, channel, out.get(user_id))
    if code is not None:
        return SendDecision(False, code, reason, rule=code, channel=channel, category=category, at=request.asked_at)
    try:
        return client.call(acan_send(user_id, request))
    except UNANSWERED:
        return judge_from_log(contact, request)


async def acan_send(user_id: str, request: SendRequest) -> SendDecision:
    """The actor's own word, if it runs.

    Raises:
        WorkflowNotFound, WorkflowCompleted, QueryFailed, TemporalUnavailable: see ``UNANSWERED``
    """
    return await client.query(
        user_actor_workflow_id(user_id),
        "can_send",
        request,
        result_type=SendDecision,
        timeout=QUERY_TIMEOUT,
        only_open=True,
    )


def judge_from_log(contact: Contact, request: SendRequest) -> SendDecision:
    """The word of an actor that would start now. Reads the database, so on the caller's thread, which sees to its connection."""
    now = request.asked_at or timezone.now()
    return ActorState(seed_for_actor(contact.user_id, policy=request.policy), now).judge(request, now)
