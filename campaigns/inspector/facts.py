"""What the database knows of a person beside their actor: reach, send log, wishes and who changed them, the policy's name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from campaigns.contract import MARKETING, ActorView, Channel, SendDecision
from campaigns.contract import OptOut as OptOutMessage
from campaigns.models import Campaign, CampaignRecipient, CapPolicy, Contact, OptOut, PreferenceChange, SendLog
from campaigns.models.words import ATTEMPTED, RecipientState
from campaigns.policies import policy_row_for, policy_version
from campaigns.sending.recipients import known_refusal

SHOWN_ROWS = 60
"""Rows of the send log that the page is drawn from."""
SHOWN_CHANGES = 8
SHOWN_DEFERRED = 20


@dataclass(frozen=True)
class Policy:
    """Which row of the configuration decides for a person. ``kind``: ``default``, ``segment``, ``person`` or ``none``.

    ``version`` is that of its own last change, ``counter`` the number of all changes of policies, which requests carry.
    """

    name: str
    kind: str
    version: int
    counter: int
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """``refusals``: what stands against any marketing message of a channel, whatever the actor says."""

    contact: Contact
    refusals: dict[str, SendDecision]
    log: list[SendLog]
    log_count: int
    history: list[PreferenceChange]
    policy: Policy
    outcomes: dict[str, str] = field(default_factory=dict)
    """What the log says of the grants that the actor has in its window; those that it says nothing of are left out."""
    campaigns: dict[str, str] = field(default_factory=dict)
    """Names of campaigns by id."""
    deferred: list[CampaignRecipient] = field(default_factory=list)
    """What is put off for them, with its campaign, the soonest first."""


def facts_of(contact: Contact, view: ActorView) -> Facts:
    """What belongs to ``view``, in ten queries or so."""
    grants = [send.grant_id for send in view.sends_in_window]
    told = {*(one.campaign_id for one in view.sends_in_window), *(one.campaign_id for one in view.decisions)}
    attempted = SendLog.objects.filter(grant_id__in=grants, outcome__in=ATTEMPTED)
    rows = SendLog.objects.filter(user_id=contact.user_id)
    log = list(rows.order_by("-pk")[:SHOWN_ROWS])
    return Facts(
        contact=contact,
        refusals=_refusals(contact),
        log=log,
        log_count=rows.count(),
        history=list(PreferenceChange.objects.filter(user_id=contact.user_id)[:SHOWN_CHANGES]),
        policy=_policy(contact),
        outcomes=dict(attempted.order_by().values_list("grant_id", "outcome")),
        campaigns=campaign_names([*told, *(row.campaign_id for row in log)]),
        deferred=_deferred(contact),
    )


def _deferred(contact: Contact) -> list[CampaignRecipient]:
    # By the keys of those that still run, of which there are few: that is the index that there is.
    running = list(Campaign.objects.filter(closed_at=None).exclude(audience_fixed_at=None).values_list("pk", flat=True))
    rows = CampaignRecipient.objects.filter(
        campaign__in=running, user_id=contact.user_id, state=RecipientState.DEFERRED
    )
    return list(rows.select_related("campaign").order_by("next_at", "pk")[:SHOWN_DEFERRED])


def campaign_names(campaign_ids: Iterable[str]) -> dict[str, str]:
    wanted = {one for one in campaign_ids if one}
    return dict(Campaign.objects.filter(campaign_id__in=wanted).values_list("campaign_id", "name"))


def _refusals(contact: Contact) -> dict[str, SendDecision]:
    rows = OptOut.objects.filter(user_id=contact.user_id, category__in=["", MARKETING]).order_by("channel", "category")
    outs = [OptOutMessage(row.channel, row.category) for row in rows]
    found: dict[str, SendDecision] = {}
    for channel in Channel:
        code, reason = known_refusal(
            contact, channel, next((one for one in outs if one.covers(channel, MARKETING)), None)
        )
        if code is not None:
            found[channel] = SendDecision(
                False, code, reason, rule=code, channel=channel, category=MARKETING, at=timezone.now()
            )
    return found


def _policy(contact: Contact) -> Policy:
    row = policy_row_for(contact)
    counter = policy_version()
    if row is None:
        return Policy("", "none", 0, counter)
    kind = "person" if row.user_id else "segment" if row.segment_id else "default"
    return Policy(_name(row), kind, row.version, counter, row.changed_at)


def _name(row: CapPolicy) -> str:
    return row.name if row.segment is None else f"{row.name}, for {row.segment.name}"
