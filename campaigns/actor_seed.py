"""What an actor that was lost, or never was, starts from: the send log and the wishes that are known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from campaigns.contract import MAX_KNOWN_IDS, MAX_SENDS, CapPolicy, SendRecord, UserActorInput
from campaigns.models import Contact, OptOut, SendLog
from campaigns.models.words import ATTEMPTED, COUNTED
from campaigns.preferences import own_cap_of, preferences_from
from campaigns.said import ELSEWHERE, known_id

WHOLE_FOR = timedelta(days=2)
"""Whoever is at UTC−12 has, at its end, a calendar day that began 24 hours ago; two days are every window there is."""


def seed_for_actor(user_id: str, *, policy: CapPolicy | None = None, now: datetime | None = None) -> UserActorInput:
    """The input of a new actor: messages of the last two days that count and the newest before (one of either kind), the
    grant ids of all others, the wishes, the own cap. Intents without an outcome and unknown ones count; definite failures
    and what was given back are spent ids.

    Six queries, four of which read this person's log by its index.
    """
    since = (now or timezone.now()) - WHOLE_FOR
    attempts = SendLog.objects.filter(user_id=user_id, is_test=False, outcome__in=ATTEMPTED).order_by("-at", "-pk")
    counted = attempts.filter(outcome__in=COUNTED)
    recent = list(counted.filter(at__gte=since)[:MAX_SENDS])
    before = [counted.filter(at__lt=since, transactional=transactional).first() for transactional in (False, True)]
    sends = sorted((*recent, *(row for row in before if row is not None)), key=lambda row: row.at)[-MAX_SENDS:]
    others = attempts.filter(~Q(outcome__in=COUNTED) | Q(at__lt=since)).only("grant_id", "provider_reference")
    told = {row.grant_id for row in sends}
    used = [known_id(row) for row in others[:MAX_KNOWN_IDS] if row.grant_id not in told]
    contact = Contact.objects.filter(user_id=user_id).first()
    opt_outs = list(OptOut.objects.filter(user_id=user_id).order_by("pk"))
    return UserActorInput(
        user_id=user_id,
        preferences=preferences_from(contact, opt_outs),
        sends=[_to_record(row) for row in sends],
        used_grant_ids=used[::-1],
        own_cap=own_cap_of(contact),
        policy=policy,
        version=_newest_version(contact, opt_outs),
    )


def seeds_without_log(contacts: Sequence[Contact], policies: Mapping[str, CapPolicy]) -> dict[str, UserActorInput]:
    """The same for people of whom the send log has nothing, by their ids: one query for all of them."""
    user_ids = [contact.user_id for contact in contacts]
    opt_outs: dict[str, list[OptOut]] = {}
    for row in OptOut.objects.filter(user_id__in=user_ids).order_by("pk"):
        opt_outs.setdefault(row.user_id, []).append(row)
    return {
        contact.user_id: UserActorInput(
            user_id=contact.user_id,
            preferences=preferences_from(contact, opt_outs.get(contact.user_id, [])),
            own_cap=own_cap_of(contact),
            policy=policies.get(contact.user_id),
            version=_newest_version(contact, opt_outs.get(contact.user_id, [])),
        )
        for contact in contacts
    }


def seeds_to_judge(
    contacts: Sequence[Contact], policies: Mapping[str, CapPolicy], *, now: datetime | None = None
) -> dict[str, UserActorInput]:
    """The same for a question that spends nothing, by their ids: without the ids of grants, none of which it has. Four
    queries for all of them."""
    since = (now or timezone.now()) - WHOLE_FOR
    seeds = seeds_without_log(contacts, policies)
    counted = SendLog.objects.filter(user_id__in=list(seeds), is_test=False, outcome__in=COUNTED)
    sends: dict[str, list[SendLog]] = {user_id: [] for user_id in seeds}
    for row in _newest_of_each(counted.filter(at__lt=since)):
        sends[row.user_id].append(row)
    for row in counted.filter(at__gte=since).order_by("at", "pk"):
        sends[row.user_id].append(row)
    return {
        user_id: replace(seed, sends=[_to_record(row) for row in sends[user_id][-MAX_SENDS:]])
        for user_id, seed in seeds.items()
    }


def _newest_of_each(rows: QuerySet[SendLog]) -> list[SendLog]:
    """Each person's newest, one of either kind; the oldest first."""
    kinds = rows.order_by().values_list("user_id", "transactional")
    newest = {(user_id, kind): at for user_id, kind, at in kinds.annotate(newest=Max("at"))}
    found = rows.filter(user_id__in={user_id for user_id, _ in newest}, at__in={*newest.values()}).order_by("at", "pk")
    by_kind = {
        (row.user_id, row.transactional): row for row in found if newest[row.user_id, row.transactional] == row.at
    }
    return sorted(by_kind.values(), key=lambda row: row.at)


def _newest_version(contact: Contact | None, opt_outs: Sequence[OptOut]) -> int:
    """Without it an actor that was lost would count anew, and what it takes in would pass for old."""
    versions = [row.version or 0 for row in opt_outs]
    return max(versions, default=0) if contact is None else max([contact.preferences_version, *versions])


def _to_record(row: SendLog) -> SendRecord:
    return SendRecord(
        grant_id=known_id(row),
        campaign_id=row.campaign_id,
        channel=row.channel,
        at=row.at,
        category=row.category,
        transactional=row.transactional,
        policy_version=row.policy_version,
        elsewhere=row.grant_id.startswith(ELSEWHERE),
    )
