"""The signed links with which somebody says, without log-in, that they want no more – for ever, and only for themselves.

A link holds an id, a channel, a category and the campaign it came with, and nothing else. It never expires, and is good for
one purpose: the one-click link (RFC 8058) cannot open the preference page, nor the other way round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.core import signing

ONE_CLICK_BODY = b"List-Unsubscribe=One-Click"
"""What mail programs POST (RFC 8058, section 3.2), as a form; some send it as multipart."""
_LONGEST = 2_000


class Purpose(StrEnum):
    """What a link is good for, and the salt under which it is signed."""

    UNSUBSCRIBE = "campaigns.unsubscribe"
    PREFERENCES = "campaigns.preferences"


_PATHS = {Purpose.UNSUBSCRIBE: "/webhooks/email/unsubscribe/{}", Purpose.PREFERENCES: "/campaigns/preferences/{}/"}


@dataclass(frozen=True)
class Wish:
    """Whose link it is, and what it is about: no more of ``category`` by ``channel``; empty stands for every one."""

    user_id: str
    channel: str = ""
    category: str = ""
    campaign_id: str = ""


class BadLink(Exception):
    """It was not made here, or was changed on its way, or is for another purpose."""


def link_for(wish: Wish, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    """The full address; the same one for the same wish."""
    content = [wish.user_id, wish.channel, wish.category, wish.campaign_id]
    signed = _signer(purpose).sign_object(content, compress=True)
    return f"{settings.BASE_URL}{_PATHS[purpose].format(signed)}"


def read_link(signed: str, purpose: Purpose = Purpose.UNSUBSCRIBE) -> Wish:
    """Raises :class:`BadLink`."""
    if len(signed) > _LONGEST:
        raise BadLink
    try:
        user_id, channel, category, campaign_id = _signer(purpose).unsign_object(signed)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise BadLink from error
    return Wish(str(user_id), str(channel), str(category), str(campaign_id))


def links_for(wish: Wish, *, transactional: bool = False) -> Mapping[str, str]:
    """The variables ``unsubscribe_url`` and ``preferences_url`` of a message's texts. Opening either changes nothing.

    No click ends transactional messages: there both lead to the page that says what belongs to what.
    """
    preferences = link_for(wish, Purpose.PREFERENCES)
    one_click = preferences if transactional else link_for(wish, Purpose.UNSUBSCRIBE)
    return {"unsubscribe_url": one_click, "preferences_url": preferences}


def is_one_click(form: Mapping[str, str]) -> bool:
    """Whether a POST's form is that of a mail program's button."""
    return form.get("List-Unsubscribe") == "One-Click"


def _signer(purpose: Purpose) -> signing.Signer:
    # A key of its own: links of years ago have to work after SECRET_KEY has been changed.
    earlier: list[str | bytes] = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return signing.Signer(key=settings.UNSUBSCRIBE_KEY, salt=purpose.value, fallback_keys=earlier)
