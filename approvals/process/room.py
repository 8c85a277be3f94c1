"""How much of what people write a request has room for. Pure.

Temporal takes two million bytes in one message, and the whole state of a request goes in one: the answer of its query, the
input of its next run. A request beyond that could not be read or go on any more. So words are counted as they travel, in
JSON, where an emoji has twelve bytes.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from approvals.contract import ApprovalView

MOST_TALK = 900_000
"""Bytes at which comments end. What is left is for those who decide."""
MOST_WORDS = 1_300_000
"""Bytes at which every longer text ends. The rest of Temporal's two million is the policy and its people."""
SHORT = 1_000
"""A reason of as many bytes always has room: no request is too full to be decided."""
SHORT_BY_SYSTEM = 4_000
"""The same for absences, whose reasons come from a field of 300 characters and which nobody is there to shorten."""

_ENTRY = 300
"""Bytes of an entry of any list, its words apart: names of fields, numbers, times."""


def size_of(value: Any) -> int:
    """Bytes of something in JSON."""
    return len(json.dumps(value, default=str))


def weight_of(message: Any) -> int:
    """Bytes of a message in JSON."""
    return size_of(asdict(message))


def used(view: ApprovalView) -> int:
    """Bytes that a request's words have in its state, the newest entries of its trail among them."""
    texts = list(_texts(view))
    entries = len(view.trail) + len(view.rounds) + len(view.covers) + len(view.attachments) + len(view.changes)
    decisions = sum(len(level.decisions) for level in view.levels)
    return size_of(texts) + _ENTRY * (entries + decisions)


def _texts(view: ApprovalView) -> Iterator[str]:
    yield from (view.title, view.description, view.outcome, *view.participants)
    yield from (word for names in view.names.items() for word in names)
    for entry in view.trail:
        yield from (entry.who, entry.on_behalf_of, entry.text, entry.comment, entry.update_id)
    for level in view.levels:
        yield from (one.comment for one in level.decisions)
    for one in view.rounds:
        yield from (one.title, one.description, one.changes_wanted)
    yield from (cover.reason for cover in view.covers)
    yield from (file.name for file in view.attachments)
    yield from (change.text for change in view.changes)


def cut(text: str, most: int) -> str:
    """As much of a text as has ``most`` bytes."""
    while size_of(text) > most:
        text = text[: len(text) * 3 // 4]
    return text
