"""What can be done with a request beside deciding it, and why not: drawn on the page, asked anew when it is sent."""

from dataclasses import dataclass

from approvals.contract import ApprovalStatus, ApprovalView
from approvals.standing import Standing


@dataclass(frozen=True)
class Action:
    """``reason`` says in a sentence why it is not allowed."""

    name: str
    label: str
    icon: str
    reason: str = ""
    hint: str = ""
    danger: bool = False

    @property
    def allowed(self) -> bool:
        return not self.reason

    @property
    def url_name(self) -> str:
        return f"approvals:{self.name}"

    @property
    def note(self) -> str:
        return self.hint if self.allowed else self.reason


def actions_for(view: ApprovalView, username: str, standing: Standing, *, live: bool) -> list[Action]:
    """All actions in their place; those that are not possible now carry the reason."""
    unreachable = "" if live else "It needs Temporal and a worker. They come back by themselves."
    mine = view.requester == username
    over = ApprovalStatus(view.status).is_final
    found = []
    if mine:
        found.append(
            Action("resubmission", "Ask again…", "send", unreachable or _no_resubmission(view), "Opens a new round")
        )
    else:
        found.append(
            Action("changes", "Ask for changes…", "undo", unreachable or ("It is over." if over else standing.changes))
        )
        found.append(Action("delegation", "Hand over to someone…", "delegate", unreachable or standing.hand_over))
    if _has_handed_over(view, username) and not over:
        found.append(Action("delegation_end", "End the hand-over…", "undo", unreachable))
    found.append(Action("attachments", "Attach a file…", "plus", unreachable or _no_file(view, standing)))
    found.append(
        Action(
            "withdrawal",
            "Withdraw…" if mine else "Withdraw",
            "x",
            unreachable or _no_withdrawal(view, standing),
            danger=mine,
        )
    )
    return found


def _no_resubmission(view: ApprovalView) -> str:
    if view.status == ApprovalStatus.CHANGES_REQUESTED:
        return ""
    return "It is over." if ApprovalStatus(view.status).is_final else "Nobody has asked for changes."


def _no_withdrawal(view: ApprovalView, standing: Standing) -> str:
    if not standing.withdrawal:
        return ""
    if ApprovalStatus(view.status).is_final:
        return "It is over."
    return f"Only {view.name_of(view.requester)} can, until it is final."


def _no_file(view: ApprovalView, standing: Standing) -> str:
    return "It is over." if ApprovalStatus(view.status).is_final else standing.comment


def _has_handed_over(view: ApprovalView, username: str) -> bool:
    return any(one.cover_id.startswith("seat:") and username in {one.principal, one.delegate} for one in view.covers)
