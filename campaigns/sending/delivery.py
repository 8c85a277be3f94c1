"""One granted message, from its intent to its outcome: the sync part of a batch, on threads that keep their connections."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
from django.db import DatabaseError, connections

from campaigns.channels import ChannelProvider, Message, OutcomeUnknown, SendFailed, get_provider
from campaigns.models import Contact
from campaigns.models.words import Outcome
from campaigns.rendering import CompiledMessage, MissingVariables, Rendered, RenderProblem, contact_values
from campaigns.send_log import Grant, Intent, commit_intent, record_outcome
from campaigns.sending.gate import hold_gate
from campaigns.unsubscribe import Wish, links_for

TRIES = 3
"""How often a message is handed over that is refused for the moment only."""
LONGEST_WAIT = 2.0
"""Seconds between two of them."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


class GateClosed(Exception):
    """Nothing begins any more. ``gate`` is the campaign's."""

    def __init__(self, gate: int) -> None:
        super().__init__(gate)
        self.gate = gate


@dataclass(frozen=True)
class Delivered:
    """How it ended. ``gives_back``: it has definitely not gone out, and the actor is to have the slot back."""

    outcome: Outcome
    code: str = ""
    detail: str = ""
    gives_back: bool = False


class Desk:
    """Threads, each with a database connection and a provider of its own, until ``close``."""

    def __init__(self, channel: str, threads: int) -> None:
        self._channel = channel
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        self._local = threading.local()
        self.ends = threading.Event()
        """Set when nothing may begin any more: whoever waits to try again gives up."""

    async def do(self, work: Callable[..., T], *args: object) -> T:
        """Run something on one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args))

    def provider(self) -> ChannelProvider:
        """Of the thread that asks."""
        if not hasattr(self._local, "provider"):
            self._local.provider = get_provider(self._channel)
        provider: ChannelProvider = self._local.provider
        return provider

    async def close(self) -> None:
        """Each thread closes what is its own: nobody else may."""
        all_there = threading.Barrier(self._threads)

        def leave() -> None:
            all_there.wait(10)
            try:
                if hasattr(self._local, "provider"):
                    self._local.provider.close()
            finally:
                connections.close_all()

        try:
            await asyncio.gather(*(self.do(leave) for _ in range(self._threads)))
        finally:
            self._pool.shutdown(wait=False)


def deliver(desk: Desk, campaign: int, gate: int, message: CompiledMessage, grant: Grant) -> Delivered:
    """Commit the intent, send, record. Between the first and the last of these a crash leaves an intent behind.

    Raises:
        GateClosed: nothing was written
    """

    def look_at_gate() -> None:
        if desk.ends.is_set():
            raise GateClosed(gate)
        if (now := hold_gate(campaign)) != gate:
            raise GateClosed(now)

    provider = desk.provider()  # before the intent: one that cannot be made leaves none behind
    intent = commit_intent(grant, before=look_at_gate)
    if not intent.is_new:
        return _known(grant, intent)
    ended = _send(desk, provider, message, grant, intent)
    stands = _record(grant, ended)
    return ended if stands == ended.outcome else Delivered(stands)


def _known(grant: Grant, intent: Intent) -> Delivered:
    if intent.outcome == Outcome.DENIED:
        return Delivered(Outcome.DENIED, intent.code, gives_back=True)
    # Somebody else's intent, or a crash's: what nobody knows is unknown, what is known stays.
    detail = "Its message had begun already, and nobody has heard how it ended."
    return Delivered(record_outcome(grant, Outcome.UNKNOWN, code="crashed", detail=detail))


def _send(desk: Desk, provider: ChannelProvider, texts: CompiledMessage, grant: Grant, intent: Intent) -> "_Ended":
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
    links = links_for(Wish(contact.user_id, grant.channel, grant.category, grant.campaign_id))
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


def _record(grant: Grant, ended: _Ended) -> Outcome:
    for number in range(1, TRIES + 1):
        try:
            return record_outcome(
                grant,
                ended.outcome,
                code=ended.code,
                detail=ended.detail,
                provider_reference=ended.reference,
            )
        except DatabaseError:
            # A message that was sent must not become unknown because a database was busy for a moment.
            connections.close_all()
            if number == TRIES:
                raise
    raise AssertionError("the last try has returned or raised")
