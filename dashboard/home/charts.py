"""The home page's small charts as numbers for SVG: x in per cent, y in px, so that text keeps its size at any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.home.parts import Funnel, Hours

HEIGHT, TOP = 144.0, 16.0
"""The axis and the uppermost line of the chart of hours, in px."""
SPARK_WIDTH, SPARK_HEIGHT = 100, 28
_SLOT = 100 / 24


def sparkline(days: Sequence[int]) -> str:
    """The points of a polyline in a box of 100 × 28; a flat line when there is nothing."""
    most = max(days, default=0) or 1
    step = SPARK_WIDTH / max(1, len(days) - 1)
    usable = SPARK_HEIGHT - 4
    return " ".join(
        f"{number * step:.1f},{2 + usable - usable * value / most:.1f}" for number, value in enumerate(days)
    )


@dataclass(frozen=True)
class Column:
    x: str
    y: str
    height: str
    is_part: bool
    title: str


@dataclass(frozen=True)
class Line:
    x1: str
    x2: str
    y: str


@dataclass(frozen=True)
class Tick:
    x: str
    label: str
    minor: bool


@dataclass(frozen=True)
class HoursChart:
    hours: Hours
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    most: int
    half: int
    words: str


def hours_chart(hours: Hours) -> HoursChart:
    most = _round_up(max(*hours.today, *hours.last_week, 4))
    scale = (HEIGHT - TOP) / most
    columns = tuple(
        Column(f"{hour * _SLOT + 0.5:.2f}", f"{HEIGHT - value * scale:.1f}", f"{value * scale:.1f}", hour == hours.now,
               f"{hour:02}:00: {value:,}")
        for hour, value in enumerate(hours.today)
        if value
    )  # fmt: skip
    lines = tuple(
        Line(f"{hour * _SLOT + 0.2:.2f}", f"{hour * _SLOT + 3.9:.2f}", f"{HEIGHT - value * scale:.1f}")
        for hour, value in enumerate(hours.last_week)
    )
    ticks = tuple(Tick(f"{hour * _SLOT + 0.5:.2f}", f"{hour:02}:00", hour % 6 != 0) for hour in range(0, 24, 3))
    return HoursChart(hours, columns, lines, ticks, most, most // 2, _words(hours))


def _words(hours: Hours) -> str:
    best = max(range(24), key=lambda hour: hours.today[hour])
    total = sum(hours.today)
    if not total:
        return f"Nothing {hours.what} today yet; a week ago {sum(hours.last_week):,} in the whole day."
    return (
        f"{total:,} {hours.what} today so far, most of them, {hours.today[best]:,}, in the hour from {best:02}:00. "
        f"A week ago {sum(hours.last_week):,} in the whole day, at most {max(hours.last_week):,} in an hour."
    )


def _round_up(most: int) -> int:
    """The next even round number: 4, 6, 8, 10, 20, 40, 60, …"""
    step = 1
    while True:
        for top in (4, 6, 8, 10):
            if top * step >= most:
                return top * step
        step *= 10


@dataclass(frozen=True)
class FunnelRow:
    label: str
    number: int
    href: str
    mark: str
    width: str


def funnel_rows(funnel: Funnel) -> list[FunnelRow]:
    """Each step with the width of its bar, in per cent of the greatest one; what is not nothing can be seen."""
    most = max((step.number for step in funnel.steps), default=0) or 1
    return [
        FunnelRow(step.label, step.number, step.href, step.mark, _width(step.number, most)) for step in funnel.steps
    ]


def _width(number: int, most: int) -> str:
    return f"{max(1.5, number * 100 / most):.1f}" if number else "0"
