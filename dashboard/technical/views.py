"""Behind the curtain of one process: its page, its live part, its call stack, its history as a file."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import logged_in
from dashboard.technical.masking import masked_event, without_tokens
from dashboard.technical.page import LINES, MOST_EVENTS, Technical, read_technical, ui_url
from dashboard.technical.processes import VIEW, Process, seen_process
from dashboard.views import unavailable_page
from temporal_worker.client import QueryFailed, RequestRefused, TemporalUnavailable, WorkflowNotFound, call
from temporal_worker.inspection import describe, read_events, stack_trace

POLL_AFTER = 3
"""Seconds between two looks of an open page."""
READ_WITHIN = 10.0
"""Seconds for a whole history."""

P = ParamSpec("P")
Look = Callable[Concatenate[HttpRequest, Process, str, P], HttpResponse]


def for_engineers(view: Look[P]) -> Callable[..., HttpResponse]:
    """The view gets the process in place of nothing: whoever may not see it, or no workflow behind it, is told 404; 403
    only who may see it and nothing technical."""

    @require_safe
    @never_cache
    @logged_in
    @wraps(view)
    def checked(request: HttpRequest, workflow_id: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        assert isinstance(request.user, User)
        process = seen_process(workflow_id, request.user)
        if process is None:
            raise Http404
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        return view(request, process, workflow_id, *args, **kwargs)

    return checked


@for_engineers
def detail(request: HttpRequest, process: Process, workflow_id: str) -> HttpResponse:
    technical = call(read_technical(workflow_id, _run_of(request)), READ_WITHIN)
    assert technical is not None
    return render(request, "technical/detail.html", _context(request, process, technical))


@for_engineers
def live(request: HttpRequest, process: Process, workflow_id: str) -> HttpResponse:
    """The part of the page that moves, or 204 while it stays as it was."""
    technical = call(read_technical(workflow_id, _run_of(request), known=request.GET.get("after", "")), READ_WITHIN)
    if technical is None:
        return HttpResponse(status=204)
    return render(request, "technical/_live.html", _context(request, process, technical))


@for_engineers
def stack(request: HttpRequest, process: Process, workflow_id: str) -> HttpResponse:
    """Where its code waits; on demand, because a worker has to answer, and may have to replay the history for it."""
    trace = problem = ""
    try:
        trace = without_tokens(call(stack_trace(workflow_id, _run_of(request))))
    except (TemporalUnavailable, WorkflowNotFound, QueryFailed, RequestRefused) as error:
        problem = str(error)
    context = {"nav": process.nav, "process": process, "workflow_id": workflow_id, "trace": trace, "problem": problem}
    return render(
        request, "technical/_stack.html" if request.headers.get("HX-Request") else "technical/stack.html", context
    )


@for_engineers
def history(request: HttpRequest, process: Process, workflow_id: str) -> HttpResponse:
    """The events of one run as a file, without what messages hold (see ``masking``)."""
    try:
        run_id = _run_of(request) or call(describe(workflow_id)).workflow_execution_info.execution.run_id
        found = call(read_events(workflow_id, run_id, most=MOST_EVENTS, timeout=READ_WITHIN), READ_WITHIN + 1)
    except WorkflowNotFound as error:
        raise Http404 from error
    except (TemporalUnavailable, RequestRefused) as error:
        return unavailable_page(request, str(error), 5)
    content = {
        "workflow_id": workflow_id,
        "run_id": run_id,
        "is_whole": found.is_whole,
        "payloads": "emptied: what messages hold is not for this file",
        "events": [masked_event(event) for event in found.events],
    }
    response = JsonResponse(content, json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = content_disposition_header(True, f"{workflow_id}-{run_id[:8]}.json")
    return response


@require_safe
@never_cache
@logged_in
def temporal(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """On to Temporal's own page, for whoever may see the process; 410 when Temporal has nothing of it any more, or not yet.

    It is asked when somebody wants to go there: pages of what is over do without Temporal, and stand open for days.
    """
    assert isinstance(request.user, User)
    process = seen_process(workflow_id, request.user)
    if process is None:
        raise Http404
    run = _run_of(request)
    try:
        call(describe(workflow_id, run))
    except WorkflowNotFound:
        return render(request, "technical/forgotten.html", {"nav": process.nav, "process": process}, status=410)
    except (TemporalUnavailable, RequestRefused):
        pass  # its page is somewhere else, and may answer
    return redirect(ui_url(workflow_id, run))


def _context(request: HttpRequest, process: Process, technical: Technical) -> dict[str, object]:
    step = request.GET.get("step", "")
    page = Paginator(technical.lines, LINES).get_page(request.GET.get("page") or _page_of(step, technical))
    return {
        "nav": process.nav,
        "process": process,
        "it": technical,
        "lines": page,
        "run": _run_of(request),
        "step": step,
        # Somebody who reads an earlier page, one step, or a run that is over, is not disturbed.
        "polls_after": POLL_AFTER
        if page.number == 1 and (technical.problem or (technical.is_open and not step))
        else 0,
    }


def _page_of(step: str, technical: Technical) -> int:
    """On which page of the history the update, activity or timer of this id is; the first when there is none."""
    found = (number for number, line in enumerate(technical.lines) if step and line.id == step)
    return next(found, 0) // LINES + 1


def _run_of(request: HttpRequest) -> str:
    """The run that the address names; a strange one is no page."""
    run = request.GET.get("run", "")
    try:
        return str(UUID(run)) if run else ""
    except ValueError:
        raise Http404 from None
