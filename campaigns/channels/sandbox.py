"""A provider that behaves the same each time: what becomes of a message is written in its address.

A mail to ``bounce@example.com`` bounces, and so does a push to the token ``bounce-7`` and a text message to any number that
ends in 5550001; see :class:`Fate`. Any other address receives.
"""

import secrets
import time
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from campaigns.channels.base import ChannelProvider, Message, OutcomeUnknown, Receipt, SendFailed
from campaigns.models import SandboxMessage

FLAKY_REFUSALS = 2
BUSY_SECONDS = 1


class Fate(StrEnum):
    """What an address does that has this word in it. Phone numbers end in 5550001 … 5550005, in this order."""

    BOUNCE = "bounce"
    """Refuses, for good."""
    BUSY = "busy"
    """Refuses for now, each time."""
    FLAKY = "flaky"
    """Refuses for now twice, then receives."""
    LOST = "lost"
    """Receives, but the answer is lost the first time."""
    NEVER = "never"
    """Never answers, and does not receive."""


_DIGITS = {
    "5550001": Fate.BOUNCE,
    "5550002": Fate.BUSY,
    "5550003": Fate.FLAKY,
    "5550004": Fate.LOST,
    "5550005": Fate.NEVER,
}


def fate_of(address: str) -> Fate | None:
    """None: it receives."""
    if address.startswith("+"):
        return next((fate for digits, fate in _DIGITS.items() if address.endswith(digits)), None)
    name = address.rpartition("@")[0] or address
    return next((fate for fate in Fate if fate.value in name.lower()), None)


class SandboxProvider(ChannelProvider):
    """For every channel. Its books are :class:`SandboxMessage`; ``CHANNEL_SANDBOX_LATENCY`` slows it."""

    repeats_are_safe = True

    def send(self, message: Message) -> Receipt:
        _pause()
        row, problem = self._book(message)
        _pause()
        if problem is not None:
            raise problem
        return Receipt(row.reference)

    def _book(self, message: Message) -> tuple[SandboxMessage, Exception | None]:
        # durable: what the provider did is done, whatever becomes of the caller's transaction.
        with transaction.atomic(durable=True):
            row, _ = SandboxMessage.objects.select_for_update().get_or_create(
                grant_id=message.grant_id,
                defaults={
                    "reference": f"msg_{secrets.token_hex(12)}",
                    "channel": message.channel,
                    "address": message.address,
                    "user_id": message.user_id,
                    "campaign_id": message.campaign_id,
                    "subject": message.subject,
                    "text": message.text,
                },
            )
            row.calls += 1
            problem = None if row.is_delivered else _problem(fate_of(row.address), row.refusals)
            row.refusals += problem is not None
            row.is_delivered = row.is_delivered or problem is None or fate_of(row.address) == Fate.LOST
            row.save(update_fields=["calls", "refusals", "is_delivered"])
        return row, problem


def _problem(fate: Fate | None, refusals: int) -> Exception | None:
    match fate:
        case Fate.BOUNCE:
            return SendFailed("The address does not exist.", permanent=True)
        case Fate.BUSY:
            return SendFailed("Too many messages; later.", permanent=False, retry_after=BUSY_SECONDS)
        case Fate.FLAKY if refusals < FLAKY_REFUSALS:
            return SendFailed("Too many messages; later.", permanent=False, retry_after=BUSY_SECONDS)
        case Fate.LOST | Fate.NEVER:
            return OutcomeUnknown("The provider did not answer in time.")
    return None


def _pause() -> None:
    if settings.CHANNEL_SANDBOX_LATENCY > 0:
        time.sleep(settings.CHANNEL_SANDBOX_LATENCY)
