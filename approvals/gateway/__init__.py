"""The web side's only door to the requests that Temporal runs; no other module of the area uses the Temporal client.

Functions speak of requests and people, and so do their exceptions; each is plain sync code with a deadline of its own. A
``key`` makes a changing call safe to repeat: the same key by the same person is done once. Each asks whether ``user`` may,
and notes for the auditors what was refused, by whatever door it came.
"""

from approvals.gateway.absences import tell_open_requests
from approvals.gateway.acting import (
    add_comment,
    decide,
    delegate,
    end_delegation,
    request_changes,
    resubmit,
    withdraw,
)
from approvals.gateway.attachments import attach, open_attachment
from approvals.gateway.bulk import decide_item, finish_starting_jobs, read_bulk, start_bulk
from approvals.gateway.history import Accepted, History, read_history
from approvals.gateway.problems import (
    ApprovalProblem,
    InvalidRequest,
    KeyReused,
    NotPermitted,
    RequestNotFound,
    RequestRefused,
    Unavailable,
)
from approvals.gateway.reading import RequestReading, afetch_request, read_request
from approvals.gateway.rights import may_see
from approvals.gateway.submitting import finish_starting_requests, preview_policy, submit_request

__all__ = [
    "Accepted",
    "ApprovalProblem",
    "History",
    "InvalidRequest",
    "KeyReused",
    "NotPermitted",
    "RequestNotFound",
    "RequestReading",
    "RequestRefused",
    "Unavailable",
    "add_comment",
    "afetch_request",
    "attach",
    "decide",
    "decide_item",
    "delegate",
    "end_delegation",
    "finish_starting_jobs",
    "finish_starting_requests",
    "may_see",
    "open_attachment",
    "preview_policy",
    "read_bulk",
    "read_history",
    "read_request",
    "request_changes",
    "resubmit",
    "start_bulk",
    "submit_request",
    "tell_open_requests",
    "withdraw",
]
