"""What somebody may do with a request now, asked of the very rules by which its workflow refuses.

So a button is never there for what would be refused, and what is refused has its reason beside it. The workflow asks
again when the button is pressed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.exceptions import ApplicationError

from approvals.contract import (
    ApprovalInput,
    ApprovalView,
    By,
    ChangesInput,
    CommentInput,
    DecisionInput,
    Door,
    InvalidField,
    PolicySnapshot,
    WithdrawalInput,
)
from approvals.process import refusals
from approvals.process.state import ApprovalState


@dataclass(frozen=True)
class Standing:
    """Each text is the reason why not, empty where it is allowed.

    ``behalf`` is whom a decision would be made for, when that is somebody else; ``places`` are all of them.
    """

    decision: str
    changes: str
    withdrawal: str
    comment: str
    hand_over: str
    behalf: str = ""
    places: tuple[str, ...] = ()

    @property
    def may_decide(self) -> bool:
        return not self.decision


def standing(view: ApprovalView, username: str, now: datetime) -> Standing:
    state = state_of(view, now)
    by = By(username, Door.WEB)
    decision = DecisionInput(True, view.state_version, by=by)
    why_not = _reason(lambda: refusals.decision_refusal(state, decision))
    place = "" if why_not else refusals.place_of(state, username, "")
    return Standing(
        decision=why_not,
        changes=_reason(lambda: refusals.changes_refusal(state, ChangesInput("x", view.state_version, by))),
        withdrawal=_reason(lambda: refusals.withdrawal_refusal(state, WithdrawalInput("", by))),
        comment=_reason(lambda: refusals.comment_refusal(state, CommentInput("x", by))),
        hand_over=_no_hand_over(state, username),
        behalf=place if place != username else "",
        places=tuple(state.places(username)),
    )


def may_decide(view: ApprovalView, username: str, now: datetime) -> tuple[str, str]:
    """Why not, and for whom: what a list asks of each of its rows."""
    state = state_of(view, now)
    decision = DecisionInput(True, view.state_version, by=By(username, Door.WEB))
    why_not = _reason(lambda: refusals.decision_refusal(state, decision))
    place = "" if why_not else refusals.place_of(state, username, "")
    return why_not, place if place != username else ""


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
    if any(state.places(username, level) or username in level.escalate_to for level in state.it.levels):
        return ""
    return "You have nothing to decide here."
