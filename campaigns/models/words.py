"""Words that rows hold beside those of :mod:`campaigns.contract`: statuses, states, outcomes."""

from enum import StrEnum

from campaigns.contract import Channel

CHANNELS = [(Channel.EMAIL.value, "E-mail"), (Channel.SMS.value, "Text message"), (Channel.PUSH.value, "Push")]


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class RecipientState(StrEnum):
    """Where one recipient of a campaign stands. Each is in one state, so that the states add up to the audience."""

    PENDING = "pending"
    SENT = "sent"
    DEFERRED = "deferred"
    DENIED = "denied"
    FAILED = "failed"
    UNKNOWN = "unknown"


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


ATTEMPTED = (Outcome.INTENT, Outcome.SENT, Outcome.FAILED, Outcome.UNKNOWN)
"""Outcomes of what was granted."""
COUNTED = (Outcome.INTENT, Outcome.SENT, Outcome.UNKNOWN)
"""Outcomes that use up a cap."""
