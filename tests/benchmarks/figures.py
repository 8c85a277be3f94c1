"""What a benchmark says: a value, what it is compared with, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``ratio`` is value to baseline. ``target`` is the most it may be, or the least where ``at_least`` is said."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    target: str
    holds: bool | None


def at_most(name: str, value: float, unit: str, most: float, baseline: float | None = None) -> Figure:
    """A figure whose ratio to the baseline – or, without one, whose value – may not be above ``most``."""
    return _figure(name, value, unit, baseline, f"≤ {most:g}", lambda measured: measured <= most)


def at_least(name: str, value: float, unit: str, least: float, baseline: float | None = None) -> Figure:
    return _figure(name, value, unit, baseline, f"≥ {least:g}", lambda measured: measured >= least)


def _figure(name, value, unit, baseline, target, holds):  # type: ignore[no-untyped-def]
    ratio = value / baseline if baseline else None
    target = f"{target} ×" if ratio is not None else f"{target} {unit}"
    return Figure(name, value, unit, baseline, ratio, target, holds(value if ratio is None else ratio))


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(percent / 100 * len(ordered) + 0.5) - 1))]


def table(figures: Sequence[Figure]) -> str:
    rows = [("what", "value", "baseline", "ratio", "target", "holds")]
    for figure in figures:
        rows.append(
            (
                figure.name,
                f"{figure.value:.1f} {figure.unit}",
                f"{figure.baseline:.1f} {figure.unit}" if figure.baseline else "",
                f"{figure.ratio:.2f} ×" if figure.ratio else "",
                figure.target,
                {True: "yes", False: "NO", None: ""}[figure.holds],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
