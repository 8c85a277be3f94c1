"""Words of the technical view."""

from datetime import timedelta

from django import template

from dashboard.phrases import span

register = template.Library()


@register.filter
def took(length: timedelta | None) -> str:
    """``12 ms``, ``1.4 s``, ``3 m``: as exact as it is worth."""
    if length is None:
        return ""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f}\u00a0ms"
    return f"{seconds:.1f}\u00a0s" if seconds < 60 else span(length)


@register.filter
def numbers(events: list[int]) -> str:
    """``7``, ``7–9``: the events that a line stands for."""
    return f"{events[0]}" if len(events) == 1 else f"{events[0]}–{events[-1]}"
