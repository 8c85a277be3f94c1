"""A card for each running timer, with what happens at its end."""

from dataclasses import dataclass
from datetime import datetime

from approvals.contract import ApprovalStatus, ApprovalView, AtExpiry, LevelView
from dashboard.phrases import span


@dataclass(frozen=True)
class TimerCard:
    """``left`` is the part of the time that is left, in per cent of the whole, at the moment of drawing."""

    id: str
    label: str
    started_at: datetime
    ends_at: datetime
    lead: str
    then: str
    left: int
    length: str


def cards_of(view: ApprovalView, now: datetime) -> list[TimerCard]:
    if ApprovalStatus(view.status).is_final:
        return []
    level = view.current_level
    pending = view.status == ApprovalStatus.PENDING
    cards: list[TimerCard] = []
    if pending and level.escalate_at is not None:
        people = " or ".join(view.name_of(username) for username in level.escalate_to)
        started = level.opened_at or level.escalate_at
        lead, then = f"Then it goes to {people} as well", ", who may decide it alone."
        cards.append(_card("escalation", f"{level.name} decides within", started, level.escalate_at, lead, then, now))
    if view.deadline_at is not None:
        started = view.rounds[-1].submitted_at if view.rounds else view.submitted_at or now
        label = "The request runs for" if pending else f"{view.name_of(view.requester)} has"
        lead, then = at_deadline(view, level)
        cards.append(_card("deadline", label, started, view.deadline_at, lead, then, now))
    return cards


def at_deadline(view: ApprovalView, level: LevelView) -> tuple[str, str]:
    """What happens when nobody decides in time: the fact, and what it means."""
    if view.status != ApprovalStatus.PENDING:
        return "Then it expires", ", unless it has been asked again."
    if level.at_expiry == AtExpiry.ESCALATE and not view.deadline_extended:
        people = " and ".join(view.name_of(username) for username in level.escalate_to)
        return f"Then it goes to {people}", ", once, with as much time again. It is never approved by waiting."
    if level.at_expiry == AtExpiry.APPROVE:
        return f"Then {level.name} counts as approved", ": its policy approves by waiting."
    if level.at_expiry == AtExpiry.REJECT:
        return "Then it is rejected", ", as its policy says."
    return "Then it expires", ". It is never approved by waiting."


def _card(
    name: str, label: str, started_at: datetime, ends_at: datetime, lead: str, then: str, now: datetime
) -> TimerCard:
    whole = (ends_at - started_at).total_seconds()
    left = 0 if whole <= 0 else max(0, min(100, round(100 * (ends_at - now).total_seconds() / whole)))
    return TimerCard(f"timer-{name}", label, started_at, ends_at, lead, then, left, span(ends_at - started_at))
