"""Who may ask, see and act. The workflow asks again, where it is a decision, by what it knows itself."""

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from approvals.gateway.problems import NotPermitted, RequestNotFound
from approvals.models import ApprovalRequest, Involvement

TAKE_PART = "approvals.ask_approval"
SEE_ALL = "approvals.view_all_requests"


def may_see(user: User, request_id: str) -> bool:
    """Whether somebody has a part in a request, or the right to see every one.

    Who covers for an approver sees it from the day on which they do.
    """
    if not user.is_active or not (user.has_perm(TAKE_PART) or user.has_perm(SEE_ALL)):
        return False
    if user.has_perm(SEE_ALL):
        return ApprovalRequest.objects.filter(request_id=request_id).exists()
    mine = Involvement.objects.filter(request__request_id=request_id, username=user.get_username())
    return mine.filter(Q(starts_at=None) | Q(starts_at__lte=timezone.now())).exists()


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
