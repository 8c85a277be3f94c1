"""The stacked bar and the line that adds up: where everybody of an audience stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.presentation.words import STATE_WORDS

LEAST = 0.9
"""Per cent: a part that is not nothing is seen. The numbers below the bar are the truth."""


@dataclass(frozen=True)
class BarPart:
    """``x`` and ``width`` in per cent."""

    state: str
    x: float
    width: float


@dataclass(frozen=True)
class SumPart:
    state: str
    word: str
    number: int


def bar_of(counts: Mapping[str, int]) -> list[BarPart]:
    """Its parts fill the bar exactly. Empty without an audience."""
    numbers = {state: counts.get(state, 0) for state in STATE_WORDS if counts.get(state, 0)}
    total = sum(numbers.values())
    if not total:
        return []
    widths = {state: max(LEAST, number * 100 / total) for state, number in numbers.items()}
    # What the small ones were given is taken from the others, in proportion.
    too_much = sum(widths.values()) - 100
    large = sum(width - LEAST for width in widths.values())
    if too_much > 0 and large > 0:
        widths = {state: width - too_much * (width - LEAST) / large for state, width in widths.items()}
    parts, x = [], 0.0
    for state, width in widths.items():
        parts.append(BarPart(state, round(x, 2), round(width, 2)))
        x += width
    return parts


def sum_of(counts: Mapping[str, int]) -> list[SumPart]:
    return [SumPart(state, word, counts.get(state, 0)) for state, word in STATE_WORDS.items()]


def adds_up(counts: Mapping[str, int]) -> bool:
    return counts.get("audience", 0) == sum(counts.get(state, 0) for state in STATE_WORDS)


def in_words(counts: Mapping[str, int]) -> str:
    """``Sent 14,212, deferred 1,950, … of 24,500``: the bar for who does not see it."""
    parts = ", ".join(f"{word} {counts.get(state, 0):,}" for state, word in STATE_WORDS.items())
    return f"{parts[:1]}{parts[1:].lower()} of {counts.get('audience', 0):,}"
