"""Addresses with a NUL, which PostgreSQL takes in no text: it does not look for it, it refuses to be asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.db import DataError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase, JsonResponse

from dashboard.views import bad_request


class CleanAddresses:
    """Nothing here has a NUL in its name, so a path with one is no page.

    In a query most pages take it for a blank, or a form says at its field what is wrong; where neither is done it is a bad
    request, and no error of ours.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._waits = iscoroutinefunction(get_response)
        if self._waits:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self._wait(request) if self._waits else self._answer(request)

    async def _wait(self, request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase = _nothing_there(request) or await self._get_response(request)
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase = _nothing_there(request) or self._get_response(request)
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if not isinstance(error, DataError) or "%00" not in request.META["QUERY_STRING"]:
            return None
        if _is_for_programs(request):
            return JsonResponse({"detail": "The address must not contain a null character."}, status=422)
        return bad_request(request)


def clean_query(query: str) -> str:
    """A query string in which a NUL is a blank."""
    return query.replace("%00", "%20")


def _nothing_there(request: HttpRequest) -> JsonResponse | None:
    if "\0" not in request.path_info:
        return None
    if _is_for_programs(request):
        return JsonResponse({"detail": "There is nothing at this address."}, status=404)
    raise Http404


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
