"""How messages leave: one interface, a provider for each channel. A new one is a module here and its name in settings."""

from campaigns.channels.base import ChannelProvider, Message, OutcomeUnknown, Receipt, SendFailed, get_provider

__all__ = ["ChannelProvider", "Message", "OutcomeUnknown", "Receipt", "SendFailed", "get_provider"]
