"""The effects of a welcome. Each may run more than once, and at once with itself."""

from asgiref.sync import sync_to_async
from temporalio import activity
from temporalio.exceptions import ApplicationError

from campaigns import greeting as greetings
from campaigns.contract import (
    Channel,
    ContactDetails,
    ContactWishes,
    GreetingRequest,
    GreetingResult,
    SendDecision,
    UserActorInput,
)
from campaigns.models import Contact
from campaigns.preferences import preferences_of
from campaigns.sending.asking import release, request_send


@activity.defn
def fetch_contact_details(user_id: str) -> ContactDetails:
    contact = Contact.objects.filter(user_id=user_id).first()
    if contact is None:
        return ContactDetails(False)
    channels = [one.value for one in Channel if contact.address_for(one) and not contact.is_suppressed(one)]
    return ContactDetails(True, contact.locale, contact.time_zone, channels)


@activity.defn
def fetch_contact_wishes(user_id: str) -> ContactWishes:
    known = preferences_of(user_id)
    return ContactWishes(known.opt_outs, known.locale, known.time_zone, known.paused_until)


@activity.defn
async def send_greeting(greeting: GreetingRequest) -> GreetingResult:
    request = await sync_to_async(greetings.prepare)(greeting)
    if isinstance(request, GreetingResult):
        return request

    async def seed() -> UserActorInput:
        return await sync_to_async(greetings.seed_for)(request, greeting.user_id)

    answer = await request_send(activity.client(), greeting.user_id, request, seed)
    if isinstance(answer, SendDecision):
        return await sync_to_async(greetings.note_refusal)(greeting, answer)
    if (answer.grant_id, answer.channel) != (request.grant_id, greeting.channel):
        raise ApplicationError(f"{request.grant_id} was granted for another message.", type="ForeignGrant")
    result = await sync_to_async(greetings.send)(greeting, answer)
    if result.is_spent:
        await release(activity.client(), greeting.user_id, answer.grant_id, result.reason)
    return result
