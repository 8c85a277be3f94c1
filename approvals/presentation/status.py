"""The status of a request as a word with a mark."""

from dataclasses import dataclass

from approvals.contract import ApprovalStatus, ApprovalView


@dataclass(frozen=True)
class Status:
    """``mark`` is one of idle, move, ok, warn, bad, ended: see ``.status--…`` in components.css."""

    mark: str
    word: str


_STATUSES = {
    ApprovalStatus.PENDING: Status("move", "Pending"),
    ApprovalStatus.CHANGES_REQUESTED: Status("idle", "Changes wanted"),
    ApprovalStatus.APPROVED: Status("ok", "Approved"),
    ApprovalStatus.REJECTED: Status("bad", "Rejected"),
    ApprovalStatus.WITHDRAWN: Status("ended", "Withdrawn"),
    ApprovalStatus.EXPIRED: Status("ended", "Expired"),
}


def status_of(view: ApprovalView) -> Status:
    if view.status == ApprovalStatus.PENDING and view.current_level.is_escalated:
        return Status("warn", "Escalated")
    return _STATUSES[ApprovalStatus(view.status)]
