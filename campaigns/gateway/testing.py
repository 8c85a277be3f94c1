"""A test to one person: a real message, asked for and counted like any other."""

from django.contrib.auth.models import User
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns.actor_seed import seed_for_actor
from campaigns.channels import Message, OutcomeUnknown, SendFailed, get_provider
from campaigns.contract import MARKETING, SendDecision, SendGrant, SendRequest, UserActorInput
from campaigns.gateway.acting import problem_of
from campaigns.gateway.problems import CampaignRefused, InvalidRequest, Unavailable, naming_the_field
from campaigns.gateway.rights import SEND, require, seen_contact
from campaigns.models import CampaignSettings, Contact
from campaigns.models.words import Outcome
from campaigns.policies import policy_for
from campaigns.preferences import opted_out
from campaigns.send_log import Grant, Refusal, commit_intent, next_attempt, record_outcome, record_refusals
from campaigns.sending import asking
from campaigns.sending.recipients import known_refusal
from campaigns.unsubscribe import Wish, links_for
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable

TEXT = "This is a test. It shows that messages reach you; there is nothing for you to do."
SUBJECT = "A test"
MAX_TEXT = 500


def send_test(
    user_id: str, *, user: User, channel: str, category: str = MARKETING, text: str = TEXT, key: str
) -> SendGrant | SendDecision:
    """Send a short text to a contact, through their actor: the grant, whose message has gone out, or the decision that
    refuses it. Either is in the send log. Once for each key.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest
        CampaignRefused: ``not_sent`` – it was allowed, and the provider did not take it or did not answer
        Unavailable: nothing was sent; the same key is safe to repeat
    """
    contact = seen_contact(user, user_id)
    require(user, SEND)
    text = text.strip()
    if not 1 <= len(text) <= MAX_TEXT:
        raise InvalidRequest("text", f"must have 1 to {MAX_TEXT} characters")
    if channel not in CampaignSettings.current().channels_on:
        raise InvalidRequest("channel", "is switched off, or there is none of this name")
    grant_id = f"test-to:{user.username}:{key}"
    request = SendRequest(grant_id, "", channel, category, policy_for(contact))
    with naming_the_field():
        request.check()
    answer = _known_refusal(contact, request) or _ask(contact, request)
    grant = Grant(grant_id, user_id, channel, category)
    if isinstance(answer, SendDecision):
        # Pressed twice is refused twice, and written down once.
        if next_attempt(grant_id) == 1:
            record_refusals([Refusal(grant, answer)], tells=True)
        return answer
    _deliver(grant.given(answer), text)
    return answer


def _known_refusal(contact: Contact, request: SendRequest) -> SendDecision | None:
    """What the database refuses without asking the actor, as a campaign does."""
    channel, category = request.channel, request.category
    out = opted_out([contact.user_id], channel, category).get(contact.user_id)
    code, reason = known_refusal(contact, channel, out)
    if code is None:
        return None
    return SendDecision(False, code, reason, rule=code, channel=channel, category=category, at=timezone.now())


def _ask(contact: Contact, request: SendRequest) -> SendGrant | SendDecision:
    start = seed_for_actor(contact.user_id, policy=request.policy)

    async def seed() -> UserActorInput:
        return start

    async def ask() -> SendGrant | SendDecision:
        return await asking.request_send(await client.aget_client(), contact.user_id, request, seed)

    try:
        # An actor that does not run is asked twice, the second time together with its start.
        return client.call(ask(), timeout=asking.ANSWER_WITHIN * 2 + 2)
    except ApplicationError as error:
        raise problem_of(error) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def _deliver(grant: Grant, text: str) -> None:
    with get_provider(grant.channel) as provider:
        intent = commit_intent(grant)
        if not intent.is_new:
            _tell_known(grant, intent.outcome)
            return
        assert intent.contact is not None, "an intent without a contact is refused"
        try:
            reference = provider.send(_message(grant, intent.contact, text)).provider_reference
        except SendFailed as failed:
            record_outcome(grant, Outcome.FAILED, code="refused", detail=str(failed))
            _give_back(grant, str(failed))
            raise CampaignRefused(
                "not_sent", f"It was allowed, and not sent: {failed} Its slot is free again."
            ) from failed
        except OutcomeUnknown as unknown:
            record_outcome(grant, Outcome.UNKNOWN, code="no_answer", detail=str(unknown))
            words = f"Nobody knows whether it was sent: {unknown} It keeps its slot."
            raise CampaignRefused("not_sent", words) from unknown
    record_outcome(grant, Outcome.SENT, provider_reference=reference)


def _tell_known(grant: Grant, outcome: Outcome) -> None:
    """This key has been sent before, or an opt-out came just before it would have been."""
    if outcome == Outcome.DENIED:
        _give_back(grant, "It was refused just before it would have been sent.")
        raise CampaignRefused("not_sent", "They opted out just before it would have been sent. Nothing was sent.")
    if outcome != Outcome.SENT:
        raise CampaignRefused("not_sent", f"This test was tried before, and its outcome is: {outcome.value}.")


def _give_back(grant: Grant, reason: str) -> None:
    """Best effort: an actor that cannot be told now keeps the slot, which is on the safe side."""

    async def tell() -> None:
        await asking.release(await client.aget_client(), grant.user_id, grant.grant_id, reason)

    try:
        client.call(tell(), timeout=asking.ANSWER_WITHIN + 1)
    except TemporalUnavailable:
        return


def _message(grant: Grant, contact: Contact, text: str) -> Message:
    links = links_for(Wish(contact.user_id, grant.channel, grant.category))
    is_mail = grant.channel == "email"
    return Message(
        grant_id=grant.grant_id,
        channel=grant.channel,
        user_id=grant.user_id,
        address=contact.address_for(grant.channel),
        subject="" if grant.channel == "sms" else SUBJECT,
        text=f"{text}\n\n{links['preferences_url']}" if is_mail else text,
        category=grant.category,
        unsubscribe_url=links["unsubscribe_url"] if is_mail else "",
    )
