"""What a row of the send log begins with, and the recipient's row that goes with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Max

from campaigns.contract import SendGrant
from campaigns.models import CampaignRecipient, SendLog
from campaigns.models.words import RecipientState


@dataclass(frozen=True)
class Grant:
    """A message that its person's actor has allowed. ``recipient`` is the key of its :class:`CampaignRecipient`, if any.

    ``campaign_id`` is the series' id, as in the grant id. ``granted_at`` is the actor's time,
    ``run_id`` the actor's run whose history has the grant.
    """

    grant_id: str
    user_id: str
    channel: str
    category: str
    campaign_id: str = ""
    occurrence: int = 1
    transactional: bool = False
    is_test: bool = False
    granted_at: datetime | None = None
    policy_version: int = 0
    recipient: int | None = None
    run_id: str = ""

    def given(self, answer: SendGrant) -> "Grant":
        """As its actor has given it."""
        return replace(
            self, granted_at=answer.granted_at, policy_version=answer.policy_version, run_id=answer.run_id or ""
        )


def row_of(grant: Grant, attempt: int, **decided: Any) -> SendLog:
    return SendLog(
        grant_id=grant.grant_id,
        attempt=attempt,
        campaign_id=grant.campaign_id,
        occurrence=grant.occurrence,
        user_id=grant.user_id,
        channel=grant.channel,
        category=grant.category,
        transactional=grant.transactional,
        is_test=grant.is_test,
        run_id=grant.run_id,
        **decided,
    )


def next_attempt(grant_id: str) -> int:
    """The number of the next decision under this grant id, for those that have no recipient's row to count in."""
    return (SendLog.objects.filter(grant_id=grant_id).aggregate(last=Max("attempt"))["last"] or 0) + 1


def settle_recipients(grants: Iterable[Grant], state: RecipientState, code: str) -> None:
    keys = [grant.recipient for grant in grants if grant.recipient is not None]
    if keys:
        rows = CampaignRecipient.objects.filter(pk__in=keys).exclude(state=RecipientState.SENT)
        rows.update(state=state, code=code, next_at=None)
