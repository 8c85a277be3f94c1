"""Programs that ask for a message and send it themselves: their grants count like a campaign's, and are in the log as well."""

from dataclasses import replace
from hashlib import sha256

from django.contrib.auth.models import User
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    MAX_ID,
    Channel,
    DecisionCode,
    SendDecision,
    SendGrant,
    SendRequest,
    UserActorInput,
    default_category,
)
from campaigns.gateway.acting import problem_of
from campaigns.gateway.problems import KeyReused, Unavailable, naming_the_field
from campaigns.gateway.rights import SEND, SEND_TRANSACTIONAL, require, seen_contact
from campaigns.models import Contact, SendLog
from campaigns.models.words import ATTEMPTED
from campaigns.policies import policy_for
from campaigns.preferences import opted_out
from campaigns.send_log import Grant, Refusal, next_attempt, record_handed_out, record_refusals
from campaigns.sending import asking
from campaigns.sending.recipients import known_refusal
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable
from temporal_worker.contract import check_text

TIMEOUT = 22.0
"""Seconds: an actor that does not run is asked twice, the second time together with its start."""


def request_send(
    user_id: str,
    *,
    user: User,
    channel: str,
    grant_id: str,
    category: str = "",
    transactional: bool = False,
    campaign_id: str = "",
) -> SendGrant | SendDecision:
    """A program asks for a message that it sends itself: the grant, or the decision that refuses it. Without a category it
    is ``marketing``, or ``transactional``.

    Inside, the grant id begins with who asks, so that nobody can name a campaign's, and for whom: one id may be given to what
    goes to many. The answer has it as it was given.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest, Unavailable
        KeyReused: this id was granted for another kind of message
    """
    contact = seen_contact(user, user_id)
    require(user, SEND_TRANSACTIONAL if transactional else SEND)
    with naming_the_field():
        check_text("grant_id", grant_id, most=MAX_ID, required=True)
    category = category or default_category(transactional=transactional)
    inside = _inside(user.username, user_id, grant_id)
    request = SendRequest(inside, campaign_id, channel, category, policy_for(contact), transactional)
    with naming_the_field():
        request.check()
    if channel not in set(Channel):
        # The actor would say the same; it need not be started for it.
        words = f"There is no channel {channel}: there are {', '.join(Channel)}."
        return _refused(request, DecisionCode.UNKNOWN_CHANNEL, words, grant_id)
    out = opted_out([user_id], channel, category, transactional=transactional)
    code, reason = known_refusal(contact, channel, out.get(user_id))
    if code is not None and code != DecisionCode.MISSING_ADDRESS:
        # Their address is the program's own affair; what they wish is not.
        refused = _refused(request, code, reason, grant_id)
        _note(contact, request, refused)
        return refused
    answer = _ask(contact, request)
    if isinstance(answer, SendGrant):
        answer = _handed_out(contact, request, answer)
    else:
        _note(contact, request, answer)
    return replace(answer, grant_id=grant_id)


def _inside(username: str, user_id: str, grant_id: str) -> str:
    """The grant id by which the actor and the send log know a program's message to this contact.

    The slash keeps it apart from the ids of an earlier version, which had a colon there and no contact in them. What was granted
    under one of those is answered under it.
    """
    before = f"api:{username}:{grant_id}"
    if SendLog.objects.filter(grant_id=before, user_id=user_id, outcome__in=ATTEMPTED).exists():
        return before
    whole = f"api:{username}/{user_id}:{grant_id}"
    if len(whole) <= MAX_ID:
        return whole
    return f"api:{username}/{sha256(f'{user_id}:{grant_id}'.encode()).hexdigest()[:40]}"


def _refused(request: SendRequest, code: DecisionCode, reason: str, grant_id: str) -> SendDecision:
    return SendDecision(
        allowed=False,
        code=code,
        reason=reason,
        rule=code,
        grant_id=grant_id,
        channel=request.channel,
        category=request.category,
        transactional=request.transactional,
        at=timezone.now(),
    )


def _ask(contact: Contact, request: SendRequest) -> SendGrant | SendDecision:
    start = seed_for_actor(contact.user_id, policy=request.policy)

    async def seed() -> UserActorInput:
        return start

    async def ask() -> SendGrant | SendDecision:
        return await asking.request_send(await client.aget_client(), contact.user_id, request, seed)

    try:
        return client.call(ask(), timeout=TIMEOUT)
    except ApplicationError as error:
        raise problem_of(error) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def _handed_out(contact: Contact, request: SendRequest, grant: SendGrant) -> SendGrant | SendDecision:
    """The grant, once the log has it: an actor that is lost afterwards still counts it when it is created again."""
    asked = (request.channel, request.category, request.transactional)
    if (grant.channel, grant.category, grant.transactional) != asked:
        # The server answers an id that it knows without asking the actor about this message.
        raise KeyReused
    code = record_handed_out(_grant(contact, request).given(grant))
    if not code:
        return grant

    async def give_back() -> None:
        await asking.release(
            await client.aget_client(), contact.user_id, request.grant_id, "Refused at the last moment."
        )

    try:
        client.call(give_back(), timeout=TIMEOUT)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    reason = "They have opted out, or were suppressed, at this very moment."
    return _refused(request, DecisionCode(code), reason, request.grant_id)


def _grant(contact: Contact, request: SendRequest) -> Grant:
    return Grant(
        grant_id=request.grant_id,
        user_id=contact.user_id,
        channel=request.channel,
        category=request.category,
        transactional=request.transactional,
    )


def _note(contact: Contact, request: SendRequest, decision: SendDecision) -> None:
    """Why it was not sent is in the log, too."""
    record_refusals([Refusal(_grant(contact, request), decision, next_attempt(request.grant_id))], tells=True)
