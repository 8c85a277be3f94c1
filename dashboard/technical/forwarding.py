"""Fast-forward: a process's countdown ends at once. In the demo only; elsewhere there is no such page."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.access import is_fragment, to_login
from dashboard.demo_time import ahead_of, note_ahead
from dashboard.technical.processes import Process, seen_process
from dashboard.views import unavailable_page
from temporal_worker.client import RequestRefused, TemporalUnavailable, WorkflowCompleted, WorkflowNotFound, call
from temporal_worker.demo_clock import PAST, clock_of
from temporal_worker.demo_clock import fast_forward as put_forward

FARTHEST = timedelta(days=400)
"""No countdown of the demo is longer."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def fast_forward(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """Asks first, then puts the clock of this one workflow to just after the moment named by ``until``."""
    if not request.user.is_authenticated:
        return to_login(request)
    if not settings.DEMO:
        raise Http404
    assert isinstance(request.user, User)
    process = seen_process(workflow_id, request.user)
    until = _moment(request)
    if process is None or until is None:
        raise Http404
    if request.method != "POST":
        return _ask(request, process, until)
    try:
        _forward(workflow_id, until)
    except (WorkflowNotFound, WorkflowCompleted):
        messages.info(request, "It has ended: there is nothing left to wait for.")
    except RequestRefused as error:
        messages.error(request, f"The server does not skip time: {error}")
    except TemporalUnavailable as error:
        return unavailable_page(request, str(error), error.retry_after)
    else:
        messages.success(request, "Its clock was put forward. That is the demo’s time; nothing else has moved.")
    return redirect(process.link)


def _forward(workflow_id: str, until: datetime) -> None:
    """Noted before it is done: what the pages draw while the clock moves is drawn from the note."""
    before = ahead_of(workflow_id)
    clock = call(clock_of(workflow_id))
    ahead = max(until + PAST, clock) - datetime.now(UTC)
    note_ahead(workflow_id, max(ahead, timedelta(0)))
    try:
        call(put_forward(workflow_id, until), 10)
    except BaseException:
        note_ahead(workflow_id, before)
        raise


def _ask(request: HttpRequest, process: Process, until: datetime) -> HttpResponse:
    template = "technical/_fast_forward.html" if is_fragment(request) else "technical/fast_forward.html"
    return render(request, template, {"nav": process.nav, "process": process, "until": until})


def _moment(request: HttpRequest) -> datetime | None:
    try:
        until = parse_datetime(request.POST.get("until") or request.GET.get("until", ""))
    except ValueError:
        return None
    if until is None or until.tzinfo is None or until > datetime.now(UTC) + FARTHEST:
        return None
    return until
