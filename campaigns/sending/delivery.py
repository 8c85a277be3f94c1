"""One granted message, from its intent to its outcome."""

from dataclasses import dataclass
from functools import partial

import structlog

from campaigns.channels import ChannelProvider, Message, OutcomeUnknown, SendFailed
from campaigns.models import Contact
from campaigns.models.words import Outcome
from campaigns.rendering import CompiledMessage, MissingVariables, Rendered, RenderProblem, contact_values
from campaigns.send_log import CRASHED, Ending, Grant, Intent
from campaigns.sending.desk import Desk
from campaigns.sending.ledger import Ledger
from campaigns.unsubscribe import Wish, links_for

TRIES = 3
"""How often a message is handed over that is refused for the moment only."""
LONGEST_WAIT = 2.0
"""Seconds between two of them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Delivered:
    """How it ended. ``gives_back``: it has definitely not gone out, and the actor is to have the slot back."""

    outcome: Outcome
    code: str = ""
    detail: str = ""
    gives_back: bool = False


async def deliver(desk: Desk, ledger: Ledger, message: CompiledMessage, grant: Grant) -> Delivered:
    """Commit the intent, send, record. Between the first and the last of these a crash leaves an intent behind.

    Raises:
        GateClosed: nothing was written
    """
    async with desk.room:
        intent = await ledger.begin(grant)
        if intent.outcome == Outcome.DENIED:
            return Delivered(Outcome.DENIED, intent.code, gives_back=True)
        if intent.is_new:
            ended = await desk.send(partial(_send, desk, message, grant, intent))
        else:
            # Somebody else's intent, or a crash's: what nobody knows is unknown, what is known stays.
            ended = _Ended(
                Outcome.UNKNOWN, CRASHED, "Its message had begun already, and nobody has heard how it ended."
            )
        stands = await ledger.end(Ending(grant, ended.outcome, ended.code, ended.detail, ended.reference))
    return ended if intent.is_new and stands == ended.outcome else Delivered(stands)


def _send(desk: Desk, texts: CompiledMessage, grant: Grant, intent: Intent, provider: ChannelProvider) -> "_Ended":
    contact = intent.contact
    assert contact is not None, "an intent without a contact is refused"
    try:
        message = message_for(grant, contact, texts)
    except RenderProblem as problem:
        code = "missing_variable" if isinstance(problem, MissingVariables) else "unusable_value"
        return _Ended(Outcome.FAILED, code, str(problem), gives_back=True)
    for number in range(1, TRIES + 1):
        try:
            return _Ended(Outcome.SENT, reference=provider.send(message).provider_reference)
        except SendFailed as failed:
            wait = min(failed.retry_after or 0.3 * number, LONGEST_WAIT)
            if failed.permanent or number == TRIES or desk.ends.wait(wait):
                code = "refused" if failed.permanent else "out_of_reach"
                return _Ended(Outcome.FAILED, code, str(failed), gives_back=True)
        except OutcomeUnknown as unknown:
            return _Ended(Outcome.UNKNOWN, "no_answer", str(unknown))
        except Exception as error:
            # A provider broke in a way of its own: how far it had come, nobody knows.
            log.exception("provider_broke", grant_id=grant.grant_id)
            return _Ended(Outcome.UNKNOWN, "broke", f"{type(error).__name__}: {error}")
    raise AssertionError("the last try has returned")


@dataclass(frozen=True)
class _Ended(Delivered):
    reference: str = ""


def message_for(grant: Grant, contact: Contact, texts: CompiledMessage) -> Message:
    """The message as this contact gets it.

    Raises:
        RenderProblem
    """
    wish = Wish(contact.user_id, grant.channel, grant.category, grant.campaign_id)
    links = links_for(wish, transactional=grant.transactional)
    written = texts.render(contact_values(contact, links))
    may_leave = grant.channel == "email" and not grant.transactional
    return _message(grant, contact, written, links["unsubscribe_url"] if may_leave else "")


def _message(grant: Grant, contact: Contact, written: Rendered, unsubscribe_url: str) -> Message:
    return Message(
        grant_id=grant.grant_id,
        channel=grant.channel,
        user_id=grant.user_id,
        address=contact.address_for(grant.channel),
        subject=written.subject,
        text=written.text,
        html=written.html,
        category=grant.category,
        campaign_id=grant.campaign_id,
        unsubscribe_url=unsubscribe_url,
    )
