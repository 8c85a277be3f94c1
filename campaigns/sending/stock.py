"""Where a campaign's recipients stand, and how those are settled who are left over."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, Max, Min

from campaigns.contract import CloseCode, Stock
from campaigns.models import Campaign, CampaignRecipient, SendLog
from campaigns.models.words import COUNTED, RecipientState
from campaigns.send_log import CRASHED, left_over, record_outcomes

NOT_SETTLED = (RecipientState.PENDING, RecipientState.DEFERRED)
_PIECE = 500


def stock_of(campaign_id: str) -> Stock:
    """Counted from the recipients' rows, in one query."""
    rows = CampaignRecipient.objects.filter(campaign__campaign_id=campaign_id).order_by()
    grouped = rows.values("state", "code").annotate(number=Count("pk"), first=Min("next_at"), last=Max("next_at"))
    counts: dict[str, int] = {}
    denied: dict[str, int] = {}
    moments = []
    crashed = 0
    for row in grouped:
        counts[row["state"]] = counts.get(row["state"], 0) + row["number"]
        if row["state"] == RecipientState.DENIED:
            denied[row["code"]] = denied.get(row["code"], 0) + row["number"]
        if row["state"] == RecipientState.UNKNOWN and row["code"] == CRASHED:
            crashed += row["number"]
        if row["state"] == RecipientState.DEFERRED:
            moments += [moment for moment in (row["first"], row["last"]) if moment is not None]
    return Stock(counts, denied, min(moments, default=None), max(moments, default=None), crashed)


def settle_left_over(series_id: str, occurrence: int, recipients: Iterable[CampaignRecipient]) -> set[int]:
    """Those of ``recipients``, none of them settled, whose message had begun: what nobody knows becomes ``unknown``.

    Returns their keys.
    """
    by_user = {recipient.user_id: recipient for recipient in recipients}
    rows = SendLog.objects.filter(
        campaign_id=series_id,
        occurrence=occurrence,
        user_id__in=list(by_user),
        outcome__in=COUNTED,
        is_test=False,
    )
    settled = set()
    for row in rows:
        recipient = by_user[row.user_id]
        record_outcomes([left_over(row, recipient.pk)])
        settled.add(recipient.pk)
    return settled


def close_recipients(campaign_id: str, code: str) -> Stock:
    """The campaign is over: who has not got it is denied, and of whom nobody knows is unknown. Safe to repeat."""
    CloseCode(code)
    campaign = Campaign.objects.select_related("first").get(campaign_id=campaign_id)
    waiting = CampaignRecipient.objects.filter(campaign=campaign, state__in=NOT_SETTLED)
    last = 0
    while piece := list(waiting.filter(position__gt=last).order_by("position")[:_PIECE]):
        last = piece[-1].position
        with transaction.atomic():
            begun = settle_left_over(campaign.series_id, campaign.occurrence, piece)
            left = [one.pk for one in piece if one.pk not in begun]
            waiting.filter(pk__in=left).update(state=RecipientState.DENIED, code=code, next_at=None)
    return stock_of(campaign_id)
