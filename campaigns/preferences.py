"""Opt-outs as they are known here: taken in by a door before it answers, and kept as the actors have them.

Whoever changes them locks the contact's row first, and so does :func:`campaigns.send_log.commit_intent`: an opt-out that
was answered before an intent is committed is seen by it.
"""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from campaigns.contract import By, CapPolicy, Preferences
from campaigns.contract import OptOut as OptOutMessage
from campaigns.models import Contact, OptOut, PreferenceChange
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import from_json, to_json

CONTACTS_COUNTER = "contacts"
"""The change counter of what live lists show of contacts."""


def lock_contact(user_id: str) -> Contact | None:
    """The contact, locked until the transaction's end. (On SQLite the whole database is, from the transaction's start.)"""
    return Contact.objects.select_for_update(no_key=True).filter(user_id=user_id).first()


@transaction.atomic
def record_opt_out(
    user_id: str, channel: str = "", category: str = "", *, by: By, campaign_id: str = "", text: str = ""
) -> bool:
    """Take in an opt-out; when this returns (and the caller's transaction is over) no intent will pass it by.

    Without channel and category it is from everything. False, with nothing changed, when it is known already.
    """
    lock_contact(user_id)
    _, created = OptOut.objects.get_or_create(user_id=user_id, channel=channel, category=category)
    if created:
        _note(user_id, PreferenceChange.What.OPTED_OUT, by, channel, category, campaign_id, text)
    return created


@transaction.atomic
def record_opt_in(
    user_id: str, channel: str = "", category: str = "", *, by: By, campaign_id: str = "", text: str = ""
) -> bool:
    """Take exactly this opt-out away again, because its person said so. False when there was none."""
    lock_contact(user_id)
    deleted, _ = OptOut.objects.filter(user_id=user_id, channel=channel, category=category).delete()
    if deleted:
        _note(user_id, PreferenceChange.What.OPTED_IN, by, channel, category, campaign_id, text)
    return bool(deleted)


@transaction.atomic
def save_preferences(user_id: str, version: int, preferences: Preferences) -> bool:
    """The preferences as the actor has them at ``version``. False, with nothing changed, when a newer one is saved already.

    An opt-out that a door has taken in and no actor has confirmed yet stays: the actor will hear of it.
    """
    contact = lock_contact(user_id)
    if contact is not None and contact.preferences_version >= version:
        return False
    kept = {one.key() for one in preferences.opt_outs}
    for row in OptOut.objects.filter(user_id=user_id):
        key = (row.channel, row.category)
        if key in kept:
            kept.discard(key)
            if row.version is None or row.version < version:
                row.version = version
                row.save(update_fields=["version"])
        elif row.version is not None and row.version < version:
            row.delete()
    OptOut.objects.bulk_create(
        OptOut(user_id=user_id, channel=channel, category=category, version=version) for channel, category in kept
    )
    if contact is not None:
        contact.preferences_version = version
        contact.paused_until = preferences.paused_until
        contact.hours_between = preferences.hours_between
        contact.suppressed_channels = list(preferences.suppressed_channels)
        contact.time_zone = preferences.time_zone or contact.time_zone
        contact.locale = preferences.locale or contact.locale
        contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
        contact.save()
    return True


def preferences_of(user_id: str) -> Preferences:
    """What is known of somebody's wishes: an actor that has to be created again starts from it."""
    contact = Contact.objects.filter(user_id=user_id).first()
    rows = OptOut.objects.filter(user_id=user_id).order_by("pk")
    opt_outs = [OptOutMessage(row.channel, row.category) for row in rows]
    return Preferences(opt_outs=opt_outs) if contact is None else preferences_with(contact, opt_outs)


def preferences_with(contact: Contact, opt_outs: list[OptOutMessage]) -> Preferences:
    """A contact's row and opt-outs, as an actor has them."""
    return Preferences(
        time_zone=contact.time_zone,
        locale=contact.locale,
        opt_outs=opt_outs,
        suppressed_channels=contact.unreachable_channels,
        paused_until=contact.paused_until,
        hours_between=contact.hours_between,
    )


@transaction.atomic
def save_own_cap(user_id: str, cap: CapPolicy | None) -> None:
    """Keep the cap that somebody's actor was given for them alone, or that it was taken away: a lost actor begins with it.

    A policy of the admin site that is for one person is something else: every request brings it along, as any policy.
    """
    contact = lock_contact(user_id)
    if contact is not None:
        contact.own_cap = to_json(cap) if cap is not None else None
        contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
        contact.save(update_fields=["own_cap", "change", "updated_at"])


def own_cap_of(contact: Contact | None) -> CapPolicy | None:
    """The cap that was given to this contact alone, if any."""
    return from_json(CapPolicy, contact.own_cap) if contact is not None and contact.own_cap else None


def opted_out(user_ids: Collection[str], channel: str, category: str) -> dict[str, OptOutMessage]:
    """Which of them wish no message of this channel and category, and the widest wish that says so.

    One query; nobody's actor is asked.
    """
    rows = OptOut.objects.filter(OptOut.against(channel, category), user_id__in=user_ids)
    # What is empty stands for everything, and comes first.
    found: dict[str, OptOutMessage] = {}
    for row in rows.order_by("channel", "category"):
        found.setdefault(row.user_id, OptOutMessage(row.channel, row.category))
    return found


def unconfirmed_opt_outs(most: int = 1_000) -> list[OptOut]:
    """Those that doors have taken in and no actor was told of yet, the oldest first: for whoever tells the actors."""
    return list(OptOut.objects.filter(version=None, told_at=None).order_by("at")[:most])


@transaction.atomic
def suppress(user_id: str, reason: str, *, by: By, text: str = "") -> bool:
    """Nothing may be sent to them any more, on no channel. ``reason`` is one of ``Contact.Suppressed``."""
    contact = lock_contact(user_id)
    if contact is None or contact.suppressed_reason:
        return False
    contact.suppressed_reason, contact.suppressed_at = reason, timezone.now()
    contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
    contact.save()
    _note(user_id, PreferenceChange.What.SUPPRESSED, by, text=text or contact.get_suppressed_reason_display())
    return True


@transaction.atomic
def erase(user_id: str, *, by: By) -> bool:
    """Forget who somebody is; their id, their opt-outs and the send log stay. False when there is nobody to forget."""
    contact = lock_contact(user_id)
    if contact is None or contact.erased_at is not None:
        return False
    contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
    contact.erase()
    _note(user_id, PreferenceChange.What.ERASED, by)
    return True


def _note(
    user_id: str, what: str, by: By, channel: str = "", category: str = "", campaign_id: str = "", text: str = ""
) -> None:
    PreferenceChange.objects.create(
        user_id=user_id,
        who=by.username,
        door=by.door,
        what=what,
        channel=channel,
        category=category,
        campaign_id=campaign_id,
        text=text[:500],
    )
