"""The variables of a marketer's text, and their values for one contact. All values are plain texts."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

ATTRIBUTES = "attributes"
LINKS = frozenset({"unsubscribe_url", "preferences_url"})
"""Made by us for each message, so that they may stand where a link begins."""
NAMES = frozenset({"user_id", "name", "first_name", "email", "phone", "locale", "time_zone"}) | LINKS
MAX_VALUE = 1_000
"""Characters of one value: an attribute as long as a book would make each mail one."""

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_ATTRIBUTE_NAME = 40


class Addressee(Protocol):
    """What is read of a contact (:class:`campaigns.models.Contact`)."""

    user_id: str
    name: str
    email: str
    phone: str
    locale: str
    time_zone: str
    attributes: dict[str, Any]


def is_attribute_name(name: str) -> bool:
    """Small letters, digits and single underscores, a letter first: it means nothing to Django's look-ups and templates."""
    return len(name) <= MAX_ATTRIBUTE_NAME and _ATTRIBUTE.fullmatch(name) is not None


def contact_values(contact: Addressee, links: Mapping[str, str] | None = None) -> dict[str, str]:
    """Each variable by its full name, ``attributes.plan`` for an attribute; what the contact has not is left out."""
    values = {
        "user_id": contact.user_id,
        "name": contact.name,
        "first_name": contact.name.split()[0] if contact.name.split() else "",
        "email": contact.email,
        "phone": contact.phone,
        "locale": contact.locale,
        "time_zone": contact.time_zone,
        **{f"{ATTRIBUTES}.{name}": text_of(value) for name, value in contact.attributes.items()},
        **(links or {}),
    }
    return {name: value for name, value in values.items() if value}


def text_of(value: Any) -> str:
    """An attribute as people write it: ``3``, ``2.5``, ``yes``. What is no single value is none."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case int() | float():
            return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
    return ""
