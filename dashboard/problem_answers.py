"""The gateways' exceptions as answers of pages: which status, and what a page that only reads says."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from dashboard.views import unavailable_page
from temporal_worker.problems import InvalidRequest, NotFound, NotPermitted, Problem, Refused, Unavailable

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def status_of_problem(problem: Problem) -> int:
    match problem:
        case NotFound():
            return 404
        case InvalidRequest():
            return 422
        case NotPermitted():
            return 403
        case Refused():
            return 409
        case Unavailable():
            return 503
    return 500


def answers_problems(view: View[P]) -> View[P]:
    """For views that only read: no such thing is 404, not theirs 403, nobody there to ask 503."""

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound as problem:
            raise Http404(problem.detail) from problem
        except NotPermitted as problem:
            raise PermissionDenied(problem.detail) from problem
        except Unavailable as problem:
            return unavailable_page(request, problem.detail, problem.retry_after)

    return answered
