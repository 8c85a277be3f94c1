"""One row of a file: what it says about a contact, or what is wrong with it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field

from campaigns.imports.columns import CONSENT, FIELDS, IGNORED
from campaigns.models import Contact
from campaigns.models.checks import MAX_ATTRIBUTE
from campaigns.rendering.values import ATTRIBUTES

_YES = frozenset({"yes", "y", "true", "1", "in", "opt-in", "opted in", "subscribed"})
_NO = frozenset({"no", "n", "false", "0", "out", "opt-out", "opted out", "unsubscribed"})
# As programs write numbers; with a leading zero or a plus it is a code or a phone number, and stays a text.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
_PHONE_PADDING = re.compile(r"[\s()/.-]")


_FIELDS: dict[str, "Field[Any, Any]"] = {one.name: one for one in Contact._meta.fields if one.name in FIELDS}


@dataclass(frozen=True)
class CellProblem:
    """``column`` is the place in the row, from 0; None is the whole row."""

    column: int | None
    problem: str
    value: str = ""


@dataclass(frozen=True)
class ContactRow:
    """What a row says. ``values`` has the fields and ``attributes`` that it fills in; an empty cell says nothing."""

    user_id: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    opts_out: bool = False
    problems: list[CellProblem] = field(default_factory=list)


def read_row(cells: Sequence[str], columns: Sequence[str]) -> ContactRow:
    """``columns`` as :func:`campaigns.imports.columns.read_columns` gives them."""
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        problem = f"has {len(cells)} cells, and the header {len(columns)}"
        return ContactRow(problems=[CellProblem(None, problem)])
    values: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    problems: list[CellProblem] = []
    opts_out = False
    # A row may end early: what is not there says nothing.
    for number, (cell, column) in enumerate(zip(cells, columns, strict=False)):
        text = cell.strip()
        if problem := _unreadable(text):
            problems.append(CellProblem(number, problem, _shown(cell)))
        elif not text or column == IGNORED:
            continue
        elif column == CONSENT:
            opts_out = text.lower() in _NO
            if not opts_out and text.lower() not in _YES:
                problems.append(CellProblem(number, "is neither yes nor no", _shown(cell)))
        elif column.startswith(f"{ATTRIBUTES}."):
            if len(text) > MAX_ATTRIBUTE:
                problems.append(CellProblem(number, f"has more than {MAX_ATTRIBUTE} characters", _shown(cell)))
            attributes[column.removeprefix(f"{ATTRIBUTES}.")] = attribute_value(text)
        else:
            values[column] = _PHONE_PADDING.sub("", text) if column == "phone" else text
            if problem := _field_problem(column, values[column]):
                problems.append(CellProblem(number, problem, _shown(cell)))
    user_id = values.pop("user_id", "")
    if not user_id and not any(columns[one.column] == "user_id" for one in problems if one.column is not None):
        problems.append(CellProblem(list(columns).index("user_id"), "is empty: it says whose row this is"))
    if attributes:
        values[ATTRIBUTES] = attributes
    return ContactRow(user_id, values, opts_out, problems)


def attribute_value(text: str) -> str | int | float | bool:
    """A cell as the value that it means: ``3``, ``2.5``, ``true``; anything else is a text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if found := _NUMBER.fullmatch(text):
        return float(text) if found[2] else int(text)
    return text


def _unreadable(text: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "is not UTF-8"
    if "\0" in text:
        return "has a null character"
    return ""


def _field_problem(column: str, value: str) -> str:
    """What the contact's own field says against it, in small letters and without its full stop."""
    try:
        _FIELDS[column].clean(value, None)
    except ValidationError as error:
        words = " ".join(error.messages)
        return f"{words[0].lower()}{words[1:]}".rstrip(".")
    return ""


def _shown(cell: str) -> str:
    """What can be kept of a cell that is wrong: its beginning, without what no database takes."""
    return cell[:100].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
