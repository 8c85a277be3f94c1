"""The gateway's exceptions as answers: what a page says, with which status."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from approvals import gateway
from dashboard.views import unavailable_page

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def user_of(request: HttpRequest) -> User:
    """Whoever is logged in; the view has asked for that."""
    assert isinstance(request.user, User)
    return request.user


def status_of_problem(problem: gateway.ApprovalProblem) -> int:
    match problem:
        case gateway.RequestNotFound():
            return 404
        case gateway.InvalidRequest():
            return 422
        case gateway.NotPermitted():
            return 403
        case gateway.RequestRefused():
            return 409
        case gateway.Unavailable():
            return 503
    return 500


def answers_problems(view: View[P]) -> View[P]:
    """For views that only read: no such request is 404, not theirs 403, nobody there to ask 503."""

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except gateway.RequestNotFound as problem:
            raise Http404(problem.detail) from problem
        except gateway.NotPermitted as problem:
            raise PermissionDenied(problem.detail) from problem
        except gateway.Unavailable as problem:
            return unavailable_page(request, problem.detail, problem.retry_after)

    return answered
