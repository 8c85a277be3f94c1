"""Many campaigns that ask for one person at one moment, for show: as many are granted as the cap leaves."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import structlog
from django.contrib.auth.models import User

from campaigns.actor_seed import seed_for_actor
from campaigns.contract import MARKETING, CapPolicy, SendDecision, SendGrant, SendRequest, UserActorInput
from campaigns.gateway.problems import InvalidRequest, Unavailable, naming_the_field
from campaigns.gateway.rights import SEND, require, seen_contact
from campaigns.policies import policy_for
from campaigns.sending import asking
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable

MAX_STAMPEDE = 100
TIMEOUT = 30.0
STAMPEDE = "stampede:"
"""What the grant ids of stampedes begin with."""
GIVEN_BACK = "It was a stampede for show: nothing was sent."

log = structlog.get_logger(__name__)
Told = Callable[[int, SendGrant | SendDecision | None], None]
"""Called with a request's number, from 1, and its answer; None when it had none. On the client's own thread."""


@dataclass(frozen=True)
class Stampede:
    """What became of many requests at the same moment."""

    granted: list[str]
    refused: list[SendDecision]
    unanswered: int = 0


def stampede(
    user_id: str,
    *,
    user: User,
    requests: int,
    channel: str,
    category: str = MARKETING,
    key: str,
    told: Told | None = None,
) -> Stampede:
    """``requests`` callers ask for one person at one moment, each by an update of its own. Nothing is sent, and the grants
    stay taken until they are given back. With the same key the same requests are asked again, and granted ones are answered
    with their grant.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest, Unavailable
    """
    contact = seen_contact(user, user_id)
    require(user, SEND)
    if not 1 <= requests <= MAX_STAMPEDE:
        raise InvalidRequest("requests", f"must be from 1 to {MAX_STAMPEDE}")
    policy, start = policy_for(contact), seed_for_actor(user_id)
    wishes = [
        SendRequest(_grant_id(user, key, number), f"stampede-{number}", channel, category, policy)
        for number in range(1, requests + 1)
    ]
    with naming_the_field():
        wishes[0].check()
    try:
        answers = client.call(_all_at_once(user_id, wishes, start, policy, told), timeout=TIMEOUT)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    granted = [one.grant_id for one in answers if isinstance(one, SendGrant)]
    refused = [one for one in answers if isinstance(one, SendDecision)]
    return Stampede(granted, refused, requests - len(granted) - len(refused))


async def _all_at_once(
    user_id: str, wishes: list[SendRequest], start: UserActorInput, policy: CapPolicy, told: Told | None
) -> list[SendGrant | SendDecision | None]:
    temporal = await client.aget_client()
    room = asyncio.Semaphore(client.UPDATES_IN_FLIGHT)

    async def seed() -> UserActorInput:
        return replace(start, policy=policy)

    async def ask(number: int, wish: SendRequest) -> SendGrant | SendDecision | None:
        answer: SendGrant | SendDecision | None = None
        try:
            async with room:
                answer = await asking.request_send(temporal, user_id, wish, seed)
        except Exception as problem:
            log.warning("stampede_unanswered", user_id=user_id, problem=f"{type(problem).__name__}: {problem}")
        if told is not None:
            told(number, answer)
        return answer

    return await asyncio.gather(*(ask(number, wish) for number, wish in enumerate(wishes, start=1)))


def give_back_stampede(user_id: str, *, user: User, key: str, numbers: Collection[int]) -> int:
    """Give the slots of one's own stampede back; honest, because nothing was sent. Returns how many were asked for.

    The actor continues as new by it. Ids that were never granted are spent by it, and harm nobody.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest, Unavailable
    """
    contact = seen_contact(user, user_id)
    require(user, SEND)
    wanted = sorted(set(numbers))
    if not wanted or wanted[0] < 1 or wanted[-1] > MAX_STAMPEDE:
        raise InvalidRequest("numbers", f"must be from 1 to {MAX_STAMPEDE}")

    async def give_back() -> None:
        temporal = await client.aget_client()
        for number in wanted:
            await asking.release(temporal, contact.user_id, _grant_id(user, key, number), GIVEN_BACK)

    try:
        client.call(give_back(), timeout=TIMEOUT)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    return len(wanted)


def _grant_id(user: User, key: str, number: int) -> str:
    """A name that neither a campaign's grant nor a program's can have: theirs begin with other words."""
    return f"{STAMPEDE}{user.username}:{key}:{number}"
