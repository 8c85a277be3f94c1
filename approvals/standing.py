"""What somebody may do with a request now, asked of the very rules by which its workflow refuses.

So a button is never there for what would be refused, and what is refused has its reason beside it. The workflow asks
again when the button is pressed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from approvals.contract import (
    ApprovalInput,
    ApprovalView,
    By,
    ChangesInput,
    CommentInput,
    DecisionInput,
    DelegationInput,
    Door,
    InvalidField,
    PolicySnapshot,
    WithdrawalInput,
)
from approvals.process import hand_overs, refusals
from approvals.process.state import ApprovalState


@dataclass(frozen=True)
class Standing:
    """Each text is the reason why not, empty where it is allowed.

    ``place`` is the approver in whose name a decision would be made, oneself or somebody else; a button carries it along,
    so that one pressed again means the same place. ``behalf`` is the same when it is somebody else.
    """

    decision: str
    changes: str
    withdrawal: str
    comment: str
    hand_over: str
    place: str
    behalf: str = ""

    @property
    def may_decide(self) -> bool:
        return not self.decision


def standing(view: ApprovalView, username: str, now: datetime) -> Standing:
    state = state_of(view, now)
    by = By(username, Door.WEB)
    why_not, place = _place(state, username)
    return Standing(
        decision=why_not,
        changes=_reason(lambda: refusals.changes_refusal(state, ChangesInput("x", view.state_version, by))),
        withdrawal=_reason(lambda: refusals.withdrawal_refusal(state, WithdrawalInput("", by))),
        comment=_reason(lambda: refusals.comment_refusal(state, CommentInput("x", by))),
        hand_over=_no_hand_over(state, username),
        place=place,
        behalf=place if place != username else "",
    )


def may_decide(view: ApprovalView, username: str, now: datetime) -> tuple[str, str]:
    """Why not, and in whose name: what a list asks of each of its rows."""
    return _place(state_of(view, now), username)


def _place(state: ApprovalState, username: str) -> tuple[str, str]:
    """Why they cannot decide now, and the place that they would take: their own first, then whom they cover for."""
    place = refusals.free_place(state, username)
    return _why_not(state, username, place), place or username


def why_not_in(view: ApprovalView, username: str, place: str, now: datetime) -> str:
    """Why they cannot decide in this place now; empty when they can."""
    return _why_not(state_of(view, now), username, place)


def _why_not(state: ApprovalState, username: str, place: str) -> str:
    decision = DecisionInput(True, state.it.state_version, by=By(username, Door.WEB), on_behalf_of=place)
    return _reason(lambda: refusals.decision_refusal(state, decision))


def place_for(view: ApprovalView, username: str, now: datetime, *, covering: bool = False) -> str:
    """The place that a link or a form of theirs is for. ``covering``: rather somebody else's than their own."""
    return refusals.free_place(state_of(view, now), username, covering=covering) or username


def may_take_over(view: ApprovalView, username: str, now: datetime) -> Callable[[str], bool]:
    """Whether somebody can be handed what ``username`` decides here, and could decide it then."""
    state = state_of(view, now)
    by = By(username, Door.WEB)
    until = max(view.deadline_at or now, now) + timedelta(minutes=1)

    def can(to: str) -> bool:
        wish = DelegationInput(to, until, by=by)
        return not _reason(lambda: hand_overs.delegation_refusal(state, wish)) and not refusals.is_used_up(state, to)

    return can


def state_of(view: ApprovalView, now: datetime) -> ApprovalState:
    """The request's own bookkeeping, to ask it questions; nothing of it is changed or kept."""
    policy = PolicySnapshot(view.policy_id, view.policy_name, view.policy_version, levels=[])
    request = ApprovalInput(view.request_id, view.kind, view.title, view.requester, policy, resume=view)
    return ApprovalState(request, lambda: now, lambda: None)


def _reason(refusal: Any) -> str:
    try:
        refused: ApplicationError | None = refusal()
    except InvalidField as error:
        return error.problem
    return refused.message if refused else ""


def _no_hand_over(state: ApprovalState, username: str) -> str:
    if state.is_final:
        return "It is over; there is nothing left to hand over."
    return "" if state.decides_somewhere(username) else "You have nothing to decide here."
