"""Names, limits and words of the approval area: statuses, kinds, codes. Standard library only."""

import re
from enum import StrEnum

TASK_QUEUE = "hr-approval-queue"
WORKFLOW_TYPE = "ApprovalWorkflow"
BULK_WORKFLOW_TYPE = "BulkDecisionWorkflow"

MAX_TITLE = 200
MAX_DESCRIPTION = 10_000
MAX_COMMENT = 4_000
MAX_REASON = 2_000
MAX_CENTS = 10**12
MAX_LEVELS = 10
MAX_SEATS = 100
"""Approvers of one level."""
MAX_CHAIN = 3
"""Hand-overs from one person to the next: A to B to C to D, and no further."""
MAX_ATTACHMENT_BYTES = 1_500_000
MAX_ATTACHMENTS = 20

REQUEST_ID = r"REQ-\d{8}-\d{6}-[0-9a-z]{4,12}"
"""What a request's address takes; whoever starts a workflow at Temporal may call the request something else."""
_MENTION = re.compile(r"(?<![\w.@+-])@([\w.+-]*\w)")


def approval_workflow_id(request_id: str) -> str:
    """The workflow id of a request, ``approval-<request_id>``."""
    return f"approval-{request_id}"


def bulk_workflow_id(job_id: str) -> str:
    """The workflow id of a bulk decision, ``bulk-decision-<job_id>``."""
    return f"bulk-decision-{job_id}"


def is_request_id(text: str) -> bool:
    """Whether ``text`` has the form ``REQ-YYYYMMDD-HHMMSS-xxxx``."""
    return re.fullmatch(REQUEST_ID, text) is not None


def mentioned(text: str) -> list[str]:
    """The usernames that a comment names with ``@``, each once, in their order."""
    return list(dict.fromkeys(_MENTION.findall(text)))


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self not in {ApprovalStatus.PENDING, ApprovalStatus.CHANGES_REQUESTED}


class RequestKind(StrEnum):
    LEAVE = "leave"
    EXPENSE = "expense"
    PURCHASE = "purchase"
    CONTRACT = "contract"
    TRAVEL = "travel"
    REFUND = "refund"
    CAMPAIGN = "campaign"
    OTHER = "other"


class LevelRule(StrEnum):
    """How many of a level's approvers have to approve. One rejection rejects, unless the level wants more."""

    ANY = "any"
    ALL = "all"
    N_OF_M = "n_of_m"


class AtExpiry(StrEnum):
    """What becomes of a request whose deadline passes at this level."""

    EXPIRE = "expire"
    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class SlackMode(StrEnum):
    OFF = "off"
    NOTIFY = "notify"
    BUTTONS = "buttons"


class MailMode(StrEnum):
    """What a mail to an approver links to: nothing is sent, the page behind the log-in, or a signed page that decides."""

    OFF = "off"
    LINK = "link"
    DECIDE = "decide"


class RefusalCode(StrEnum):
    """Type of the ``ApplicationError`` by which a request says no."""

    VALIDATION = "ValidationError"
    # Not theirs to do (HTTP 403).
    SELF_APPROVAL = "self_approval"
    NOT_APPROVER = "not_approver"
    NOT_REQUESTER = "not_requester"
    NOT_INVOLVED = "not_involved"
    OTHER_LEVEL = "decided_other_level"
    # Too late, or not now (HTTP 409). Details: ``first`` is the decision or the change that came before.
    ALREADY_DECIDED = "already_decided"
    STALE = "stale_state_version"
    CHANGES_REQUESTED = "changes_requested"
    NOT_CHANGES_REQUESTED = "not_changes_requested"
    APPROVED = "already_approved"
    REJECTED = "already_rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    TOO_MANY_ROUNDS = "too_many_rounds"
    TOO_MANY = "too_many"
    OTHER_POLICY = "other_policy"
    DELEGATION_CYCLE = "delegation_cycle"
    DELEGATION_CHAIN = "delegation_chain"
    NO_SUCH_DELEGATION = "no_such_delegation"


FORBIDDEN = frozenset(
    {
        RefusalCode.SELF_APPROVAL,
        RefusalCode.NOT_APPROVER,
        RefusalCode.NOT_REQUESTER,
        RefusalCode.NOT_INVOLVED,
        RefusalCode.OTHER_LEVEL,
    }
)
"""Refusals that are about who asks, not about when."""


class TrailKind(StrEnum):
    """What an entry of the audit trail says happened."""

    SUBMITTED = "submitted"
    LEVEL_OPENED = "level_opened"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENTED = "commented"
    ATTACHED = "attached"
    CHANGES_REQUESTED = "changes_requested"
    RESUBMITTED = "resubmitted"
    DELEGATED = "delegated"
    DELEGATION_ENDED = "delegation_ended"
    WITHDRAWN = "withdrawn"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    EXTENDED = "extended"
    EXPIRED = "expired"
    COMPLETED = "completed"
    """The request has its outcome; ``text`` says which."""
    CARRIED_OUT = "carried_out"
    CALLER_TOLD = "caller_told"
    CALLER_LOST = "caller_lost"
    NOTICE_FAILED = "notice_failed"
    MESSAGE_REFUSED = "message_refused"


STATE_CHANGES = frozenset(
    {
        TrailKind.SUBMITTED,
        TrailKind.APPROVED,
        TrailKind.REJECTED,
        TrailKind.CHANGES_REQUESTED,
        TrailKind.RESUBMITTED,
        TrailKind.DELEGATED,
        TrailKind.DELEGATION_ENDED,
        TrailKind.WITHDRAWN,
        TrailKind.COMMENTED,
        TrailKind.ATTACHED,
    }
)
"""What people do: each of these but the first came in by one accepted update."""
