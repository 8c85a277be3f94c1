"""Opt-outs as they are known here: taken in by a door before it answers, and kept as the actors have them.

Whoever changes them locks the contact's row first, and so does :func:`campaigns.send_log.commit_intent`: an opt-out that
was answered before an intent is committed is seen by it.
"""

from collections.abc import Collection, Iterable

from django.db import transaction

from campaigns import deferrals
from campaigns.contact_locks import lock_contact
from campaigns.contract import By, CapPolicy, DecisionCode, Preferences
from campaigns.contract import OptOut as OptOutMessage
from campaigns.models import Contact, OptOut, PreferenceChange
from campaigns.untold import still_untold
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import from_json, to_json

CONTACTS_COUNTER = "contacts"
"""The change counter of what live lists show of contacts."""


@transaction.atomic
def record_opt_out(
    user_id: str, channel: str = "", category: str = "", *, by: By, campaign_id: str = "", text: str = ""
) -> bool:
    """Take in an opt-out; when this returns (and the caller's transaction is over) no intent will pass it by, and nothing that
    it covers is put off for them any more.

    Without channel and category it is from everything. False, with nothing changed, when it is known already.
    """
    lock_contact(user_id)
    _, created = OptOut.objects.get_or_create(user_id=user_id, channel=channel, category=category)
    if created:
        note_change(user_id, PreferenceChange.What.OPTED_OUT, by, channel, category, campaign_id, text)
        deferrals.settle(user_id, DecisionCode.OPTED_OUT, channel, category)
    return created


@transaction.atomic
def record_opt_in(
    user_id: str, channel: str = "", category: str = "", *, by: By, campaign_id: str = "", text: str = ""
) -> bool:
    """Take exactly this opt-out away again, because its person said so. False when there was none."""
    lock_contact(user_id)
    deleted, _ = OptOut.objects.filter(user_id=user_id, channel=channel, category=category).delete()
    if deleted:
        note_change(user_id, PreferenceChange.What.OPTED_IN, by, channel, category, campaign_id, text)
    return bool(deleted)


@transaction.atomic
def save_preferences(user_id: str, version: int, preferences: Preferences) -> bool:
    """The preferences as the actor has them at ``version``. False, with nothing changed, when a newer one is saved already.

    What a door has taken in and no actor has confirmed yet stays, an opt-out or a setting: the actor will hear of it.
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
    for channel, category in sorted(kept):
        deferrals.settle(user_id, DecisionCode.OPTED_OUT, channel, category)
    untold = still_untold(user_id, preferences)
    if contact is not None:
        contact.preferences_version = version
        _take_over(contact, preferences, untold)
        contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
        contact.save()
    return True


def _take_over(contact: Contact, preferences: Preferences, untold: set[str]) -> None:
    """Into the row, but not over what the actor has not heard of; of somebody who was erased nothing that it may still know."""
    if "suppressed_channels" not in untold:
        for channel in sorted({*preferences.suppressed_channels} - {*contact.unreachable_channels}):
            deferrals.settle(contact.user_id, DecisionCode.SUPPRESSED, channel)
        contact.suppressed_channels = list(preferences.suppressed_channels)
    if contact.erased_at is not None:
        return
    contact.paused_until = preferences.paused_until
    contact.hours_between = preferences.hours_between
    contact.quiet_hours = preferences.quiet_hours
    if "time_zone" not in untold:
        contact.time_zone = preferences.time_zone or contact.time_zone
    if "locale" not in untold:
        contact.locale = preferences.locale or contact.locale


def preferences_of(user_id: str) -> Preferences:
    """What is known of somebody's wishes: an actor that has to be created again starts from it."""
    contact = Contact.objects.filter(user_id=user_id).first()
    return preferences_from(contact, OptOut.objects.filter(user_id=user_id).order_by("pk"))


def preferences_from(contact: Contact | None, rows: Iterable[OptOut]) -> Preferences:
    """A contact's row and opt-outs, as an actor has them."""
    opt_outs = [OptOutMessage(row.channel, row.category) for row in rows]
    if contact is None:
        return Preferences(opt_outs=opt_outs)
    return Preferences(
        time_zone=contact.time_zone,
        locale=contact.locale,
        opt_outs=opt_outs,
        suppressed_channels=contact.unreachable_channels,
        paused_until=contact.paused_until,
        hours_between=contact.hours_between,
        quiet_hours=contact.quiet_hours,
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


def opted_out(
    user_ids: Collection[str], channel: str, category: str, *, transactional: bool = False
) -> dict[str, OptOutMessage]:
    """Which of them wish no such message, and the widest wish that says so.

    One query; nobody's actor is asked.
    """
    rows = OptOut.objects.filter(OptOut.against(channel, category, transactional=transactional), user_id__in=user_ids)
    # What is empty stands for everything, and comes first.
    found: dict[str, OptOutMessage] = {}
    for row in rows.order_by("channel", "category"):
        found.setdefault(row.user_id, OptOutMessage(row.channel, row.category))
    return found


def unconfirmed_opt_outs(most: int = 1_000) -> list[OptOut]:
    """Those that doors have taken in and no actor was told of yet, the oldest first: for whoever tells the actors."""
    return list(OptOut.objects.filter(version=None, told_at=None).order_by("at")[:most])


def note_change(
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
