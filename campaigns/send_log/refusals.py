"""Messages that were not allowed, with the decision of whoever said so."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from campaigns import projection
from campaigns.contract import SendDecision
from campaigns.models import CampaignRecipient, SendLog
from campaigns.models.words import Outcome, RecipientState
from campaigns.send_log.rows import Grant, row_of
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import to_json


@dataclass(frozen=True)
class Refusal:
    """A message that was not allowed now, with the decision. ``attempt`` is the n-th ask for this recipient.

    ``defer`` says that it is asked for again at the decision's ``next_allowed_at``.
    """

    grant: Grant
    decision: SendDecision
    attempt: int = 1
    defer: bool = False


@transaction.atomic
def record_refusals(refusals: Sequence[Refusal], *, tells: bool = False) -> None:
    """Write down why messages are not sent, and where their recipients stand now. Safe to repeat.

    ``tells`` open pages of them at once; a campaign's own does, with its next saving.
    """
    SendLog.objects.bulk_create((_refused_row(one) for one in refusals), ignore_conflicts=True)
    for one in refusals:
        if one.grant.recipient is None:
            continue
        waiting = [RecipientState.PENDING, RecipientState.DEFERRED]
        CampaignRecipient.objects.filter(pk=one.grant.recipient, state__in=waiting, attempts=one.attempt - 1).update(
            state=RecipientState.DEFERRED if one.defer else RecipientState.DENIED,
            code=one.decision.code,
            next_at=one.decision.next_allowed_at if one.defer else None,
            attempts=one.attempt,
        )
    if tells:
        ChangeCounter.bump(projection.COUNTER)


def _refused_row(one: Refusal) -> SendLog:
    grant, decision = one.grant, one.decision
    return row_of(
        grant,
        one.attempt,
        outcome=Outcome.DEFERRED if one.defer else Outcome.DENIED,
        code=decision.code,
        rule=decision.rule,
        limit=decision.limit,
        count=decision.count,
        used_by=decision.used_by[:20],
        next_allowed_at=decision.next_allowed_at,
        changes=[to_json(change) for change in decision.changes[:5]] or None,
        policy_version=decision.policy_version,
        detail=decision.reason[:500],
        at=decision.at or timezone.now(),
        settled_at=timezone.now(),
    )
