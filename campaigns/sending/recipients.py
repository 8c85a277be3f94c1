"""What a batch takes up: whoever is still to be asked for, with all that is known of them without asking their actor."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from django.db.models import QuerySet
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns.actor_seed import seeds_without_log
from campaigns.channels import get_provider
from campaigns.contract import (
    BatchInput,
    CapPolicy,
    DecisionCode,
    Mailing,
    OptOut,
    SendDecision,
    UserActorInput,
    grant_id_for,
)
from campaigns.models import Campaign, CampaignRecipient, CampaignSettings, Contact, SendLog
from campaigns.models.words import ATTEMPTED, RecipientState
from campaigns.policies import policies_for
from campaigns.preferences import opted_out
from campaigns.rendering import CompiledMessage
from campaigns.send_log import Grant, Refusal, record_refusals
from campaigns.sending.stock import settle_left_over
from temporal_worker.contract import InvalidField

GROUP = 100
"""Refusals that are written in one transaction."""


@dataclass(frozen=True)
class Candidate:
    """Somebody whose actor is to be asked. ``seed`` is what a new actor starts from; None: it is read when it is needed."""

    recipient: int
    position: int
    user_id: str
    attempts: int
    grant_attempt: int
    policy: CapPolicy
    seed: UserActorInput | None = None


@dataclass(frozen=True)
class Work:
    """One batch: what is sent, and to whom. ``taken`` is how many were taken up, those settled here too, ``last`` the
    position of the last of them.

    ``is_all`` says that there is nobody behind them. ``gate`` is the row's; with another than the batch's there is no work.
    """

    gate: int
    message: CompiledMessage | None = None
    candidates: Sequence[Candidate] = ()
    taken: int = 0
    last: int = 0
    is_all: bool = False


def load_work(batch: BatchInput, at_once: int) -> Work:
    """Read what is to be done, and settle what needs no asking.

    Of a slow campaign fewer than ``batch.limit``: no more than its rate lets go out in the batch's time, and ``at_once`` for
    those who will be refused.

    Raises:
        ApplicationError: of a type that trying again does not mend
    """
    mailing = batch.mailing
    campaign = Campaign.objects.filter(campaign_id=mailing.campaign_id).first()
    if campaign is None:
        raise ApplicationError(f"There is no campaign {mailing.campaign_id}.", type="NotFound", non_retryable=True)
    if campaign.gate != batch.gate:
        return Work(campaign.gate)
    message = _texts(campaign, mailing)
    limit = min(batch.limit, at_once + ceil(batch.rate_per_minute / 60 * batch.seconds))
    rows = list(_still_to_ask(campaign, batch)[:limit])
    # Of those who are due too: a round for them may have died between an intent and its outcome.
    begun = settle_left_over(mailing.series_id, mailing.occurrence, rows)
    candidates = _without_known_refusals(mailing, [row for row in rows if row.pk not in begun])
    return Work(
        gate=campaign.gate,
        message=message,
        candidates=candidates,
        taken=len(rows),
        last=rows[-1].position if rows else batch.positions.last,
        is_all=len(rows) < limit,
    )


def _texts(campaign: Campaign, mailing: Mailing) -> CompiledMessage:
    if campaign.draft_version != mailing.texts_version:
        words = "Its texts are not those that were launched."
        raise ApplicationError(words, type="TextsChanged", non_retryable=True)
    if mailing.channel not in CampaignSettings.current().channels_on:
        raise ApplicationError(f"{mailing.channel} is switched off.", type="ChannelOff", non_retryable=True)
    get_provider(mailing.channel).close()  # before the first intent: one that cannot be made leaves none behind
    try:
        return campaign.compiled()
    except InvalidField as error:
        raise ApplicationError(str(error), type="ValidationError", non_retryable=True) from None


def _still_to_ask(campaign: Campaign, batch: BatchInput) -> "QuerySet[CampaignRecipient]":
    rows = CampaignRecipient.objects.filter(
        campaign=campaign, position__gte=batch.positions.first, position__lte=batch.positions.last
    ).order_by("position")
    if batch.due_by is None:
        return rows.filter(state=RecipientState.PENDING)
    return rows.filter(state=RecipientState.DEFERRED, next_at__lte=batch.due_by)


def _without_known_refusals(mailing: Mailing, rows: Sequence[CampaignRecipient]) -> list[Candidate]:
    """Who has to be asked. Of whom it is known that they get nothing, it is written down, and no actor is started."""
    user_ids = [row.user_id for row in rows]
    contacts = {contact.user_id: contact for contact in Contact.objects.filter(user_id__in=user_ids)}
    out = opted_out(user_ids, mailing.channel, mailing.category, transactional=mailing.transactional)
    refusals, asked = [], []
    for row in rows:
        contact = contacts.get(row.user_id)
        code, reason = known_refusal(contact, mailing.channel, out.get(row.user_id))
        if code:
            refusals.append(_refusal(mailing, row, code, reason))
        else:
            asked.append(row)
    for start in range(0, len(refusals), GROUP):
        record_refusals(refusals[start : start + GROUP])
    return _candidates(asked, [contacts[row.user_id] for row in asked])


def known_refusal(contact: Contact | None, channel: str, out: OptOut | None) -> tuple[DecisionCode | None, str]:
    """Why somebody gets no message whatever their actor says; None when the actor has to be asked.

    ``out`` is what stands against it of :func:`campaigns.preferences.opted_out`, if anything.
    """
    if contact is None:
        return DecisionCode.MISSING_ADDRESS, "This contact is not there any more."
    if contact.is_suppressed(channel):
        return DecisionCode.SUPPRESSED, f"Messages by {channel} are suppressed."
    if out is not None:
        return DecisionCode.OPTED_OUT, f"They have opted out of {out.words}."
    if not contact.address_for(channel):
        return DecisionCode.MISSING_ADDRESS, f"They have no address for {channel}."
    return None, ""


def _refusal(mailing: Mailing, row: CampaignRecipient, code: DecisionCode, reason: str) -> Refusal:
    grant_id = grant_id_for(mailing.series_id, mailing.occurrence, row.user_id, row.grant_attempt)
    decision = SendDecision(
        allowed=False,
        code=code,
        reason=reason,
        rule=code,
        grant_id=grant_id,
        channel=mailing.channel,
        category=mailing.category,
        transactional=mailing.transactional,
        at=timezone.now(),
    )
    return Refusal(grant_for(mailing, grant_id, row.user_id, row.pk), decision, row.attempts + 1)


def grant_for(mailing: Mailing, grant_id: str, user_id: str, recipient: int) -> Grant:
    """What a message of this mailing to somebody is called in the send log, before it is granted."""
    return Grant(
        grant_id=grant_id,
        user_id=user_id,
        channel=mailing.channel,
        category=mailing.category,
        campaign_id=mailing.series_id,
        occurrence=mailing.occurrence,
        transactional=mailing.transactional,
        recipient=recipient,
    )


def _candidates(rows: Sequence[CampaignRecipient], contacts: Sequence[Contact]) -> list[Candidate]:
    policies = policies_for(contacts)
    known = SendLog.objects.filter(user_id__in=[row.user_id for row in rows], outcome__in=ATTEMPTED)
    seen = set(known.order_by().values_list("user_id", flat=True).distinct())
    seeds = seeds_without_log([contact for contact in contacts if contact.user_id not in seen], policies)
    return [
        Candidate(
            recipient=row.pk,
            position=row.position,
            user_id=row.user_id,
            attempts=row.attempts,
            grant_attempt=row.grant_attempt,
            policy=policies[row.user_id],
            seed=seeds.get(row.user_id),
        )
        for row in rows
    ]
