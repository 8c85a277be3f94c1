"""The request's page as its templates want it, made from the request alone: nothing personal, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.contract import ApprovalStatus, ApprovalView
from approvals.presentation.levels import LevelMark, levels_of
from approvals.presentation.rounds import RoundsTable, rounds_of
from approvals.presentation.status import Status, status_of
from approvals.presentation.timers import TimerCard, cards_of
from approvals.presentation.trail import TrailLine, trail_of
from approvals.presentation.waiting import lede_of
from approvals.presentation.words import amount_of, days_word, kind_word, size_word
from dashboard.phrases import Part, text, when
from temporal_worker.money import money


@dataclass(frozen=True)
class AttachedFile:
    attachment_id: str
    name: str
    size: str
    by: str
    at: datetime
    sha256: str


@dataclass(frozen=True)
class ApprovalPage:
    """``as_of`` is set when the request was read from the database because Temporal or its worker did not answer."""

    view: ApprovalView
    status: Status
    lede: Sequence[Part]
    kind: str
    amount: str
    amount_before: str
    days: str
    requester: str
    levels: Sequence[LevelMark]
    rounds: RoundsTable | None
    cards: Sequence[TimerCard]
    trail: Sequence[TrailLine]
    hidden_entries: int
    files: Sequence[AttachedFile]
    as_of: datetime | None = None

    @property
    def is_over(self) -> bool:
        return ApprovalStatus(self.view.status).is_final


def approval_page(view: ApprovalView, now: datetime, *, as_of: datetime | None = None) -> ApprovalPage:
    lede = lede_of(view, now)
    if as_of:
        lede = [*lede, text(" That was at "), when(as_of, "seconds"), text("; it may have gone on since.")]
    return ApprovalPage(
        view=view,
        status=status_of(view),
        lede=lede,
        kind=kind_word(view.kind),
        amount=amount_of(view),
        amount_before=_amount_before(view),
        days=days_word(view.starts_on, view.ends_on),
        requester=view.name_of(view.requester),
        levels=levels_of(view, now),
        rounds=rounds_of(view),
        cards=cards_of(view, now),
        trail=trail_of(view),
        hidden_entries=max(0, view.trail_total - len(view.trail)),
        files=[
            AttachedFile(one.attachment_id, one.name, size_word(one.size), view.name_of(one.by), one.at, one.sha256)
            for one in view.attachments
        ],
        as_of=as_of,
    )


def _amount_before(view: ApprovalView) -> str:
    if len(view.rounds) < 2 or view.rounds[-2].amount_cents in {None, view.amount_cents}:
        return ""
    return money(view.rounds[-2].amount_cents or 0, view.currency)
