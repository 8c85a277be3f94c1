"""The timeline, newest first: an icon for each kind, who did it and by which door, repeated tries folded together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orders.contract import By, Door, OrderView, TimelineEntry, TimelineKind

_ICONS: dict[str, str] = {
    TimelineKind.ORDER_PLACED: "shop",
    TimelineKind.ORDER_CHECKED: "search",
    TimelineKind.ITEM_ADDED: "plus",
    TimelineKind.ITEM_REMOVED: "trash",
    TimelineKind.ITEM_REFUSED: "x",
    TimelineKind.STOCK_RESERVED: "orders",
    TimelineKind.STOCK_SHORT: "attention",
    TimelineKind.PAYMENT_WINDOW_OPENED: "clock",
    TimelineKind.PAYMENT_WINDOW_CLOSED: "clock",
    TimelineKind.PAYMENT_STARTED: "card",
    TimelineKind.PAYMENT_RETRY: "retry",
    TimelineKind.PAYMENT_DECLINED: "card",
    TimelineKind.PAYMENT_FAILED: "card",
    TimelineKind.PAYMENT_RECEIVED: "card",
    TimelineKind.PAYMENT_UNMATCHED: "card",
    TimelineKind.PAYMENT_REFUNDED: "undo",
    TimelineKind.REFUND_FAILED: "undo",
    TimelineKind.STATUS_SAVED: "check",
    TimelineKind.REVIEW_ASKED: "attention",
    TimelineKind.REVIEW_PASSED: "check",
    TimelineKind.SHIPMENT_LATE: "clock",
    TimelineKind.ORDER_SHIPPED: "truck",
    TimelineKind.ETA_SLIPPED: "clock",
    TimelineKind.ORDER_DELIVERED: "check",
    TimelineKind.CANCELLATION_REQUESTED: "x",
    TimelineKind.ORDER_CANCELLED: "x",
    TimelineKind.STOCK_RELEASED: "orders",
    TimelineKind.RELEASE_FAILED: "attention",
    TimelineKind.STEP_RETRIED: "retry",
    TimelineKind.MAIL_SENT: "mail",
    TimelineKind.MAIL_FAILED: "mail",
    TimelineKind.MESSAGE_REFUSED: "info",
    TimelineKind.ORDER_REOPENED: "undo",
}
_BAD = {
    TimelineKind.ITEM_REFUSED,
    TimelineKind.STOCK_SHORT,
    TimelineKind.PAYMENT_RETRY,
    TimelineKind.PAYMENT_DECLINED,
    TimelineKind.PAYMENT_FAILED,
    TimelineKind.PAYMENT_UNMATCHED,
    TimelineKind.REFUND_FAILED,
    TimelineKind.RELEASE_FAILED,
    TimelineKind.SHIPMENT_LATE,
    TimelineKind.MAIL_FAILED,
    TimelineKind.MESSAGE_REFUSED,
}
_OK = {TimelineKind.PAYMENT_RECEIVED, TimelineKind.ORDER_DELIVERED, TimelineKind.ORDER_SHIPPED}

_DOORS: dict[str, str] = {
    Door.WEB: "web",
    Door.API: "API",
    Door.SLACK: "Slack",
    Door.MAIL: "mail",
    Door.WEBHOOK: "webhook",
    Door.CLI: "Temporal CLI",
}
_WITHOUT_NAME: dict[str, str] = {
    Door.SYSTEM: "Order workflow",
    Door.WEBHOOK: "Payment provider, webhook",
    Door.CLI: "Temporal CLI",
}

NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True)
class TimelineRow:
    """``tone`` is bad, ok or empty. ``person`` is empty for what the system did by itself."""

    sequence: int
    at: datetime
    icon: str
    tone: str
    lead: str
    rest: str
    person: str
    by: str


@dataclass(frozen=True)
class MailRow:
    text: str
    at: datetime
    failed: bool


def timeline_of(view: OrderView, names: Mapping[str, str] = NO_NAMES) -> list[TimelineRow]:
    """``names`` are people's names by their log-ins; whoever is not in it is called by the log-in."""
    newest_first = sorted(view.timeline, key=lambda entry: entry.sequence, reverse=True)
    rows: list[TimelineRow] = []
    tries: list[TimelineEntry] = []
    for entry in newest_first:
        if entry.kind == TimelineKind.PAYMENT_RETRY:
            tries.append(entry)
            continue
        rows += _folded(tries, names)
        tries = []
        rows.append(_row(entry, names))
    return rows + _folded(tries, names)


def mails_of(view: OrderView) -> list[MailRow]:
    kinds = {TimelineKind.MAIL_SENT, TimelineKind.MAIL_FAILED}
    return [
        MailRow(entry.text, entry.at, entry.kind == TimelineKind.MAIL_FAILED)
        for entry in sorted(view.timeline, key=lambda entry: entry.sequence, reverse=True)
        if entry.kind in kinds
    ]


def _folded(tries: list[TimelineEntry], names: Mapping[str, str]) -> list[TimelineRow]:
    """The latest try in full, the ones before it in one row."""
    if len(tries) <= 2:
        return [_row(entry, names) for entry in tries]
    latest, before = _row(tries[0], names), _row(tries[1], names)
    words = f"{len(tries) - 1} earlier attempts failed."
    folded = TimelineRow(before.sequence, before.at, before.icon, before.tone, words, "", before.person, before.by)
    return [latest, folded]


def icon_of(kind: str) -> str:
    return _ICONS.get(kind, "info")


def _row(entry: TimelineEntry, names: Mapping[str, str]) -> TimelineRow:
    lead, rest = _lead(entry.text)
    return TimelineRow(
        sequence=entry.sequence,
        at=entry.at,
        icon=icon_of(entry.kind),
        tone="bad" if entry.kind in _BAD else "ok" if entry.kind in _OK else "",
        lead=lead,
        rest=rest,
        person=names.get(entry.by.username, entry.by.username),
        by=who(entry.by, names),
    )


def who(by: By, names: Mapping[str, str] = NO_NAMES) -> str:
    """``Oscar Paredes, web``; the system's own doings have no name."""
    if not by.username:
        return _WITHOUT_NAME.get(by.door, _DOORS.get(by.door, by.door))
    door = _DOORS.get(by.door)
    name = names.get(by.username, by.username)
    return f"{name}, {door}" if door else name


def _lead(words: str) -> tuple[str, str]:
    """The first sentence or clause stands out, when there is more than one."""
    ends = [words.find(mark) + len(mark.rstrip()) for mark in (": ", ". ") if mark in words]
    # A single clause stands out up to whom or what it was for.
    ends = ends or [words.find(mark) for mark in (" to ", " for ", " with ") if mark in words]
    end = min(ends, default=len(words))
    return (words[:end], words[end:]) if end <= 70 else (words, "")
