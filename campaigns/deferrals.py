"""Who is deferred, and will never be sent to after all: no campaign waits for their moment any longer."""

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils import timezone

from campaigns.contract import MARKETING, DecisionCode, SendDecision, grant_id_for
from campaigns.models import Campaign, CampaignRecipient, SendLog
from campaigns.models.words import COUNTED, RecipientState
from campaigns.send_log import Grant, Refusal, record_refusals

_WHY = {
    DecisionCode.OPTED_OUT: "It was put off, and they have opted out of it since.",
    DecisionCode.SUPPRESSED: "It was put off, and they must not be written to any more.",
}


def settle(user_id: str, code: DecisionCode, channel: str = "", category: str = "") -> int:
    """Deny what is put off for somebody by this channel and of this category, empty being each; returns how many.

    Call it in the transaction that writes down why, after the contact's lock: an intent of theirs is committed before, and
    keeps its message, or sees the reason. Each has its line in the send log.
    """
    campaigns = Campaign.objects.filter(closed_at=None).exclude(audience_fixed_at=None)
    campaigns = campaigns.filter(channel=channel) if channel else campaigns
    campaigns = campaigns.filter(category=category) if category else campaigns
    # As :meth:`campaigns.contract.OptOut.holds_back` has it.
    campaigns = campaigns.filter(transactional=False) if category == MARKETING else campaigns
    open_ones = {row.pk: row for row in campaigns.select_related("first").order_by()}
    rows = CampaignRecipient.objects.filter(
        # By the keys, of which there are few: that is the index that there is.
        campaign__in=list(open_ones),
        user_id=user_id,
        state=RecipientState.DEFERRED,
    )
    # In one order, which two who settle several of them have in common.
    deferred = list(rows.select_for_update(no_key=True).order_by("pk")) if open_ones else []
    begun = _begun(user_id) if deferred else set()
    settled = [
        _refused(row, campaign, code)
        for row in deferred
        if ((campaign := open_ones[row.campaign_id]).series_id, campaign.occurrence) not in begun
    ]
    record_refusals(settled)
    if settled:
        # Afterwards: whoever commits an intent holds the campaign's row when they come for the contact's. Lost with a crash,
        # it is only told later, when the campaign counts by itself.
        transaction.on_commit(partial(_want_recount, [row.campaign_id for row in deferred]))
    return len(settled)


def _want_recount(campaigns: Sequence[int]) -> None:
    Campaign.objects.filter(pk__in=campaigns, closed_at=None).update(recount_at=timezone.now())


def _begun(user_id: str) -> set[tuple[str, int]]:
    """Series and occurrences of which a message is on its way to them, or was."""
    rows = SendLog.objects.filter(user_id=user_id, outcome__in=COUNTED, is_test=False).exclude(campaign_id="")
    return set(rows.values_list("campaign_id", "occurrence"))


def _refused(row: CampaignRecipient, campaign: Campaign, code: DecisionCode) -> Refusal:
    grant = Grant(
        grant_id=grant_id_for(campaign.series_id, campaign.occurrence, row.user_id, row.grant_attempt),
        user_id=row.user_id,
        channel=campaign.channel,
        category=campaign.category,
        campaign_id=campaign.series_id,
        occurrence=campaign.occurrence,
        transactional=campaign.transactional,
        recipient=row.pk,
    )
    return Refusal(grant, SendDecision(allowed=False, code=code, reason=_WHY[code]), row.attempts + 1)
