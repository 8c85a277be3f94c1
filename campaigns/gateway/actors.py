"""Actors: reading one never starts it, and whoever has none is answered for by what a new one would start from."""

import asyncio
from dataclasses import dataclass, replace

import structlog
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns.actor.state import ActorState
from campaigns.actor.view import view_of
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    MARKETING,
    ActorView,
    RunView,
    SendDecision,
    SendGrant,
    SendRequest,
    UserActorInput,
    user_actor_workflow_id,
)
from campaigns.gateway.problems import InvalidRequest, Unavailable, naming_the_field
from campaigns.gateway.rights import SEND, require, seen_contact
from campaigns.models import Contact, OptOut
from campaigns.policies import policy_for
from campaigns.sending import asking
from campaigns.sending.recipients import known_refusal
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowNotFound

log = structlog.get_logger(__name__)

QUERY_TIMEOUT = 1.5
MAX_STAMPEDE = 100


@dataclass
class ActorReading:
    """``source``: ``temporal``; ``seed`` when no actor runs; ``database`` when it could not be asked, for ``reason``."""

    view: ActorView
    source: str
    reason: str = ""


def read_actor(user_id: str, *, user: User) -> ActorReading:
    """Raises ContactNotFound."""
    contact = seen_contact(user, user_id)
    try:
        view = client.call(
            client.query(user_actor_workflow_id(user_id), "get_state", result_type=ActorView, timeout=QUERY_TIMEOUT)
        )
    except WorkflowNotFound:
        return ActorReading(_seeded_view(contact), "seed")
    except (TemporalUnavailable, client.QueryFailed) as error:
        return ActorReading(_seeded_view(contact), "database", str(error))
    return ActorReading(view, "temporal")


def _seeded_view(contact: Contact) -> ActorView:
    now = timezone.now()
    state = ActorState(seed_for_actor(contact.user_id, policy=policy_for(contact)), now)
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
    has_out = OptOut.objects.filter(OptOut.against(channel, category), user_id=user_id).exists()
    code, reason = known_refusal(contact, channel, category, has_opted_out=has_out)
    if code is not None:
        return SendDecision(False, code, reason, rule=code, channel=channel, category=category, at=request.asked_at)
    return client.call(ajudge(contact, request))


async def ajudge(contact: Contact, request: SendRequest, seed: UserActorInput | None = None) -> SendDecision:
    """The actor's own word, or, without an answer, that of an actor that would start now."""
    try:
        return await client.query(
            user_actor_workflow_id(contact.user_id),
            "can_send",
            request,
            result_type=SendDecision,
            timeout=QUERY_TIMEOUT,
        )
    except (WorkflowNotFound, TemporalUnavailable, client.QueryFailed):
        if seed is None:
            seed = await asyncio.to_thread(_seed, contact, request)
        now = request.asked_at or timezone.now()
        return ActorState(seed, now).judge(request, now)


def _seed(contact: Contact, request: SendRequest) -> UserActorInput:
    return seed_for_actor(contact.user_id, policy=request.policy)


# ── Many at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Stampede:
    """What became of many requests at the same moment."""

    granted: list[str]
    refused: list[SendDecision]
    unanswered: int = 0


def stampede(user_id: str, *, user: User, requests: int, channel: str, category: str = MARKETING, key: str) -> Stampede:
    """``requests`` campaigns ask for one person at one moment: as many are granted as the cap leaves. Nothing is sent,
    and the grants stay taken.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest
    """
    contact = seen_contact(user, user_id)
    require(user, SEND)
    if not 1 <= requests <= MAX_STAMPEDE:
        raise InvalidRequest("requests", f"must be from 1 to {MAX_STAMPEDE}")
    policy, start = policy_for(contact), seed_for_actor(user_id)
    wishes = [
        SendRequest(f"api:{user.username}:{key}:{n}", f"stampede-{n}", channel, category, policy)
        for n in range(1, requests + 1)
    ]
    with naming_the_field():
        wishes[0].check()

    async def seed() -> UserActorInput:
        return replace(start, policy=policy)

    async def all_at_once() -> list[SendGrant | SendDecision | BaseException]:
        temporal = await client.aget_client()
        room = asyncio.Semaphore(client.UPDATES_IN_FLIGHT)

        async def ask(wish: SendRequest) -> SendGrant | SendDecision:
            async with room:
                return await asking.request_send(temporal, user_id, wish, seed)

        return await asyncio.gather(*map(ask, wishes), return_exceptions=True)

    try:
        answers = client.call(all_at_once(), timeout=30)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    granted = [one.grant_id for one in answers if isinstance(one, SendGrant)]
    refused = [one for one in answers if isinstance(one, SendDecision)]
    for problem in answers:
        if isinstance(problem, BaseException):
            log.warning("stampede_unanswered", user_id=user_id, problem=f"{type(problem).__name__}: {problem}")
    return Stampede(granted, refused, requests - len(granted) - len(refused))
