"""What activities are given, and deciding many requests at once."""

from dataclasses import dataclass
from enum import StrEnum

from approvals.contract.answers import ApprovalView
from approvals.contract.checks import check_username
from approvals.contract.words import MAX_COMMENT
from temporal_worker.contract import check_number, check_text


class Notice(StrEnum):
    """Mails about a request; each names a folder ``templates/emails/approval_<kind>/``."""

    ASKED = "asked"
    """To an approver: it is your turn."""
    REMINDER = "reminder"
    ESCALATED = "escalated"
    """To whom it was escalated."""
    DELEGATED = "delegated"
    """To a delegate: you decide for somebody."""
    CHANGES_REQUESTED = "changes_requested"
    """To the requester."""
    DECIDED = "decided"
    """To the requester: approved, rejected or expired."""
    WITHDRAWN = "withdrawn"
    """To approvers who were asked."""
    MENTIONED = "mentioned"


@dataclass(frozen=True)
class NoticeRequest:
    """A mail to one person. ``number`` tells mails of one kind to one person apart; each is sent once."""

    kind: str
    recipient: str
    request: ApprovalView
    number: int = 1
    text: str = ""


@dataclass(frozen=True)
class SlackCard:
    """The Slack message of one level in one round, as it has to look now. Posted once, then updated in place."""

    request: ApprovalView
    round: int
    level: int


@dataclass(frozen=True)
class OutcomeRequest:
    """An approved (or rejected) request whose consequences are to be carried out, once."""

    request: ApprovalView
    approved: bool


# ── Deciding many at once ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class BulkItem:
    request_id: str
    state_version: int


@dataclass(frozen=True)
class BulkInput:
    """What ``BulkDecisionWorkflow`` starts from: one decision for each item, by one person."""

    job_id: str
    username: str
    approved: bool
    comment: str
    items: list[BulkItem]

    def check(self) -> None:
        check_text("job_id", self.job_id, most=64, required=True)
        check_username("username", self.username)
        check_text("comment", self.comment, most=MAX_COMMENT)
        check_number("items", len(self.items), least=1, most=500)


@dataclass(frozen=True)
class BulkDecision:
    """One item, for the activity that decides it; its update id is made of the job and the request."""

    job_id: str
    username: str
    approved: bool
    comment: str
    item: BulkItem


@dataclass(frozen=True)
class BulkResult:
    decided: int
    refused: int
