"""What the campaign area asks of whoever carries its messages, and the three ways in which a send can end."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Message:
    """One message to one person. ``grant_id`` is what makes a repeat recognisable, for a provider that can do that.

    ``unsubscribe_url`` is the one-click address (RFC 8058) of a mail that may be unsubscribed from; empty for others.
    """

    grant_id: str
    channel: str
    user_id: str
    address: str
    subject: str
    text: str
    html: str = ""
    category: str = ""
    campaign_id: str = ""
    unsubscribe_url: str = ""


@dataclass(frozen=True)
class Receipt:
    """The message was accepted. ``provider_reference`` is the provider's own name for it, "" when it gave none."""

    provider_reference: str = ""


class SendProblem(Exception):
    """A message that was not accepted. The text is for people; it holds no address but the recipient's own."""


class SendFailed(SendProblem):
    """It has definitely not been sent: the grant is given back.

    ``permanent``: the same message to the same address would fail again. ``retry_after``: seconds, when the provider said so.
    """

    def __init__(self, problem: str, *, permanent: bool, retry_after: int | None = None) -> None:
        super().__init__(problem)
        self.permanent = permanent
        self.retry_after = retry_after


class OutcomeUnknown(SendProblem):
    """It may have been sent: it counts, and is not sent again – unless the provider's ``repeats_are_safe``."""


class ChannelProvider(ABC):
    """Carries the messages of one channel. An instance belongs to one thread, which closes it when it is done."""

    repeats_are_safe = False
    """Whether the provider makes one message of all with one grant id, so that an unknown outcome may be sent again."""

    @abstractmethod
    def send(self, message: Message) -> Receipt:
        """Hand one message over.

        Raises:
            SendFailed: definitely not accepted.
            OutcomeUnknown: no answer; it may have been accepted.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of connections. The next send opens them again."""

    def __enter__(self) -> "ChannelProvider":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def get_provider(channel: str) -> ChannelProvider:
    """A new provider of a channel, the one that ``settings.CHANNEL_PROVIDERS`` names by its dotted path.

    Raises:
        LookupError: there is no such channel
    """
    provider = import_string(settings.CHANNEL_PROVIDERS[channel])()
    if not isinstance(provider, ChannelProvider):
        raise ImproperlyConfigured(f"{settings.CHANNEL_PROVIDERS[channel]} is not a ChannelProvider.")
    return provider
