"""A campaign over time, as drawings: how many messages a minute began, and where everybody stood.

x is in per cent and y in px, so that text keeps its size at any width. Moments are told from the beginning on: what is drawn
is the same for every viewer's zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from campaigns.models import ProgressSample
from campaigns.presentation.words import STATE_WORDS
from dashboard.phrases import span

FLOOR = 168
"""y of nothing."""
CEILING = 24
"""y of the largest number that the scale names."""
WIDTH = 1_000
"""Units of the nested drawing that is stretched to the chart's width."""
MOST_TICKS = 6

_STEPS = [timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600, 900, 1_800)] + [
    timedelta(hours=hours) for hours in (1, 2, 3, 6, 12, 24, 48, 168)
]


@dataclass(frozen=True)
class Tick:
    """``at`` in per cent for those below, in px for those at the side."""

    at: float
    words: str
    minor: bool = False

    @property
    def text_y(self) -> float:
        return self.at - 5


@dataclass(frozen=True)
class Band:
    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Area:
    state: str
    path: str


@dataclass(frozen=True)
class RateChart:
    line: str
    area: str
    ticks: Sequence[Tick]
    scale: Sequence[Tick]
    pauses: Sequence[Band]
    words: str
    began_at: datetime
    limit: int = 0
    limit_y: float | None = None

    @property
    def limit_text_y(self) -> float:
        return (self.limit_y or 0) - 6


@dataclass(frozen=True)
class StackChart:
    areas: Sequence[Area]
    ticks: Sequence[Tick]
    scale: Sequence[Tick]
    words: str


def rate_chart(samples: Sequence[ProgressSample]) -> RateChart | None:
    """Messages per minute, from one sample to the next, beside their limit. None while there is nothing to draw."""
    if not _is_enough(samples) or (samples[-1].pending and _is_too_soon(samples[0], samples[-1])):
        return None
    place = _Places(samples)
    rates = [_per_minute(before, after) for before, after in pairwise(samples)]
    limit = samples[-1].rate_per_minute
    # The limit belongs into the picture, unless it would make a flat line of what was reached.
    top = _nice(max(*rates, limit if limit <= 2 * max(rates) else 0, 1))
    shows_limit = 0 < limit <= top
    points: list[str] = []
    for (before, after), rate in zip(pairwise(samples), rates, strict=True):
        y = _y(rate, top)
        points += [f"{place.units(before)} {y}", f"{place.units(after)} {y}"]
    line = "M" + " L".join(points)
    average = (samples[-1].messages - samples[0].messages) / max(place.minutes, 1 / 60)
    pauses = _pauses(samples, place)
    words = (
        f"{average:,.0f} a minute on the whole, {max(rates):,.0f} at most, over {span(place.length)}"
        + (f"; paused {len(pauses)} time{'' if len(pauses) == 1 else 's'}" if pauses else "")
        + (f"; the limit is {limit:,}." if limit else ".")
    )
    return RateChart(
        line=line,
        area=f"{line} L{WIDTH} {FLOOR} L0 {FLOOR}Z",
        ticks=_ticks(place.length),
        scale=[Tick(_y(top * part, top), _number(top * part)) for part in (1, 0.5)],
        pauses=pauses,
        words=words,
        began_at=samples[0].at,
        limit=limit if shows_limit else 0,
        limit_y=_y(limit, top) if shows_limit else None,
    )


def stack_chart(samples: Sequence[ProgressSample]) -> StackChart | None:
    """Everybody of the audience at every moment: the parts always fill it. None while there is nothing to draw."""
    if not _is_enough(samples):
        return None
    place = _Places(samples)
    audience = max(sum(samples[-1].counts.values()), 1)
    floors = [0] * len(samples)
    areas = []
    for state in STATE_WORDS:
        tops = [floor + sample.counts[state] for floor, sample in zip(floors, samples, strict=True)]
        if tops != floors:
            upper = [f"{place.units(s)} {_y(top, audience)}" for s, top in zip(samples, tops, strict=True)]
            lower = [f"{place.units(s)} {_y(floor, audience)}" for s, floor in zip(samples, floors, strict=True)]
            areas.append(Area(state, "M" + " L".join([*upper, *reversed(lower)]) + "Z"))
        floors = tops
    middle, last = samples[len(samples) // 2], samples[-1]
    words = " ".join(f"After {span(sample.at - samples[0].at)}: {_standing(sample)}." for sample in (middle, last))
    scale = [Tick(_y(audience * part, audience), _number(audience * part)) for part in (1, 0.5)]
    return StackChart(areas, _ticks(place.length), scale, words)


def _is_too_soon(first: ProgressSample, last: ProgressSample) -> bool:
    """One message in two seconds is not thirty a minute where one a minute may go: three are waited for, or most of a minute."""
    three_turns = 180 / last.rate_per_minute if last.rate_per_minute else 0
    return (last.at - first.at).total_seconds() < max(2, min(three_turns, 55))


def _is_enough(samples: Sequence[ProgressSample]) -> bool:
    return len(samples) >= 2 and samples[-1].at > samples[0].at


class _Places:
    """Where a moment stands between the first and the last sample."""

    def __init__(self, samples: Sequence[ProgressSample]) -> None:
        self._first = samples[0].at
        self.length = samples[-1].at - self._first

    @property
    def minutes(self) -> float:
        return self.length.total_seconds() / 60

    def units(self, sample: ProgressSample) -> float:
        return round(self._part(sample.at) * WIDTH, 1)

    def per_cent(self, at: datetime) -> float:
        return round(self._part(at) * 100, 2)

    def _part(self, at: datetime) -> float:
        return (at - self._first) / self.length


def _per_minute(before: ProgressSample, after: ProgressSample) -> float:
    seconds = max((after.at - before.at).total_seconds(), 0.001)
    return max(0, after.messages - before.messages) * 60 / seconds


def _y(number: float, top: float) -> float:
    return round(FLOOR - (FLOOR - CEILING) * number / top, 1)


def _nice(number: float) -> float:
    """The next of 1, 2, 3, 4, 5, 6, 8 times a power of ten."""
    power = 1.0
    while number > 10 * power:
        power *= 10
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if number <= step * power)


def _pauses(samples: Sequence[ProgressSample], place: _Places) -> list[Band]:
    bands: list[Band] = []
    since: datetime | None = None
    for sample in samples:
        if sample.paused and since is None:
            since = sample.at
        elif not sample.paused and since is not None:
            bands.append(_band(since, sample.at, place))
            since = None
    if since is not None and since < samples[-1].at:
        bands.append(_band(since, samples[-1].at, place))
    return bands


def _band(since: datetime, until: datetime, place: _Places) -> Band:
    x = place.per_cent(since)
    return Band(x, round(place.per_cent(until) - x, 2), f"Paused {span(until - since)}")


def _ticks(length: timedelta) -> list[Tick]:
    step = next((step for step in _STEPS if length / step <= MOST_TICKS), _STEPS[-1])
    ticks, number = [], 1
    while (at := number * step / length * 100) < 96 and number < 20:
        ticks.append(Tick(round(at, 2), _since(number * step), minor=number % 2 == 0))
        number += 1
    return ticks


def _since(passed: timedelta) -> str:
    """``30 s``, ``1:30``, ``2 m``, ``3 h``."""
    seconds = int(passed.total_seconds())
    if seconds > 60 and seconds % 60:
        return f"{seconds // 60}:{seconds % 60:02}"
    return span(passed)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _standing(sample: ProgressSample) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in sample.counts.items() if number)
