"""Taking people out of reach, by a channel or at all, and forgetting them: the row first, from which moment it counts."""

from collections.abc import Collection

from django.contrib.auth.models import User

from campaigns import suppression
from campaigns.contract import By, Channel, Door
from campaigns.gateway.problems import CampaignRefused, InvalidRequest
from campaigns.gateway.rights import EDIT_PREFERENCES, ERASE, require, seen_contact
from campaigns.gateway.telling import tell_settings
from campaigns.models import Contact

BY_HAND = (Contact.Suppressed.BY_HAND, Contact.Suppressed.BOUNCED, Contact.Suppressed.COMPLAINED)
"""Why somebody may be suppressed by a person; *erased* is something else."""


def suppress(user_id: str, *, user: User, door: Door, reason: str, channel: str = "", text: str = "") -> bool:
    """Nothing goes to them any more by ``channel``, or by none when it is empty. False when that was so already.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest
        CampaignRefused: ``erased``
    """
    _may_change(user_id, user)
    if channel and channel not in set(Channel):
        raise InvalidRequest("channel", f"must be one of {', '.join(Channel)}")
    if reason not in BY_HAND:
        raise InvalidRequest("reason", f"must be one of {', '.join(BY_HAND)}")
    by = By(user.username, door)
    return _told(user_id, suppression.suppress(user_id, reason, by=by, channel=channel, text=text))


def lift_suppression(user_id: str, *, user: User, door: Door, channels: Collection[str], text: str = "") -> bool:
    """They may be written to again by these channels, as far as their own wishes go. False when none was suppressed.

    Raises:
        ContactNotFound, NotPermitted
        CampaignRefused: ``erased``
    """
    _may_change(user_id, user)
    return _told(user_id, suppression.lift(user_id, channels, by=By(user.username, door), text=text))


def erase(user_id: str, *, user: User, door: Door, text: str = "") -> bool:
    """Forget who somebody is, for ever. False when they are forgotten already.

    Raises:
        ContactNotFound, NotPermitted
    """
    seen_contact(user, user_id)
    require(user, ERASE)
    return _told(user_id, suppression.erase(user_id, by=By(user.username, door), text=text))


def _may_change(user_id: str, user: User) -> None:
    contact = seen_contact(user, user_id)
    require(user, EDIT_PREFERENCES)
    if contact.erased_at is not None:
        raise CampaignRefused("erased", "The contact was erased at their wish, and stays so.")


def _told(user_id: str, has_changed: bool) -> bool:
    """The actor hears of it at once, or when Temporal is back."""
    tell_settings(user_id)
    return has_changed
