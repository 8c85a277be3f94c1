"""One greeting on its way, apart from the question to the contact's actor: what may not be asked for, the intent, the send."""

from django.utils import timezone

from campaigns.actor_seed import seed_for_actor
from campaigns.channels import Message, OutcomeUnknown, SendFailed, get_provider
from campaigns.contract import (
    WELCOME,
    DecisionCode,
    GreetingRequest,
    GreetingResult,
    SendDecision,
    SendGrant,
    SendRequest,
    UserActorInput,
    WelcomeStatus,
    grant_id_for,
)
from campaigns.models import Contact, SendLog
from campaigns.models.words import COUNTED, Outcome
from campaigns.policies import policy_for
from campaigns.preferences import opted_out
from campaigns.rendering import RenderProblem, compile_message, contact_values
from campaigns.send_log import (
    GIVEN_BACK,
    Grant,
    Refusal,
    commit_intent,
    record_outcome,
    record_refusals,
    record_unused,
)
from campaigns.sending.granting import GRANT_IS_GOOD_FOR, TOO_OLD
from campaigns.unsubscribe import Wish, link_for, links_for
from campaigns.welcome_texts import texts_for

MOST_ATTEMPTS = 5
"""Messages to one contact that definitely failed, before it is given up."""

_DENIALS: dict[str, str] = {
    DecisionCode.MISSING_ADDRESS: "There is no address to which it could go.",
    DecisionCode.SUPPRESSED: "Nothing may be sent to this address.",
    DecisionCode.OPTED_OUT: "They have opted out.",
}
_GREETED = "They have been greeted already."


def prepare(greeting: GreetingRequest) -> SendRequest | GreetingResult:
    """What to ask the actor; the result itself when it is known already: nothing may be sent, or it has begun before.
    Asking starts an actor."""
    grant = _grant(greeting)
    # Before their wishes: one that has begun must not be called denied because they have opted out since.
    if (begun := SendLog.objects.filter(grant_id=grant.grant_id, outcome__in=COUNTED).first()) is not None:
        return _found(grant, Outcome(begun.outcome), begun.code)
    contact = Contact.objects.filter(user_id=greeting.user_id).first()
    if code := _known_refusal(contact, greeting):
        decision = SendDecision(False, code, _DENIALS[code], grant_id=grant.grant_id)
        record_refusals([Refusal(grant, decision, greeting.asked)], tells=True)
        return GreetingResult(WelcomeStatus.DENIED, decision.reason, code)
    assert contact is not None
    return SendRequest(grant.grant_id, WELCOME, greeting.channel, WELCOME, policy_for(contact))


def seed_for(request: SendRequest, user_id: str) -> UserActorInput:
    """What the contact's actor starts from if it has to."""
    return seed_for_actor(user_id, policy=request.policy)


def _known_refusal(contact: Contact | None, greeting: GreetingRequest) -> DecisionCode | None:
    if contact is None:
        return DecisionCode.MISSING_ADDRESS
    if contact.is_suppressed(greeting.channel):
        return DecisionCode.SUPPRESSED
    if opted_out([greeting.user_id], greeting.channel, WELCOME):
        return DecisionCode.OPTED_OUT
    return None if contact.address_for(greeting.channel) else DecisionCode.MISSING_ADDRESS


def note_refusal(greeting: GreetingRequest, decision: SendDecision) -> GreetingResult:
    """The actor said no: for now, when it says until when, or for good."""
    is_for_now = decision.next_allowed_at is not None
    record_refusals([Refusal(_grant(greeting), decision, greeting.asked, defer=is_for_now)], tells=True)
    if decision.code == DecisionCode.GRANT_SPENT:
        return _asks_again(decision.reason, decision.code)
    status = WelcomeStatus.WAITING if is_for_now else WelcomeStatus.DENIED
    return GreetingResult(status, decision.reason, decision.code, decision.next_allowed_at)


def _asks_again(reason: str, code: str) -> GreetingResult:
    """This grant is spent, and nothing was sent under it: the next one is asked for at once, or when their night is over."""
    return GreetingResult(WelcomeStatus.WAITING, reason, code, timezone.now(), is_spent=True)


def send(greeting: GreetingRequest, granted: SendGrant) -> GreetingResult:
    """The intent, the message, the outcome. ``is_spent`` says that the grant has to be given back.

    Begun again after a crash, it finds the intent: whether that message went out nobody knows, and it is not sent again.
    A grant that has grown old is not used: it was given for another hour of their day, and for another window.
    """
    grant = _grant(greeting).given(granted)
    if timezone.now() - granted.granted_at > GRANT_IS_GOOD_FOR:
        code, words = TOO_OLD
        if record_unused(grant, greeting.attempt, code=code, detail=words):
            return _asks_again(words, code)
    intent = commit_intent(grant)
    if not intent.is_new:
        return _found(grant, intent.outcome, intent.code)
    assert intent.contact is not None
    try:
        message = message_for(intent.contact, greeting, grant.grant_id)
        with get_provider(greeting.channel) as provider:
            receipt = provider.send(message)
    except OutcomeUnknown as problem:
        record_outcome(grant, Outcome.UNKNOWN, code="no_answer", detail=str(problem))
        return GreetingResult(WelcomeStatus.UNKNOWN, str(problem), "no_answer")
    except (SendFailed, RenderProblem) as problem:
        record_outcome(grant, Outcome.FAILED, code="refused", detail=str(problem))
        return _failed(greeting, problem)
    record_outcome(grant, Outcome.SENT, provider_reference=receipt.provider_reference)
    return GreetingResult(WelcomeStatus.SENT)


def _failed(greeting: GreetingRequest, problem: Exception) -> GreetingResult:
    may_pass = isinstance(problem, SendFailed) and not problem.permanent and greeting.attempt < MOST_ATTEMPTS
    status = WelcomeStatus.WAITING if may_pass else WelcomeStatus.FAILED
    return GreetingResult(status, str(problem), "refused", is_spent=True)


def _found(grant: Grant, outcome: Outcome, code: str) -> GreetingResult:
    """What the log has of this greeting already."""
    if outcome == Outcome.SENT:
        return GreetingResult(WelcomeStatus.SENT)
    if outcome == Outcome.DENIED and code == GIVEN_BACK:
        return _asks_again("Its grant was given back meanwhile.", code)
    if outcome == Outcome.DENIED:
        return GreetingResult(WelcomeStatus.DENIED, _DENIALS.get(code, _GREETED), code, is_spent=True)
    if outcome == Outcome.FAILED:
        return GreetingResult(WelcomeStatus.WAITING, "It could not be sent.", code, is_spent=True)
    stands = record_outcome(grant, Outcome.UNKNOWN, code="interrupted", detail="Interrupted while it was being sent.")
    return GreetingResult(WelcomeStatus(stands.value), "Nobody knows whether it went out.", "interrupted")


def message_for(contact: Contact, greeting: GreetingRequest, grant_id: str) -> Message:
    """Raises RenderProblem."""
    wish = Wish(contact.user_id, greeting.channel, WELCOME, WELCOME)
    values = contact_values(contact, links_for(wish))
    subject, body = texts_for(greeting.channel, greeting.language, greeting.part, has_name="first_name" in values)
    rendered = compile_message(greeting.channel, subject, body).render(values)
    return Message(
        grant_id=grant_id,
        channel=greeting.channel,
        user_id=contact.user_id,
        address=contact.address_for(greeting.channel),
        subject=rendered.subject,
        text=rendered.text,
        category=WELCOME,
        campaign_id=WELCOME,
        unsubscribe_url=link_for(wish),
    )


def _grant(greeting: GreetingRequest) -> Grant:
    return Grant(
        grant_id=grant_id_for(WELCOME, 1, greeting.user_id, greeting.attempt),
        user_id=greeting.user_id,
        channel=greeting.channel,
        category=WELCOME,
        campaign_id=WELCOME,
    )
