"""Which cap policy a person comes under, read when a campaign asks for them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db.models import F

from campaigns.contract import CapPolicy as CapPolicyMessage
from campaigns.models import CapPolicy, Contact
from campaigns.models.policies import POLICY_COUNTER
from temporal_worker.models import ChangeCounter


def policies_for(contacts: Sequence[Contact]) -> dict[str, CapPolicyMessage]:
    """The policy of each contact, by their id: their own, else their first segment's, else the default one.

    Each carries the number of the last change of any policy as its version: an actor takes on the newest that it has seen,
    and so also when a person's own policy is deleted and the default one, which has not changed, is theirs again. Its zone,
    which counts for people who never told their actor one, is the contact's when that is known: an import may have filled
    it in after the actor had begun. A query for the policies, one for their version, and one for each segment that has a
    policy.
    """
    version = policy_version()
    default, by_segment, by_user = _rows([contact.user_id for contact in contacts])
    found: dict[str, CapPolicy] = dict(by_user)
    for row in by_segment:
        open_ids = [contact.pk for contact in contacts if contact.user_id not in found]
        if row.segment is None or not open_ids:
            continue
        members = row.segment.contacts(Contact.objects.filter(pk__in=open_ids))
        found.update((user_id, row) for user_id in members.values_list("user_id", flat=True))
    messages = {row.pk: row.to_message(version) for row in {*found.values()}}
    fallback = default.to_message(version) if default is not None else CapPolicyMessage(version=version)
    return {
        contact.user_id: _where_they_are(
            messages[found[contact.user_id].pk] if contact.user_id in found else fallback, contact.time_zone
        )
        for contact in contacts
    }


def _where_they_are(policy: CapPolicyMessage, zone: str) -> CapPolicyMessage:
    return policy if zone in ("", policy.time_zone) else replace(policy, time_zone=zone)


def policy_for(contact: Contact) -> CapPolicyMessage:
    """The policy of one contact."""
    return policies_for([contact])[contact.user_id]


def policy_row_for(contact: Contact) -> CapPolicy | None:
    """The row that :func:`policy_for` takes: the contact's own, else their first segment's, else the default one."""
    default, by_segment, by_user = _rows([contact.user_id])
    if contact.user_id in by_user:
        return by_user[contact.user_id]
    for row in by_segment:
        if row.segment is not None and row.segment.contacts(Contact.objects.filter(pk=contact.pk)).exists():
            return row
    return default


def policy_version() -> int:
    """How many changes of policies there have been."""
    return ChangeCounter.objects.filter(name=POLICY_COUNTER).values_list("value", flat=True).first() or 0


def _rows(user_ids: Iterable[str]) -> tuple[CapPolicy | None, list[CapPolicy], dict[str, CapPolicy]]:
    rows = CapPolicy.objects.select_related("segment").exclude(is_default=False, segment=None, user_id="")
    wanted = set(user_ids)
    default: CapPolicy | None = None
    by_segment: list[CapPolicy] = []
    by_user: dict[str, CapPolicy] = {}
    # One person's policies are many perhaps, and only those of these people are read.
    for row in rows.filter(user_id__in=[*wanted, ""]).order_by(F("priority").asc(), "pk"):
        if row.user_id:
            by_user[row.user_id] = row
        elif row.is_default:
            default = row
        else:
            by_segment.append(row)
    return default, by_segment, by_user
