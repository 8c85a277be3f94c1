"""Settings that a door has written into contacts' rows and that their actors have to hear of: noted with the rows, told a
little later by whoever looks.

An import may change half a million contacts, few of whom have an actor that runs. An actor that starts later begins with
the row, so none is started to be told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from campaigns.contract import By, Preferences, PreferencesInput
from campaigns.models import UntoldSetting

SEEDS_LIVE = timedelta(minutes=1)
"""What a new actor starts from may have been read so long before: within this time one may still begin with the old row."""


@dataclass(frozen=True)
class Word:
    """What was said of somebody at one moment."""

    user_id: str
    at: datetime
    by: By
    settings: Mapping[str, Any]

    @property
    def message(self) -> PreferencesInput:
        return PreferencesInput(**self.settings, by=self.by, said_at=self.at, recorded=True)

    @property
    def update_id(self) -> str:
        return f"told:{self.at.isoformat()}:{','.join(sorted(self.settings))}"


def note(settings: Mapping[str, Mapping[str, Any]], *, by: By) -> None:
    """Note down what was set, by field, for each person. Call it in the transaction that changes their rows, after the lock."""
    at = timezone.now()
    rows = [
        UntoldSetting(user_id=user_id, field=field, value=value, at=at, who=by.username, door=by.door, due_at=at)
        for user_id, fields in settings.items()
        for field, value in fields.items()
    ]
    changed = ["value", "at", "who", "door", "due_at"]
    UntoldSetting.objects.bulk_create(
        rows, batch_size=200, update_conflicts=True, unique_fields=["user_id", "field"], update_fields=changed
    )


def still_untold(user_id: str, preferences: Preferences) -> set[str]:
    """Fields of which an actor with these preferences has not heard the last word. What it has heard is done with."""
    untold = set()
    for row in UntoldSetting.objects.filter(user_id=user_id):
        if row.field in preferences.said_at and preferences.said_at[row.field] >= row.at:
            row.delete()
        else:
            untold.add(row.field)
    return untold


def due(most: int, user_id: str = "") -> list[Word]:
    """The words that are to be told now, of ``most`` settings at most, the oldest first."""
    rows = UntoldSetting.objects.filter(due_at__lte=timezone.now())
    rows = rows.filter(user_id=user_id) if user_id else rows
    words: dict[tuple[str, datetime, str, str], dict[str, Any]] = {}
    for row in rows.order_by("due_at", "pk")[:most]:
        words.setdefault((row.user_id, row.at, row.who, row.door), {})[row.field] = row.value
    return [Word(user_id, at, By(who, door), fields) for (user_id, at, who, door), fields in words.items()]


def forget(word: Word) -> None:
    """It was told. Said anew meanwhile, it is another word and stays."""
    _rows(word).delete()


def nobody_there(word: Word) -> None:
    """No actor runs. Of a word that is new one may yet start that does not know it: it is told once more."""
    fresh_until = word.at + SEEDS_LIVE
    if timezone.now() < fresh_until:
        _rows(word).update(due_at=fresh_until)
    else:
        forget(word)


def _rows(word: Word) -> Any:
    return UntoldSetting.objects.filter(user_id=word.user_id, at=word.at, field__in=list(word.settings))


def words_of(settings: Mapping[str, str]) -> str:
    """For the history: ``zone Asia/Tokyo, language de``."""
    return ", ".join(f"{word} {settings[name]}" for name, word in _WORDS.items() if name in settings)


_WORDS = {"time_zone": "zone", "locale": "language"}
