"""The web side's only door to campaigns and actors; no other module of the area's web side uses the Temporal client.

Functions speak of campaigns, contacts and messages, and so do their exceptions; each is plain sync code with a deadline of
its own. A ``key`` makes a changing call safe to repeat: the same key by the same person is done once. Each asks whether
``user`` may. Imports and greetings are in modules of their own.
"""

from campaigns.gateway.acting import cancel, pause, read_stop, resume, set_rate, stop_everything
from campaigns.gateway.actors import (
    ActorReading,
    afetch_actor,
    read_actor,
    would_be_allowed,
)
from campaigns.gateway.drafts import Draft, change_draft, create_draft
from campaigns.gateway.launching import launch
from campaigns.gateway.problems import (
    CampaignNotFound,
    CampaignProblem,
    CampaignRefused,
    ContactNotFound,
    InvalidRequest,
    KeyReused,
    NotPermitted,
    Unavailable,
)
from campaigns.gateway.programs import request_send
from campaigns.gateway.reading import CampaignReading, afetch_campaign, read_campaign
from campaigns.gateway.rights import may_see
from campaigns.gateway.stampedes import Stampede, give_back_stampede, stampede
from campaigns.gateway.starting import finish_starting_campaigns, hold, start_occurrence
from campaigns.gateway.telling import tell_settings
from campaigns.gateway.trying import DryRun, dry_run, first_recipient, preview, test_send
from campaigns.gateway.wishes import opt_in, opt_out, set_cap, set_preferences, tell_opt_outs

__all__ = [
    "ActorReading",
    "CampaignNotFound",
    "CampaignProblem",
    "CampaignReading",
    "CampaignRefused",
    "ContactNotFound",
    "Draft",
    "DryRun",
    "InvalidRequest",
    "KeyReused",
    "NotPermitted",
    "Stampede",
    "Unavailable",
    "afetch_actor",
    "afetch_campaign",
    "cancel",
    "change_draft",
    "create_draft",
    "dry_run",
    "finish_starting_campaigns",
    "first_recipient",
    "give_back_stampede",
    "hold",
    "launch",
    "may_see",
    "opt_in",
    "opt_out",
    "pause",
    "preview",
    "read_actor",
    "read_campaign",
    "read_stop",
    "request_send",
    "resume",
    "set_cap",
    "set_preferences",
    "set_rate",
    "stampede",
    "start_occurrence",
    "stop_everything",
    "tell_opt_outs",
    "tell_settings",
    "test_send",
    "would_be_allowed",
]
