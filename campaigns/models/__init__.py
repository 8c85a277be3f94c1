"""Contacts, campaigns and what they start from; and the projection of what Temporal runs.

The actors hold the truth of caps and wishes, the campaigns' workflows that of their progress. Two tables are more than a
projection: the send log's intents, which are committed before a message is sent, and the opt-outs, which are asked in the
same transaction.
"""

from campaigns.models.campaigns import Campaign, CampaignRecipient
from campaigns.models.contacts import Contact, OptOut, PreferenceChange
from campaigns.models.imports import AudienceImport, ImportProblem, StagedContact
from campaigns.models.policies import CampaignSettings, CapPolicy
from campaigns.models.samples import ProgressSample
from campaigns.models.sandbox import SandboxMessage
from campaigns.models.segments import Segment
from campaigns.models.send_log import SendHour, SendLog
from campaigns.models.templates import Template
from campaigns.models.untold import UntoldSetting

__all__ = [
    "AudienceImport",
    "Campaign",
    "CampaignRecipient",
    "CampaignSettings",
    "CapPolicy",
    "Contact",
    "ImportProblem",
    "OptOut",
    "PreferenceChange",
    "ProgressSample",
    "SandboxMessage",
    "Segment",
    "SendHour",
    "SendLog",
    "StagedContact",
    "Template",
    "UntoldSetting",
]
