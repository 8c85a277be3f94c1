"""The audit trail, newest first: an icon for each kind, who did it and by which door."""

from dataclasses import dataclass
from datetime import datetime

from approvals.contract import ApprovalView, TrailEntry, TrailKind
from approvals.presentation.words import DOORS

_ICONS: dict[str, str] = {
    TrailKind.SUBMITTED: "send",
    TrailKind.LEVEL_OPENED: "people",
    TrailKind.APPROVED: "check",
    TrailKind.REJECTED: "x",
    TrailKind.COMMENTED: "note",
    TrailKind.ATTACHED: "note",
    TrailKind.CHANGES_REQUESTED: "edit",
    TrailKind.RESUBMITTED: "send",
    TrailKind.DELEGATED: "delegate",
    TrailKind.DELEGATION_ENDED: "undo",
    TrailKind.WITHDRAWN: "x",
    TrailKind.REMINDED: "mail",
    TrailKind.ESCALATED: "attention",
    TrailKind.EXTENDED: "clock",
    TrailKind.EXPIRED: "clock",
    TrailKind.COMPLETED: "approvals",
    TrailKind.CARRIED_OUT: "check",
    TrailKind.CALLER_TOLD: "send",
    TrailKind.CALLER_LOST: "attention",
    TrailKind.NOTICE_FAILED: "mail",
    TrailKind.MESSAGE_REFUSED: "info",
}
_BAD = {
    TrailKind.REJECTED,
    TrailKind.ESCALATED,
    TrailKind.EXPIRED,
    TrailKind.CALLER_LOST,
    TrailKind.NOTICE_FAILED,
    TrailKind.MESSAGE_REFUSED,
}
_OK = {TrailKind.APPROVED, TrailKind.CARRIED_OUT}


@dataclass(frozen=True)
class TrailLine:
    """``tone`` is bad, ok or empty. ``person`` is empty for what the workflow did by itself."""

    sequence: int
    at: datetime
    icon: str
    tone: str
    lead: str
    rest: str
    quote: str
    username: str
    person: str
    by: str


def trail_of(view: ApprovalView) -> list[TrailLine]:
    return [_line(view, entry) for entry in sorted(view.trail, key=lambda entry: entry.sequence, reverse=True)]


def icon_of(what: str) -> str:
    return _ICONS.get(what, "info")


def _line(view: ApprovalView, entry: TrailEntry) -> TrailLine:
    lead, rest = _lead(entry.text)
    return TrailLine(
        sequence=entry.sequence,
        at=entry.at,
        icon=icon_of(entry.what),
        tone="bad" if entry.what in _BAD else "ok" if entry.what in _OK else "",
        lead=lead,
        rest=rest,
        quote=entry.comment,
        username=entry.who,
        person=view.name_of(entry.who) if entry.who else "",
        by=_by(entry),
    )


def _by(entry: TrailEntry) -> str:
    if not entry.who and entry.door == "system":
        return "Approval workflow"
    door = DOORS.get(entry.door, entry.door)
    return door[:1].upper() + door[1:]


def _lead(words: str) -> tuple[str, str]:
    """The first sentence or clause stands out, when there is more than one; a file's digest never does."""
    if " (SHA-256 " in words:
        end = words.index(" (SHA-256 ")
        return words[:end], words[end:]
    ends = [words.find(mark) + len(mark.rstrip()) for mark in (": ", ". ") if mark in words]
    end = min(ends, default=len(words))
    return (words[:end], words[end:]) if end <= 90 else (words, "")
