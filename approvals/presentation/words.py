"""Kinds, doors, sizes and dates in words."""

from datetime import date

from approvals.contract import ApprovalView, Door, RequestKind
from temporal_worker.money import money

KINDS: dict[str, str] = {kind.value: kind.value.capitalize() for kind in RequestKind}

DOORS: dict[str, str] = {
    Door.WEB: "web",
    Door.API: "API",
    Door.SLACK: "Slack",
    Door.MAIL: "mail",
    Door.WEBHOOK: "webhook",
    Door.CLI: "Temporal CLI",
    Door.SYSTEM: "by itself",
}
BY_DOOR: dict[str, str] = {
    Door.WEB: "on the web",
    Door.API: "by the API",
    Door.SLACK: "in Slack",
    Door.MAIL: "by mail",
    Door.WEBHOOK: "by a webhook",
    Door.CLI: "by the Temporal CLI",
    Door.SYSTEM: "by itself",
}


def kind_word(kind: str) -> str:
    return KINDS.get(kind, kind.capitalize())


def amount_of(view: ApprovalView) -> str:
    return "" if view.amount_cents is None else money(view.amount_cents, view.currency)


def size_word(size: int) -> str:
    """``920 bytes``, ``14 kB``, ``1.2 MB``, with no-break spaces."""
    if size < 1_000:
        return f"{size}\u00a0bytes"
    return f"{size / 1_000:.0f}\u00a0kB" if size < 1_000_000 else f"{size / 1_000_000:.1f}\u00a0MB"


def day_word(iso: str) -> str:
    """``12 Jan 2027``; the text itself where it is no date."""
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day}\u00a0{day:%b}\u00a0{day.year}"


def days_word(starts_on: str, ends_on: str) -> str:
    """``12 Jan 2027 – 10 Apr 2027``, one day, or nothing."""
    if starts_on and ends_on and starts_on != ends_on:
        return f"{day_word(starts_on)} – {day_word(ends_on)}"
    return day_word(starts_on or ends_on)
