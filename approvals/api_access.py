"""Who may call the approvals' part of the API."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.errors import AuthorizationError, HttpError

from approvals import audit, gateway
from approvals.contract import Door

TAKE_PART = "approvals.ask_approval"
SEE_ALL = "approvals.view_all_requests"


def may(*permissions: str) -> Callable[[HttpRequest, User], None]:
    """403 for who has none of ``permissions``; a request for approval that its sender may not see gets 404.

    What is turned away here never gets to the gateway, so it is noted for the auditors here.
    """

    def check_rights(request: HttpRequest, user: User) -> None:
        request_id = request.resolver_match.kwargs.get("request_id") if request.resolver_match else None
        if request_id is not None and not gateway.may_see(user, request_id):
            _note(request, user, request_id, "not_found", "They may not see it, or there is none.")
            raise HttpError(404, f"There is no request {request_id}.")
        if not any(user.has_perm(permission) for permission in permissions):
            _note(request, user, request_id or "", "no_right", "They have no right to take part in approvals.")
            raise AuthorizationError(message="You may not do this: it needs a right that you do not have.")

    return check_rights


def _note(request: HttpRequest, user: User, request_id: str, code: str, reason: str) -> None:
    if request.method != "GET":
        what = request.path.rstrip("/").rpartition("/")[2]
        audit.record_attempt(
            request_id=request_id, who=user.username, door=Door.API, what=what, code=code, reason=reason
        )
