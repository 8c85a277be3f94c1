"""People who must not be written to any more, by a channel or at all, and people who are forgotten.

Each counts from the commit on, for what is just being sent too: intents look at the contact's row under its lock. What was
put off for them is denied with it. Their actor hears of it afterwards (:mod:`campaigns.untold`).
"""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from campaigns import deferrals, untold
from campaigns.contact_locks import lock_contact
from campaigns.contract import By, DecisionCode
from campaigns.erasure import erase_copies
from campaigns.models import Contact, PreferenceChange
from campaigns.preferences import CONTACTS_COUNTER, note_change
from temporal_worker.models import ChangeCounter


@transaction.atomic
def suppress(user_id: str, reason: str, *, by: By, channel: str = "", text: str = "") -> bool:
    """Nothing may be sent to them any more by a channel, or by none at all. ``reason`` is one of ``Contact.Suppressed``.

    False, with nothing changed, when that is so already, or there is nobody.
    """
    contact = lock_contact(user_id)
    if contact is None or contact.suppressed_reason or (channel and contact.is_suppressed(channel)):
        return False
    if channel:
        contact.suppressed_channels = [*contact.suppressed_channels, channel]
    else:
        contact.suppressed_reason, contact.suppressed_at = reason, timezone.now()
    words = Contact.Suppressed(reason).label
    note_change(user_id, PreferenceChange.What.SUPPRESSED, by, channel, text=f"{words}: {text}" if text else words)
    deferrals.settle(user_id, DecisionCode.SUPPRESSED, channel)
    _save(contact, by)
    return True


@transaction.atomic
def lift(user_id: str, channels: Collection[str], *, by: By, text: str = "") -> bool:
    """They may be written to again by these channels; others of which they were not stay suppressed. Opt-outs stay too.

    False, with nothing changed, when none of them is suppressed, or they were erased.
    """
    contact = lock_contact(user_id)
    lifted = [] if contact is None else [one for one in contact.unreachable_channels if one in channels]
    if contact is None or contact.erased_at is not None or not lifted:
        return False
    contact.suppressed_channels = [one for one in contact.unreachable_channels if one not in lifted]
    contact.suppressed_reason, contact.suppressed_at = "", None
    for channel in lifted:
        note_change(user_id, PreferenceChange.What.UNSUPPRESSED, by, channel, text=text)
    _save(contact, by)
    return True


@transaction.atomic
def erase(user_id: str, *, by: By, text: str = "") -> bool:
    """Forget who somebody is; their id, their opt-outs and the rows of the send log stay. False when there is nobody."""
    contact = lock_contact(user_id)
    if contact is None or contact.erased_at is not None:
        return False
    erase_copies(contact)
    contact.erase()
    note_change(user_id, PreferenceChange.What.ERASED, by, text=text)
    deferrals.settle(user_id, DecisionCode.SUPPRESSED)
    forgotten = {"time_zone": "", "locale": "", "paused_until": None, "hours_between": None, "quiet_hours": None}
    _save(contact, by, **forgotten)
    return True


def _save(contact: Contact, by: By, **settings: Any) -> None:
    contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
    contact.save()
    untold.note({contact.user_id: {"suppressed_channels": contact.unreachable_channels, **settings}}, by=by)
