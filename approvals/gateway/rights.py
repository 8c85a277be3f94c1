"""Who may ask, see and act. The workflow asks again, where it is a decision, by what it knows itself."""

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from approvals.contract import ApprovalStatus
from approvals.gateway.problems import NotPermitted, RequestNotFound
from approvals.gateway.querying import query_state
from approvals.models import ApprovalRequest, Involvement
from approvals.process.covers import people_who_see
from temporal_worker import client
from temporal_worker.client import QueryFailed, TemporalUnavailable, WorkflowNotFound

TAKE_PART = "approvals.ask_approval"
OPEN = (ApprovalStatus.PENDING, ApprovalStatus.CHANGES_REQUESTED)
SEE_ALL = "approvals.view_all_requests"


def may_see(user: User, request_id: str) -> bool:
    """Whether somebody has a part in a request, or the right to see every one.

    Who covers for an approver sees it from the day on which they do. The rows may be a moment behind: before somebody is
    turned away, the workflow is asked.
    """
    if not user.is_active or not (user.has_perm(TAKE_PART) or user.has_perm(SEE_ALL)):
        return False
    if user.has_perm(SEE_ALL):
        return ApprovalRequest.objects.filter(request_id=request_id).exists()
    mine = Involvement.objects.filter(request__request_id=request_id, username=user.get_username())
    if mine.filter(Q(starts_at=None) | Q(starts_at__lte=timezone.now())).exists():
        return True
    return _takes_part_now(user.get_username(), request_id)


def _takes_part_now(username: str, request_id: str) -> bool:
    # "Starting" is what the row says until the workflow, which may have its people already, has saved it.
    may_have_people = (ApprovalRequest.STARTING, *OPEN)
    row = ApprovalRequest.objects.filter(request_id=request_id, status__in=may_have_people).first()
    if row is None:
        return False
    try:
        view = client.call(query_state(request_id))
    except (QueryFailed, TemporalUnavailable, WorkflowNotFound):
        return False
    return username in people_who_see(view, timezone.now())


def require_sight(user: User, request_id: str) -> None:
    """Raises RequestNotFound."""
    if not may_see(user, request_id):
        raise RequestNotFound(request_id)


def require_part(user: User) -> None:
    """Raises NotPermitted: the account is closed, or has no right to take part in approvals."""
    if not user.is_active:
        raise NotPermitted("account_closed", "This account is closed.")
    if not user.has_perm(TAKE_PART):
        raise NotPermitted("no_right", "You may not take part in approvals: it needs a right that you do not have.")
