"""Names and shapes of the campaign area's messages: what clients outside the code rely on.

Standard library only (with what all areas share, ``temporal_worker.contract``). Times are timezone-aware UTC, times of day
and calendar days are those of the person's own zone. Every field added later has a default. Contacts are named by their id.

Each message checks itself in ``check()``; see :mod:`orders.contract`.
"""

from campaigns.contract.actor import (
    ActorMemory,
    ActorView,
    ChannelView,
    DecisionEntry,
    RunView,
    SendRecord,
    UserActorInput,
)
from campaigns.contract.caps import CapPolicy, FrequencyCapInput, QuietHours
from campaigns.contract.preferences import OptOut, Preferences, PreferencesInput
from campaigns.contract.sends import Change, MessageSentInput, ReleaseInput, SendDecision, SendGrant, SendRequest
from campaigns.contract.words import (
    MARKETING,
    MAX_CAP,
    MAX_DECISIONS,
    MAX_GAP_HOURS,
    MAX_ID,
    MAX_KNOWN_IDS,
    MAX_NAME,
    MAX_OPT_OUTS,
    MAX_REASON,
    MAX_SENDS,
    SEND_REFUSED,
    TASK_QUEUE,
    USER_ACTOR_WORKFLOW_TYPE,
    Channel,
    DecisionCode,
    EntryKind,
    WindowKind,
    grant_id_for,
    user_actor_workflow_id,
)
from temporal_worker.contract import SYSTEM, By, Door, InvalidField

__all__ = [
    "MARKETING",
    "MAX_CAP",
    "MAX_DECISIONS",
    "MAX_GAP_HOURS",
    "MAX_ID",
    "MAX_KNOWN_IDS",
    "MAX_NAME",
    "MAX_OPT_OUTS",
    "MAX_REASON",
    "MAX_SENDS",
    "SEND_REFUSED",
    "SYSTEM",
    "TASK_QUEUE",
    "USER_ACTOR_WORKFLOW_TYPE",
    "ActorMemory",
    "ActorView",
    "By",
    "CapPolicy",
    "Change",
    "Channel",
    "ChannelView",
    "DecisionCode",
    "DecisionEntry",
    "Door",
    "EntryKind",
    "FrequencyCapInput",
    "InvalidField",
    "MessageSentInput",
    "OptOut",
    "Preferences",
    "PreferencesInput",
    "QuietHours",
    "ReleaseInput",
    "RunView",
    "SendDecision",
    "SendGrant",
    "SendRecord",
    "SendRequest",
    "UserActorInput",
    "WindowKind",
    "grant_id_for",
    "user_actor_workflow_id",
]
