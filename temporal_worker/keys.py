"""Hashes by which two requests are told apart."""

import hashlib
import json
from dataclasses import asdict
from typing import Any, Protocol


class Asker(Protocol):
    """An area's ``By``: whose message it is, and the door that it came in by."""

    @property
    def door(self) -> str: ...

    @property
    def username(self) -> str: ...


def digest(value: object) -> str:
    """SHA-256 of something asked, in hex; a time in it counts by its ISO form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def update_id(by: Asker, key: str, update: str, message: Any) -> str:
    """The id of an update, of which the server does one once: who, by which door, their key, and what is asked.

    ``message`` is the update's dataclass. The same key with another message is another update.
    """
    return f"{by.door}:{by.username}:{key}:{digest([update, asdict(message)])[:16]}"
