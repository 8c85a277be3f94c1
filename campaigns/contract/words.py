"""Names, limits and words of the campaign area: queue, ids, channels, codes. Standard library only."""

from enum import StrEnum

TASK_QUEUE = "marketing-campaign-queue"
USER_ACTOR_WORKFLOW_TYPE = "UserActorWorkflow"
CAMPAIGN_WORKFLOW_TYPE = "CampaignWorkflow"
SHARD_WORKFLOW_TYPE = "CampaignShardWorkflow"
STOP_EVERYTHING_WORKFLOW_TYPE = "StopEverythingWorkflow"
OCCURRENCE_WORKFLOW_TYPE = "CampaignOccurrenceWorkflow"

SEND_REFUSED = "SendRefused"
"""Type of the ``ApplicationError`` that refuses ``request_send``; its first detail is the SendDecision."""

MARKETING = "marketing"
"""The category of a campaign that names none."""
TRANSACTIONAL = "transactional"
"""The category of a transactional message that names none. No one click takes anybody out of it."""

MAX_ID = 200
"""Characters in a grant id, a campaign's id, a contact's id."""
MAX_NAME = 60
"""Characters in the name of a channel or a category."""
MAX_REASON = 500
MAX_RATE = 1_000_000
"""Messages a minute."""
MAX_CAP = 1_000
"""The largest cap: the actor keeps the times of twice as many messages."""
MAX_GAP_HOURS = 24 * 366
MAX_SENDS = 2 * MAX_CAP
"""Messages that an actor remembers with all they were."""
MAX_OPT_OUTS = 100
MAX_DECISIONS = 50
"""Decisions that an actor shows."""
MAX_KNOWN_IDS = 10_000
"""Grant ids that an actor remembers as granted or spent after it has forgotten their messages."""


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"


class WindowKind(StrEnum):
    """What a day is: the last 24 hours, or the calendar day in the person's time zone."""

    ROLLING = "rolling"
    CALENDAR = "calendar"


class DecisionCode(StrEnum):
    """Why a message may go out now, or why not."""

    ALLOWED = "allowed"
    # For good, until somebody changes something.
    UNKNOWN_CHANNEL = "unknown_channel"
    MISSING_ADDRESS = "missing_address"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    GRANT_SPENT = "grant_spent"
    # Until a moment that the decision names.
    PAUSED_BY_USER = "paused_by_user"
    CAP_DAY = "cap_day"
    CAP_CHANNEL = "cap_channel"
    CAP_CATEGORY = "cap_category"
    MIN_GAP = "min_gap"
    QUIET_HOURS = "quiet_hours"


class EntryKind(StrEnum):
    """What an entry among an actor's decisions says happened. Refusals are none: they leave nothing behind."""

    GRANTED = "granted"
    RELEASED = "released"
    SENT_ELSEWHERE = "sent_elsewhere"
    MESSAGE_REFUSED = "message_refused"


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


def default_category(*, transactional: bool) -> str:
    """The category of a message that names none."""
    return TRANSACTIONAL if transactional else MARKETING


def campaign_workflow_id(campaign_id: str) -> str:
    """The workflow id of a campaign, ``campaign-<campaign_id>``; a later occurrence's id ends in ``-<n>`` already."""
    return f"campaign-{campaign_id}"


def shard_workflow_id(campaign_id: str, number: int) -> str:
    """The workflow id of the n-th shard that a campaign has started."""
    return f"{campaign_workflow_id(campaign_id)}-shard-{number}"


def occurrence_campaign_id(series_id: str, occurrence: int) -> str:
    """The id of the n-th occurrence of a campaign: its own id for the first one, then ``<id>-<n>``."""
    return series_id if occurrence == 1 else f"{series_id}-{occurrence}"


def user_actor_workflow_id(user_id: str) -> str:
    """The workflow id of a contact's actor, ``user-actor-<user_id>``."""
    return f"user-actor-{user_id}"


def grant_id_for(campaign_id: str, occurrence: int, user_id: str, attempt: int = 1) -> str:
    """The grant id of one message of a campaign, which is the update id too: ``<campaign_id>:<occurrence>:<user_id>``.

    A released one is spent: asking again is the next ``attempt``, ``…:2``.
    """
    grant_id = f"{campaign_id}:{occurrence}:{user_id}"
    return grant_id if attempt == 1 else f"{grant_id}:{attempt}"
