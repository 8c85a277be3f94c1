"""Configuration that the admin site edits, and the projection of the requests that Temporal runs.

The workflow holds the truth of a request. These rows are what lists, search and reports read, and what is left when
Temporal's retention has passed; they never decide anything for a running request.
"""

from approvals.models.audit import AttemptChain, RefusedAttempt
from approvals.models.bulk import BulkItemRow, BulkJob
from approvals.models.notices import ApprovalMail, SlackIdentity, SlackMessage, SlackPress
from approvals.models.outcomes import LeaveBooking, Payout
from approvals.models.people import Absence, Employee
from approvals.models.policies import Policy, PolicyLevel
from approvals.models.requests import ApprovalRequest, Attachment, Involvement, TrailRow

__all__ = [
    "Absence",
    "ApprovalMail",
    "ApprovalRequest",
    "Attachment",
    "AttemptChain",
    "BulkItemRow",
    "BulkJob",
    "Employee",
    "Involvement",
    "LeaveBooking",
    "Payout",
    "Policy",
    "PolicyLevel",
    "RefusedAttempt",
    "SlackIdentity",
    "SlackMessage",
    "SlackPress",
    "TrailRow",
]
