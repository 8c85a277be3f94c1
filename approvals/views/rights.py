"""Who may open the approvals' pages; who tries without the right is noted for the auditors."""

from functools import wraps
from typing import ParamSpec

from django.http import HttpRequest, HttpResponse

from approvals import audit
from approvals.contract import Door
from approvals.gateway.rights import SEE_ALL
from dashboard.access import View, requires

P = ParamSpec("P")
RIGHT = "approvals.ask_approval"
_READING = {"GET", "HEAD", "OPTIONS"}

_WHAT = {
    "new": "submit",
    "changes": "request_changes",
    "resubmission": "resubmit",
    "withdrawal": "withdraw",
    "comment": "add_comment",
    "attachments": "attach",
    "delegation": "delegate",
    "delegation_end": "end_delegation",
}
"""What the gateway calls the same thing, by the name of the page."""


def sees_requests(view: View[P]) -> View[P]:
    """The view only shows a request: it is for who takes part in approvals or may see every request, hidden from others.

    Which requests they see, the gateway says.
    """
    for_participants, for_auditors = requires(RIGHT, hidden_without=RIGHT)(view), requires(SEE_ALL)(view)

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        sees_all = request.user.is_authenticated and request.user.has_perm(SEE_ALL)
        return (for_auditors if sees_all else for_participants)(request, *args, **kwargs)

    return checked


def takes_part(view: View[P]) -> View[P]:
    """The view is for who takes part in approvals, and hidden from others.

    Who tries to change something without the right never gets to the gateway, so it is noted here, as the API does it.
    """
    guarded = requires(RIGHT, hidden_without=RIGHT)(view)

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method not in _READING and request.user.is_authenticated and not request.user.has_perm(RIGHT):
            _note(request)
        return guarded(request, *args, **kwargs)

    return checked


def _note(request: HttpRequest) -> None:
    match = request.resolver_match
    page = str(match.url_name) if match else ""
    decision = request.POST.get("decision", "") if page in ("decision", "bulk") else ""
    audit.record_attempt(
        request_id=str(match.kwargs.get("request_id", "")) if match else "",
        who=request.user.get_username(),
        door=Door.WEB,
        what=decision if decision in ("approve", "reject") else _WHAT.get(page, page),
        code="no_right",
        reason="They have no right to take part in approvals.",
    )
