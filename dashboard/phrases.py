"""Sentences that hold strong words and moments, for pages that speak before they list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Part:
    """A piece of a sentence: a text, a moment worded by ``show`` (see ``times.js``) in the viewer's zone, or a person;
    ``code`` is for what is to be typed as it stands.

    A person is shown by name, and as "you" to whoever is that ``person`` (see ``people.js``): fragments are for everybody.
    """

    text: str = ""
    strong: bool = False
    at: datetime | None = None
    show: str = "clock"
    person: str = ""
    code: bool = False


def text(words: str) -> Part:
    return Part(words)


def strong(words: str) -> Part:
    return Part(words, strong=True)


def code(words: str) -> Part:
    return Part(words, code=True)


def when(at: datetime, show: str = "clock", *, strong: bool = False) -> Part:
    return Part(at=at, show=show, strong=strong)


def somebody(username: str, name: str, *, strong: bool = False) -> Part:
    """A person in a place of the sentence where "you" would fit."""
    return Part(name, strong=strong, person=username)


def plain(parts: Sequence[Part]) -> str:
    """The sentence without its mark-up, moments in UTC: for mails, exports and tests."""
    return "".join(f"{part.at:%d %b %H:%M} UTC" if part.at else part.text for part in parts)


def moment_in(at: datetime, zone: ZoneInfo | None) -> str:
    """``Fri 20 Nov 2026, 18:00 (Europe/Berlin)``; in UTC, which it says, for whom no zone is known. For mails."""
    local = at.astimezone(zone or UTC)
    where = "UTC" if zone is None or zone.key == "UTC" else f"({zone.key.replace('_', ' ')})"
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {where}"


_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def counted(number: int, one: str, many: str | None = None) -> str:
    """``three orders``, ``1,204 orders``, ``one order``."""
    return f"{number_word(number)} {one if number == 1 else many or one + 's'}"


def number_word(number: int) -> str:
    """``three``, ``1,204``."""
    return _SMALL[number] if 0 <= number < len(_SMALL) else f"{number:,}"


def span(length: timedelta) -> str:
    """``4 h``, ``1 h 30 m``, ``2 d``: at most two units, joined by no-break spaces."""
    seconds = max(0, int(length.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3_600, seconds % 3_600 // 60
    if days >= 2:
        parts = [(days, "d"), (hours, "h")]
    elif seconds >= 3_600:
        parts = [(seconds // 3_600, "h"), (minutes, "m")]
    elif minutes:
        parts = [(minutes, "m")]
    else:
        parts = [(seconds, "s")]
    shown = [part for part in parts if part[0]] or parts[:1]
    return "\u00a0".join(f"{number}\u00a0{unit}" for number, unit in shown)


def listed(parts: Sequence[Part], last: str) -> list[Part]:
    """``A``, ``A or B``, ``A, B or C``; ``last`` is the word before the last one."""
    found: list[Part] = []
    for number, part in enumerate(parts):
        if number:
            found.append(text(f" {last} " if number == len(parts) - 1 else ", "))
        found.append(part)
    return found
