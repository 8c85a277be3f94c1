"""The status of a request as a word with a mark."""

from dataclasses import dataclass

from approvals.contract import ApprovalStatus, ApprovalView


@dataclass(frozen=True)
class Status:
    """``mark`` is one of idle, move, ok, warn, bad, ended: see ``.status--…`` in components.css."""

    mark: str
    word: str


_STATUSES: dict[str, Status] = {
    ApprovalStatus.PENDING: Status("move", "Pending"),
    ApprovalStatus.CHANGES_REQUESTED: Status("idle", "Changes wanted"),
    ApprovalStatus.APPROVED: Status("ok", "Approved"),
    ApprovalStatus.REJECTED: Status("bad", "Rejected"),
    ApprovalStatus.WITHDRAWN: Status("ended", "Withdrawn"),
    ApprovalStatus.EXPIRED: Status("ended", "Expired"),
}


def status_of(view: ApprovalView) -> Status:
    is_open = view.status == ApprovalStatus.PENDING
    return status_of_row(view.status, is_escalated=is_open and view.current_level.is_escalated)


def status_of_row(status: str, *, is_escalated: bool) -> Status:
    """Of what the projection's row says, which has one word more: "starting", before the workflow is there."""
    if status == ApprovalStatus.PENDING and is_escalated:
        return Status("warn", "Escalated")
    return _STATUSES.get(status, Status("move", "Pending"))
