"""What came of messages that had begun."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from campaigns.models import CampaignRecipient, SendLog
from campaigns.models.words import ATTEMPTED, Outcome, RecipientState
from campaigns.send_log.rows import Grant, next_attempt, row_of, settle_recipients

CRASHED = "crashed"
"""Code of a message of which nobody knows whether it was sent: whoever was sending it died."""

_SETTLED_FROM = {
    Outcome.SENT: [Outcome.INTENT, Outcome.UNKNOWN],
    Outcome.FAILED: [Outcome.INTENT, Outcome.UNKNOWN],
    Outcome.UNKNOWN: [Outcome.INTENT],
}
"""From which outcomes each may follow. What was sent stays sent; what is unknown may become known."""


@dataclass(frozen=True)
class Ending:
    """What came of a message: words for people in ``detail``, the provider's own name for it in ``provider_reference``."""

    grant: Grant
    outcome: Outcome
    code: str = ""
    detail: str = ""
    provider_reference: str = ""


def left_over(row: SendLog, recipient: int) -> Ending:
    """What is to be recorded of a message that had begun when its recipient was taken up once more. What is known of it
    stays, and comes into the recipient's row."""
    grant = Grant(row.grant_id, row.user_id, row.channel, row.category, recipient=recipient)
    return Ending(grant, Outcome.UNKNOWN, CRASHED, "Whoever was sending it ended before the answer.")


def record_outcome(
    grant: Grant, outcome: Outcome, *, code: str = "", detail: str = "", provider_reference: str = ""
) -> Outcome:
    """:func:`record_outcomes` of one."""
    return record_outcomes([Ending(grant, outcome, code, detail, provider_reference)])[0]


@transaction.atomic
def record_outcomes(endings: Sequence[Ending]) -> list[Outcome]:
    """What came of intents; the recipients' rows follow in the same transaction. Answers the outcomes that stand.

    That is another one than given when somebody was faster: a message that was sent stays sent.

    Raises:
        SendLog.DoesNotExist: there is no intent under a grant id
    """
    stand: dict[str, tuple[Outcome, str]] = {}
    # In the order of their ids, as whoever closes a campaign takes them: two who want the same rows take turns.
    for ending in sorted(endings, key=lambda one: one.grant.grant_id):
        stand[ending.grant.grant_id] = _settle(ending)
    for outcome, code in set(stand.values()):
        if outcome == Outcome.INTENT:
            continue
        # Also when nothing has changed: whoever was faster may not know this recipient's row.
        theirs = [one.grant for one in endings if stand[one.grant.grant_id] == (outcome, code)]
        settle_recipients(theirs, RecipientState(outcome.value), code)
    return [stand[ending.grant.grant_id][0] for ending in endings]


def _settle(ending: Ending) -> tuple[Outcome, str]:
    grant_id = ending.grant.grant_id
    changed = SendLog.objects.filter(grant_id=grant_id, outcome__in=_SETTLED_FROM[ending.outcome]).update(
        outcome=ending.outcome,
        code=ending.code,
        detail=ending.detail[:500],
        provider_reference=ending.provider_reference[:200],
        holds_slot=ending.outcome == Outcome.FAILED,
        settled_at=timezone.now(),
    )
    if changed:
        return ending.outcome, ending.code
    row = SendLog.objects.only("outcome", "code").get(grant_id=grant_id, outcome__in=ATTEMPTED)
    return Outcome(row.outcome), row.code


@transaction.atomic
def record_unused(grant: Grant, grant_attempt: int, *, code: str, detail: str) -> bool:
    """Write down a grant that is given back because no message was begun: its recipient, if any, is asked for by the next one.

    False, and nothing is changed, when a message was begun under it: it may have gone out, and its outcome says what becomes
    of the slot.
    ``grant_attempt`` is the recipient's, as the grant id has it. Safe to repeat; nothing is written when somebody has gone on
    already. The slot is held until the actor has answered (:func:`slot_given_back`).
    """
    asked_by_it = CampaignRecipient.objects.filter(grant_attempt=grant_attempt)
    recipients = asked_by_it.none() if grant.recipient is None else asked_by_it.filter(pk=grant.recipient)
    if grant.recipient is None or recipients.exists():
        row = row_of(
            grant,
            next_attempt(grant.grant_id),
            outcome=Outcome.RELEASED,
            code=code,
            detail=detail,
            policy_version=grant.policy_version,
            holds_slot=True,
            at=grant.granted_at or timezone.now(),
            settled_at=timezone.now(),
        )
        SendLog.objects.bulk_create([row], ignore_conflicts=True)
    # Asked after the row, whose unique key waits for whoever is just committing an intent under this grant.
    granted = SendLog.objects.filter(grant_id=grant.grant_id, outcome__in=ATTEMPTED)
    if granted.exclude(outcome=Outcome.RELEASED).exists():
        return False
    recipients.update(grant_attempt=grant_attempt + 1)
    return True


def slot_given_back(grant_id: str) -> None:
    """The actor has answered that the slot of this grant is free, or there is none: whoever starts one reads it here."""
    SendLog.objects.filter(grant_id=grant_id, holds_slot=True).update(holds_slot=False)
