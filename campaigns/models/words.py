"""Words that rows hold beside those of :mod:`campaigns.contract`: statuses, states, outcomes."""

from enum import StrEnum

from campaigns.contract import CampaignStatus, Channel, RecipientState

__all__ = ["ATTEMPTED", "CHANNELS", "COUNTED", "CampaignStatus", "Outcome", "RecipientState"]

CHANNELS = [(Channel.EMAIL.value, "E-mail"), (Channel.SMS.value, "Text message"), (Channel.PUSH.value, "Push")]


class Outcome(StrEnum):
    """What came of one decision or attempt, as the send log has it."""

    INTENT = "intent"
    """Allowed and about to be sent. Left behind by a crash: nobody knows, and it counts."""
    SENT = "sent"
    FAILED = "failed"
    """Definitely not sent; its slot is given back."""
    UNKNOWN = "unknown"
    """It may have been sent: it counts, and is not sent again."""
    DENIED = "denied"
    DEFERRED = "deferred"
    """Not now; ``next_allowed_at`` says when."""
    RELEASED = "released"
    """Allowed, and given back before its message began: whoever it was for is asked for anew, by another grant."""


ATTEMPTED = (Outcome.INTENT, Outcome.SENT, Outcome.FAILED, Outcome.UNKNOWN, Outcome.RELEASED)
"""Outcomes of what was granted."""
COUNTED = (Outcome.INTENT, Outcome.SENT, Outcome.UNKNOWN)
"""Outcomes that use up a cap."""
