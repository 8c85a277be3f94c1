"""What a file's columns mean, by their headings."""

import re
from collections.abc import Sequence

from campaigns.imports.reading import FileProblem
from campaigns.models.checks import MAX_ATTRIBUTES
from campaigns.rendering.values import ATTRIBUTES, MAX_ATTRIBUTE_NAME, is_attribute_name

CONSENT = "consent"
IGNORED = ""

_KNOWN = {
    "user_id": ("id", "user_id", "userid", "contact_id", "customer_id", "external_id"),
    "email": ("email", "e_mail", "mail", "email_address", "e_mail_address"),
    "phone": ("phone", "phone_number", "mobile", "mobile_number", "tel", "telephone"),
    "push_token": ("push_token", "device_token"),
    "name": ("name", "full_name", "display_name"),
    "locale": ("locale", "language", "lang"),
    "time_zone": ("time_zone", "timezone", "tz"),
    CONSENT: ("consent", "opt_in", "opted_in", "subscribed", "marketing_consent"),
}
_MEANINGS = {heading: meaning for meaning, headings in _KNOWN.items() for heading in headings}
FIELDS = frozenset(_KNOWN) - {CONSENT}


def read_columns(header: Sequence[str], mapping: dict[str, str] | None = None) -> list[str]:
    """For each column a field of a contact, ``consent``, ``attributes.<name>``, or "" when it is left out.

    ``mapping`` says it for headings that do not say it themselves: ``{"Kundennummer": "user_id", "Notes": ""}``.

    Raises:
        FileProblem: no column for the id, two for one thing, a heading that no name can be made of
    """
    columns = [_meaning(heading, mapping or {}) for heading in header]
    named = [column for column in columns if column != IGNORED]
    if twice := next((column for column in named if named.count(column) > 1), None):
        raise FileProblem(f"Two columns are for {twice}: {', '.join(_headings(header, columns, twice))}.")
    if "user_id" not in columns:
        raise FileProblem(f"No column is for the contact's id; call it id. The columns are {', '.join(header)[:300]}.")
    attributes = sum(column.startswith(f"{ATTRIBUTES}.") for column in columns)
    if attributes > MAX_ATTRIBUTES:
        raise FileProblem(f"The file has {attributes} columns of attributes; {MAX_ATTRIBUTES} can be kept.")
    return columns


def guess(heading: str) -> str | None:
    """What a heading says by itself; None when no name can be made of it, so that somebody has to say what it means."""
    try:
        return _meaning(heading, {})
    except FileProblem:
        return None


def _meaning(heading: str, mapping: dict[str, str]) -> str:
    if heading in mapping:
        meaning = mapping[heading]
        if meaning not in {IGNORED, CONSENT, *FIELDS} and not _is_attribute(meaning):
            raise FileProblem(f"The column {_shown(heading)} cannot be for {_shown(meaning)}.")
        return meaning
    if not heading:
        return IGNORED
    plain = re.sub(r"[^a-z0-9]+", "_", heading.lower().removeprefix(f"{ATTRIBUTES}.")).strip("_")[:MAX_ATTRIBUTE_NAME]
    plain = plain.strip("_")
    if not heading.lower().startswith(f"{ATTRIBUTES}.") and plain in _MEANINGS:
        return _MEANINGS[plain]
    if not is_attribute_name(plain):
        raise FileProblem(f"The column {_shown(heading)} needs a name that begins with a letter from a to z.")
    return f"{ATTRIBUTES}.{plain}"


def _is_attribute(meaning: str) -> bool:
    return meaning.startswith(f"{ATTRIBUTES}.") and is_attribute_name(meaning.removeprefix(f"{ATTRIBUTES}."))


def _headings(header: Sequence[str], columns: Sequence[str], column: str) -> list[str]:
    return [_shown(heading) for heading, meaning in zip(header, columns, strict=True) if meaning == column]


def _shown(text: str) -> str:
    return f"“{text.encode('utf-8', 'replace').decode()[:60]}”"
