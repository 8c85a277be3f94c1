"""The gateway's exceptions as answers: what a page says, with which status."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse

from dashboard.views import unavailable_page
from orders import gateway
from orders.contract import By, Door

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def by_of(request: HttpRequest) -> By:
    """Who acts, and that it was in the browser."""
    return By(request.user.get_username(), Door.WEB)


def status_of_problem(problem: gateway.OrderProblem) -> int:
    """A declined card is shown in the form like a wrong field: the order waits for another one."""
    match problem:
        case gateway.OrderNotFound():
            return 404
        case gateway.InvalidRequest() | gateway.CardDeclined():
            return 422
        case gateway.OrderRefused():
            return 409
        case gateway.Unavailable():
            return 503
    return 500


def answers_problems(view: View[P]) -> View[P]:
    """For views that only read: no such order is 404, nobody there to ask is 503."""

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except gateway.OrderNotFound as problem:
            raise Http404(problem.detail) from problem
        except gateway.Unavailable as problem:
            return unavailable_page(request, problem.detail, problem.retry_after)

    return answered
