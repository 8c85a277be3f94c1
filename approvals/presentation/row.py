"""One request in a list, as one person sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.contract import ApprovalStatus, ApprovalView, AtExpiry
from approvals.presentation.status import Status, status_of
from approvals.presentation.waiting import blocker_of
from approvals.presentation.words import amount_of, days_word, kind_word
from approvals.standing import may_decide
from dashboard.phrases import Part

OVERDUE, SOON, LATER, OVER = "overdue", "soon", "later", "over"
SOON_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class RequestRow:
    """``no`` says why this person cannot decide it, ``place`` in whose name they would (``behalf``: when it is not their own).

    ``due`` is one of overdue, soon, later and over.
    """

    request_id: str
    title: str
    kind: str
    days: str
    requester: str
    requester_name: str
    round: int
    amount: str
    amount_cents: int
    status: Status
    blocker: Sequence[Part]
    due: str
    due_at: datetime | None
    is_late: bool
    then: str
    closed_at: datetime | None
    submitted_at: datetime | None
    version: int
    state_version: int
    no: str
    place: str
    behalf: str
    needs_reason: bool

    @property
    def may_decide(self) -> bool:
        return not self.no

    @property
    def tone(self) -> str:
        """How urgent its moment is: bad when it has passed, warn within a day."""
        return "warn" if self.due == SOON else "bad" if self.is_late else ""

    @property
    def is_over(self) -> bool:
        return self.due == OVER


def request_row(view: ApprovalView, username: str, now: datetime) -> RequestRow:
    no, place = may_decide(view, username, now)
    due_at = _due_at(view)
    return RequestRow(
        request_id=view.request_id,
        title=view.title,
        kind=kind_word(view.kind),
        days=days_word(view.starts_on, view.ends_on),
        requester=view.requester,
        requester_name=view.name_of(view.requester),
        round=view.round,
        amount=amount_of(view),
        amount_cents=view.amount_cents or 0,
        status=status_of(view),
        blocker=blocker_of(view, now, username),
        due=_due(view, due_at, now),
        due_at=due_at,
        is_late=due_at is not None and due_at <= now,
        then=_then(view),
        closed_at=view.closed_at,
        submitted_at=view.submitted_at,
        version=view.version,
        state_version=view.state_version,
        no=no,
        place=place,
        behalf=view.name_of(place) if place != username and not no else "",
        needs_reason=view.comment_to_reject,
    )


def _due_at(view: ApprovalView) -> datetime | None:
    """When something happens by itself: the escalation, else the deadline."""
    if view.status != ApprovalStatus.PENDING:
        return view.deadline_at
    moments = [at for at in (view.current_level.escalate_at, view.deadline_at) if at is not None]
    return min(moments, default=None)


def _due(view: ApprovalView, due_at: datetime | None, now: datetime) -> str:
    if ApprovalStatus(view.status).is_final:
        return OVER
    if view.current_level.is_escalated or (due_at is not None and due_at <= now):
        return OVERDUE
    return SOON if due_at is not None and due_at - now <= SOON_WITHIN else LATER


def _then(view: ApprovalView) -> str:
    """What happens when nobody has decided by then."""
    if view.status != ApprovalStatus.PENDING:
        return "Expires" if view.deadline_at else ""
    level = view.current_level
    if level.escalate_at is not None or (level.at_expiry == AtExpiry.ESCALATE and not view.deadline_extended):
        return f"Goes to {view.name_of(level.escalate_to[0])}" if level.escalate_to else "Escalates"
    words = {AtExpiry.REJECT: "Is rejected", AtExpiry.APPROVE: "Is approved by waiting"}
    return words.get(AtExpiry(level.at_expiry), "Expires")
