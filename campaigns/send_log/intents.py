"""Before a message is sent: its intent, or why it is refused at the last moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.contact_locks import lock_contact, lock_contacts
from campaigns.contract import DecisionCode
from campaigns.models import Contact, OptOut, SendLog
from campaigns.models.words import ATTEMPTED, COUNTED, Outcome, RecipientState
from campaigns.send_log.outcomes import Ending, left_over, record_outcomes
from campaigns.send_log.rows import Grant, next_attempt, row_of, settle_recipients

DUPLICATE = "duplicate"
"""Code of an intent that is refused because another grant of the same campaign has reached the person."""
GIVEN_BACK = "given_back"
"""Code of an intent that is refused because somebody else has given its grant back meanwhile."""


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


def commit_intent(grant: Grant, *, before: Callable[[], None] | None = None) -> Intent:
    """:func:`commit_intents` of one."""
    return commit_intents([grant], before=before)[0]


@transaction.atomic
def commit_intents(grants: Sequence[Grant], *, before: Callable[[], None] | None = None) -> list[Intent]:
    """Write down that messages are about to be sent, unless their people have opted out meanwhile. Safe to repeat.

    In one transaction: the contacts' rows are locked, the opt-outs are read, the intents are written. When the caller has no
    transaction of its own open, they are committed on return. ``before`` is called first in it; what it raises ends it.
    All are messages of one campaign by one channel, and nobody is among their people twice. Answers in the same order.

    Whom the campaign has reached by another grant (``DUPLICATE``) stands afterwards where that message does: their grant is
    given back, and nothing else would settle them.
    """
    assert len({grant.user_id for grant in grants}) == len(grants), "the second one would not see the first"
    if before is not None:
        before()
    user_ids = [grant.user_id for grant in grants]
    contacts = lock_contacts(user_ids)
    known, attempts = _known(grants)
    # A query after the lock: one that began before would not see what was committed while it waited for the lock.
    first = grants[0]
    against = OptOut.against(first.channel, first.category, transactional=first.transactional)
    out = set(OptOut.objects.filter(against, user_id__in=user_ids).values_list("user_id", flat=True))
    rows, intents = [], []
    reached: list[Ending] = []
    for grant in grants:
        contact = contacts.get(grant.user_id)
        if (row := known.get(grant.grant_id)) is not None:
            intents.append(_known_intent(grant, row, contact))
            if row.grant_id != grant.grant_id and grant.recipient is not None:
                reached.append(left_over(row, grant.recipient))
            continue
        code = "" if grant.is_test else _refusal(grant, contact, has_opted_out=grant.user_id in out)
        rows.append(_intent_row(grant, attempts.get(grant.grant_id, 0) + 1, code))
        if code:
            settle_recipients([grant], RecipientState.DENIED, code)
        intents.append(Intent(not code, Outcome.DENIED if code else Outcome.INTENT, code, contact))
    SendLog.objects.bulk_create(rows)
    if reached:
        record_outcomes(reached)
    return intents


def _known(grants: Sequence[Grant]) -> tuple[dict[str, SendLog], dict[str, int]]:
    """By grant id: the attempt under it, else the message by which its campaign has reached the person already; and the
    number of the last decision."""
    first = grants[0]
    same = Q(grant_id__in=[grant.grant_id for grant in grants])
    if first.campaign_id and not first.is_test:
        same |= Q(
            user_id__in=[grant.user_id for grant in grants],
            campaign_id=first.campaign_id,
            occurrence=first.occurrence,
            outcome__in=COUNTED,
            is_test=False,
        )
    fields = ("grant_id", "user_id", "channel", "category", "attempt", "outcome", "code", "provider_reference")
    rows = list(SendLog.objects.filter(same).only(*fields))
    known: dict[str, SendLog] = {}
    attempts: dict[str, int] = {}
    for grant in grants:
        mine = [row for row in rows if grant.grant_id == row.grant_id]
        attempts[grant.grant_id] = max((row.attempt for row in mine), default=0)
        reached = [row for row in rows if grant.user_id == row.user_id]
        for row in mine + reached:
            if row.outcome in ATTEMPTED:
                known.setdefault(grant.grant_id, row)
    return known, attempts


def _known_intent(grant: Grant, row: SendLog, contact: Contact | None) -> Intent:
    if row.grant_id != grant.grant_id:
        return Intent(False, Outcome.DENIED, DUPLICATE, contact, row.provider_reference)
    if row.outcome == Outcome.RELEASED:
        return Intent(False, Outcome.DENIED, GIVEN_BACK, contact)
    return Intent(False, Outcome(row.outcome), row.code, contact, row.provider_reference)


def _intent_row(grant: Grant, attempt: int, code: str) -> SendLog:
    return row_of(
        grant,
        attempt,
        outcome=Outcome.DENIED if code else Outcome.INTENT,
        code=code,
        policy_version=grant.policy_version,
        at=grant.granted_at or timezone.now(),
        detail="It was allowed, and is refused just before it would have been sent." if code else "",
        holds_slot=bool(code),
        settled_at=timezone.now() if code else None,
    )


def _refusal(grant: Grant, contact: Contact | None, *, has_opted_out: bool) -> str:
    """Why the message may not go out after all; empty when it may."""
    if contact is None:
        return DecisionCode.MISSING_ADDRESS
    if contact.is_suppressed(grant.channel):
        return DecisionCode.SUPPRESSED
    if has_opted_out:
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
    against = OptOut.against(grant.channel, grant.category, transactional=grant.transactional)
    code = _refusal(grant, contact, has_opted_out=OptOut.objects.filter(against, user_id=grant.user_id).exists())
    code = "" if contact is not None and code == DecisionCode.MISSING_ADDRESS else code
    row_of(
        grant,
        next_attempt(grant.grant_id),
        outcome=Outcome.DENIED if code else Outcome.UNKNOWN,
        code=code,
        holds_slot=bool(code),
        detail="It was allowed, and is refused at the last moment."
        if code
        else "A program asked, and sends it itself.",
        policy_version=grant.policy_version,
        at=grant.granted_at or timezone.now(),
        settled_at=timezone.now(),
    ).save()
    return code
