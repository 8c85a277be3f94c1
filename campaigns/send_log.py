"""The send log: each decision with its reason, and for what was allowed the intent, committed before the message is sent.

A crash between intent and outcome leaves an intent behind. Nobody knows whether that message went out: whoever finds it
records it as unknown, and it is not sent again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from campaigns import projection
from campaigns.contract import DecisionCode, SendDecision
from campaigns.models import Campaign, CampaignRecipient, Contact, OptOut, SendLog
from campaigns.models.words import ATTEMPTED, COUNTED, Outcome, RecipientState
from campaigns.preferences import lock_contact
from temporal_worker.models import ChangeCounter

DUPLICATE = "duplicate"
"""Code of an intent that is refused because another grant of the same campaign has reached the person."""


@dataclass(frozen=True)
class Grant:
    """A message that its person's actor has allowed. ``recipient`` is the key of its :class:`CampaignRecipient`, if any.

    ``campaign_id`` is the series' id, as in the grant id. ``granted_at`` is the actor's time.
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


@dataclass(frozen=True)
class Intent:
    """What :func:`commit_intent` answers. Send the message only when ``is_new``.

    Otherwise ``outcome`` is what the log has: of an ``intent`` nobody knows what came (record it as unknown), ``denied``
    was refused here, with ``code``: nothing was sent, and the grant is to be released. ``contact`` is as it was at the
    commit, so that the message goes to the address of that moment.
    """

    is_new: bool
    outcome: Outcome
    code: str = ""
    contact: Contact | None = None
    provider_reference: str = ""


@transaction.atomic
def commit_intent(grant: Grant, *, before: Callable[[], None] | None = None) -> Intent:
    """Write down that a message is about to be sent, unless its person has opted out meanwhile. Safe to repeat.

    In one transaction: the contact's row is locked, the opt-outs are read, the intent is written. When the caller has no
    transaction of its own open, it is committed on return. ``before`` is called first in it; what it raises ends it.
    """
    if before is not None:
        before()
    contact = lock_contact(grant.user_id)
    rows = _rows_of(grant)
    known = _known(grant, rows)
    if known is not None:
        code = known.code if known.grant_id == grant.grant_id else DUPLICATE
        outcome = Outcome(known.outcome) if code != DUPLICATE else Outcome.DENIED
        return Intent(False, outcome, code, contact, known.provider_reference)
    code = "" if grant.is_test else _refusal(grant, contact)
    row = SendLog(
        grant_id=grant.grant_id,
        attempt=1 + max((one.attempt for one in rows if one.grant_id == grant.grant_id), default=0),
        campaign_id=grant.campaign_id,
        occurrence=grant.occurrence,
        user_id=grant.user_id,
        channel=grant.channel,
        category=grant.category,
        transactional=grant.transactional,
        is_test=grant.is_test,
        outcome=Outcome.DENIED if code else Outcome.INTENT,
        code=code,
        policy_version=grant.policy_version,
        at=grant.granted_at or timezone.now(),
        detail="It was allowed, and is refused just before it would have been sent." if code else "",
        settled_at=timezone.now() if code else None,
    )
    row.save(force_insert=True)
    if code:
        _settle_recipient(grant.recipient, RecipientState.DENIED, code)
        return Intent(False, Outcome.DENIED, code, contact)
    return Intent(True, Outcome.INTENT, "", contact)


def _rows_of(grant: Grant) -> list[SendLog]:
    """All decisions under this grant id, and the messages by which its campaign has reached the person."""
    same = Q(grant_id=grant.grant_id)
    if grant.campaign_id and not grant.is_test:
        same |= Q(
            user_id=grant.user_id,
            campaign_id=grant.campaign_id,
            occurrence=grant.occurrence,
            outcome__in=COUNTED,
            is_test=False,
        )
    return list(SendLog.objects.filter(same).only("grant_id", "attempt", "outcome", "code", "provider_reference"))


def _known(grant: Grant, rows: Sequence[SendLog]) -> SendLog | None:
    """The attempt under this grant id, else the message by which the campaign has reached this person already."""
    attempted = [row for row in rows if row.outcome in ATTEMPTED]
    return next((row for row in attempted if row.grant_id == grant.grant_id), attempted[0] if attempted else None)


def _refusal(grant: Grant, contact: Contact | None) -> str:
    """Why the message may not go out after all; empty when it may."""
    if contact is None:
        return DecisionCode.MISSING_ADDRESS
    if contact.is_suppressed(grant.channel):
        return DecisionCode.SUPPRESSED
    # A query after the lock: one that began before would not see what was committed while it waited for the lock.
    if OptOut.objects.filter(OptOut.against(grant.channel, grant.category), user_id=grant.user_id).exists():
        return DecisionCode.OPTED_OUT
    return "" if contact.address_for(grant.channel) else DecisionCode.MISSING_ADDRESS


@transaction.atomic
def record_handed_out(grant: Grant) -> str:
    """Write down a grant that a program has asked for and sends by itself. Safe to repeat.

    Nobody tells us whether it did, so its outcome is unknown and it counts. Returns the code of what stands against it after
    all – somebody has opted out meanwhile –; empty: it may be sent. The address is the program's own affair.
    """
    contact = lock_contact(grant.user_id)
    if SendLog.objects.filter(grant_id=grant.grant_id, outcome__in=ATTEMPTED).exists():
        return ""
    code = _refusal(grant, contact)
    code = "" if contact is not None and code == DecisionCode.MISSING_ADDRESS else code
    SendLog.objects.create(
        grant_id=grant.grant_id,
        attempt=_next_attempt(grant.grant_id),
        user_id=grant.user_id,
        channel=grant.channel,
        category=grant.category,
        transactional=grant.transactional,
        outcome=Outcome.DENIED if code else Outcome.UNKNOWN,
        code=code,
        detail="It was allowed, and is refused at the last moment."
        if code
        else "A program asked, and sends it itself.",
        policy_version=grant.policy_version,
        at=grant.granted_at or timezone.now(),
        settled_at=timezone.now(),
    )
    return code


def _next_attempt(grant_id: str) -> int:
    return (SendLog.objects.filter(grant_id=grant_id).aggregate(last=Max("attempt"))["last"] or 0) + 1


_SETTLED_FROM = {
    Outcome.SENT: [Outcome.INTENT, Outcome.UNKNOWN],
    Outcome.FAILED: [Outcome.INTENT, Outcome.UNKNOWN],
    Outcome.UNKNOWN: [Outcome.INTENT],
}
"""From which outcomes each may follow. What was sent stays sent; what is unknown may become known."""


@transaction.atomic
def record_outcome(
    grant: Grant, outcome: Outcome, *, code: str = "", detail: str = "", provider_reference: str = ""
) -> Outcome:
    """What came of an intent; the recipient's row follows in the same transaction. Returns the outcome that stands.

    That is another one than given when somebody was faster: a message that was sent stays sent.

    Raises:
        SendLog.DoesNotExist: there is no intent under this grant id
    """
    changed = SendLog.objects.filter(grant_id=grant.grant_id, outcome__in=_SETTLED_FROM[outcome]).update(
        outcome=outcome,
        code=code,
        detail=detail[:500],
        provider_reference=provider_reference[:200],
        settled_at=timezone.now(),
    )
    if not changed:
        row = SendLog.objects.only("outcome", "code").get(grant_id=grant.grant_id, outcome__in=ATTEMPTED)
        outcome, code = Outcome(row.outcome), row.code
    if outcome != Outcome.INTENT:
        # Also when nothing has changed: whoever was faster may not know this recipient's row.
        _settle_recipient(grant.recipient, RecipientState(outcome.value), code)
    return outcome


def _settle_recipient(recipient: int | None, state: RecipientState, code: str) -> None:
    if recipient is not None:
        rows = CampaignRecipient.objects.filter(pk=recipient).exclude(state=RecipientState.SENT)
        rows.update(state=state, code=code, next_at=None)


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
    return SendLog(
        grant_id=grant.grant_id,
        attempt=one.attempt,
        campaign_id=grant.campaign_id,
        occurrence=grant.occurrence,
        user_id=grant.user_id,
        channel=grant.channel,
        category=grant.category,
        transactional=grant.transactional,
        is_test=grant.is_test,
        outcome=Outcome.DEFERRED if one.defer else Outcome.DENIED,
        code=decision.code,
        rule=decision.rule,
        limit=decision.limit,
        count=decision.count,
        used_by=decision.used_by[:20],
        next_allowed_at=decision.next_allowed_at,
        policy_version=decision.policy_version,
        detail=decision.reason[:500],
        at=decision.at or timezone.now(),
        settled_at=timezone.now(),
    )


def next_attempt(grant_id: str) -> int:
    """The number of the next decision under this grant id, for those that have no recipient's row to count in."""
    return _next_attempt(grant_id)


@dataclass(frozen=True)
class Counts:
    """Where a campaign's audience stands: ``by_state`` has all states and adds up to ``audience``."""

    audience: int
    by_state: dict[str, int]
    denied_by_reason: dict[str, int]


def counts_of(campaign: Campaign) -> Counts:
    """Counted from the recipients' rows, in one query."""
    rows = CampaignRecipient.objects.filter(campaign=campaign).order_by()
    by_state = {state.value: 0 for state in RecipientState}
    denied: dict[str, int] = {}
    for state, code, number in rows.values_list("state", "code").annotate(number=Count("pk")):
        by_state[state] += number
        if state == RecipientState.DENIED:
            denied[code] = denied.get(code, 0) + number
    return Counts(sum(by_state.values()), by_state, denied)
