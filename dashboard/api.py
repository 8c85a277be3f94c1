"""The JSON API at ``/api/``: mounts each area's router, and gives every "no" its one shape (contract, section 3)."""

from functools import cache
from typing import Any, cast

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException, UnreadablePostError
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.openapi import get_schema
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from approvals.api import router as approvals_router
from campaigns.api import router as campaigns_router
from campaigns.api_users import router as users_router
from dashboard.accounts.throttle import PerCaller
from dashboard.api_docs import OwnPage
from dashboard.strict_json import read_json
from orders.api import on_card_declined
from orders.api import router as orders_router
from orders.gateway import CardDeclined
from temporal_worker.contract import InvalidField
from temporal_worker.problems import InvalidRequest, NotFound, NotPermitted, Problem, Refused, Unavailable


class StrictParser(Parser):
    """Whatever its Content-Type says, a body is JSON in UTF-8."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return cast("dict[str, Any]", read_json(request.body))


class Api(NinjaAPI):
    """Its schema is made once: what it offers does not change while it runs, and whoever asks would cost half a second each."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        return _schema_of(self, prefix)


@cache
def _schema_of(api: NinjaAPI, path_prefix: str) -> OpenAPISchema:
    return get_schema(api=api, path_prefix=path_prefix)


api = Api(
    title="Callboard",
    version="1",
    urls_namespace="api",
    description=(
        "Orders, approvals and campaigns as long-lived processes. Money is whole cents beside an ISO 4217 currency, times are "
        "UTC.\n\n"
        "**Repeating is safe.** Every changing call takes an `Idempotency-Key`; the same key with the same body is done "
        "once, with another body it is 409 `key_reused`. 503 with `Retry-After` means: repeat with the same key.\n\n"
        "**Answers.** 401 no or bad token · 403 visible but not permitted · 404 not there or not visible · 402 card "
        "declined · 409 the process says no, with a `code` · 413 too large · 422 bad input, `detail` names the field · 429 too "
        "many calls, wait for `Retry-After`."
    ),
    parser=StrictParser(),
    docs_decorator=require_safe,
    throttle=[PerCaller()],
    docs=OwnPage(),
)
api.add_router("/orders", orders_router)
api.add_router("/approvals", approvals_router)
api.add_router("/campaigns", campaigns_router)
api.add_router("/users", users_router)
api.exception_handler(CardDeclined)(on_card_declined)


@api.exception_handler(Problem)
def on_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The API's answer to what the gateways raise."""
    match problem:
        case InvalidRequest(field=field, detail=detail):
            text = detail if not field or detail.startswith(field) else f"{field}: {detail}"
            return JsonResponse({"detail": text, "field": field}, status=422)
        case NotFound():
            return JsonResponse({"detail": problem.detail}, status=404)
        case Unavailable(retry_after=seconds):
            answer = {"code": problem.code, "detail": problem.detail}
            return JsonResponse(answer, status=503, headers={"Retry-After": str(seconds)})
    extra = problem.extra if isinstance(problem, Refused) else {}
    status = 403 if isinstance(problem, NotPermitted) else 409
    return JsonResponse({**extra, "code": problem.code, "detail": problem.detail}, status=status)


@api.exception_handler(AuthenticationError)
def on_no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    detail = "A valid token is needed: Authorization: Bearer <token>."
    return JsonResponse({"detail": detail}, status=401, headers={"WWW-Authenticate": 'Bearer realm="Callboard"'})


@api.exception_handler(ValidationError)
def on_bad_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    problems = [(_field(each["loc"]), each["msg"].removeprefix("Value error, ")) for each in error.errors]
    detail = "; ".join(f"{field}: {problem}" for field, problem in problems[:10])
    return JsonResponse({"detail": detail, "field": problems[0][0]}, status=422)


def _field(path: tuple[str | int, ...]) -> str:
    """``items.0.quantity`` of Ninja's ``("body", "body", "items", 0, "quantity")``: source, argument, path."""
    source, *inner = path
    if source == "body" and inner:
        return ".".join(str(part) for part in inner[1:]) or "body"
    return ".".join(str(part) for part in inner) or str(source)


@api.exception_handler(Throttled)
def on_too_many(request: HttpRequest, error: Throttled) -> HttpResponse:
    answer = {
        "code": "too_many",
        "detail": "Too many calls. Wait as long as Retry-After says; the same key is safe then.",
    }
    return JsonResponse(answer, status=429, headers={"Retry-After": str(error.wait or 1)})


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, InvalidField):
        # What the parser found, which Ninja has wrapped in a 400 of its own.
        return JsonResponse({"detail": str(error.__cause__), "field": error.__cause__.field}, status=422)
    return JsonResponse({"detail": error.message}, status=error.status_code)


@api.exception_handler(RequestDataTooBig)
def on_too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return JsonResponse({"detail": "body: is too large"}, status=413)


def on_unreadable(request: HttpRequest, error: Exception) -> HttpResponse:
    return JsonResponse({"detail": "body: cannot be read", "field": "body"}, status=422)


for unreadable in (BadRequest, SuspiciousOperation, MultiPartParserError, RawPostDataException, UnreadablePostError):
    api.exception_handler(unreadable)(on_unreadable)


@api.exception_handler(OperationalError)
def on_no_database(request: HttpRequest, error: OperationalError) -> HttpResponse:
    answer = {"code": "unavailable", "detail": "The database is out of reach; the same call with the same key is safe."}
    return JsonResponse(answer, status=503, headers={"Retry-After": "5"})
