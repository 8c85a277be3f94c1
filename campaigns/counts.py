"""How many campaigns there are of each kind, for the badge, the tabs and the sentence above the list. One query each."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from campaigns.contract import CampaignStatus
from campaigns.models import Campaign
from campaigns.standing import stands_at
from dashboard.phrases import Part, counted, number_word, strong, text

WAITING = (Campaign.STARTING, CampaignStatus.SCHEDULED, CampaignStatus.AWAITING_APPROVAL)


def badge_count() -> int:
    """How many are sending."""
    return Campaign.objects.filter(status=CampaignStatus.RUNNING).count()


@dataclass(frozen=True)
class ListCounts:
    all: int = 0
    running: int = 0
    paused: int = 0
    waiting: int = 0
    draft: int = 0
    completed: int = 0
    cancelled: int = 0
    approval: int = 0

    @property
    def lede(self) -> Sequence[Part]:
        """``Two campaigns are sending. One is paused, one waits for an approval.``"""
        verb = "is" if self.running == 1 else "are"
        first = f"{counted(self.running, 'campaign') if self.running else 'no campaign'} {verb} sending."
        if not self.running:
            first = "No campaign is sending."
        scheduled = self.waiting - self.approval
        rest = [
            _said(self.paused, "is paused", "are paused"),
            _said(self.approval, "waits for an approval", "wait for an approval"),
            _said(scheduled, "is scheduled", "are scheduled"),
            _said(self.draft, "is a draft", "are drafts"),
        ]
        others = ", ".join(words for words in rest if words)
        tail = f" {others[:1].upper()}{others[1:]}." if others else ""
        return [strong(first[:1].upper() + first[1:]), text(tail)]


def _said(number: int, one: str, many: str) -> str:
    return f"{number_word(number)} {one if number == 1 else many}" if number else ""


def list_counts() -> ListCounts:
    def of(*statuses: str) -> Count:
        return Count("pk", filter=stands_at(*statuses))

    return ListCounts(
        **Campaign.objects.order_by().aggregate(
            all=Count("pk"),
            running=of(CampaignStatus.RUNNING),
            paused=of(CampaignStatus.PAUSED),
            waiting=of(*WAITING),
            draft=of(CampaignStatus.DRAFT),
            completed=of(CampaignStatus.COMPLETED),
            cancelled=of(CampaignStatus.CANCELLED),
            approval=of(CampaignStatus.AWAITING_APPROVAL),
        )
    )
