"""Answers of the request's pages: a form again, a row, or the page as an action has left it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals import gateway
from approvals.contract import ApprovalView
from approvals.forms import ActionForm
from approvals.live import live_fragments
from approvals.personal import Personal, personal_of
from approvals.presentation import request_row
from approvals.views.viewer import user_of
from dashboard.access import is_fragment
from dashboard.keyed_forms import new_key


def personal_for(request: HttpRequest, view: ApprovalView, *, live: bool, seen: int | None = None) -> Personal:
    return personal_of(view, user_of(request), datetime.now(UTC), live=live, seen=seen)


def draw_form(
    request: HttpRequest,
    request_id: str,
    form: ActionForm,
    *,
    status: int = 200,
    problem: gateway.ApprovalProblem | None = None,
) -> HttpResponse:
    context = {
        "nav": "approvals",
        "request_id": request_id,
        "form": form,
        "problem": problem,
        "unavailable": isinstance(problem, gateway.Unavailable),
    }
    template = "approvals/_action_form.html" if is_fragment(request) else "approvals/action.html"
    return render(request, template, context, status=status)


def form_again(
    request: HttpRequest,
    request_id: str,
    form: ActionForm,
    *,
    status: int,
    problem: gateway.ApprovalProblem | None = None,
) -> HttpResponse:
    """The form with what was typed and the reason; after a 503 with its key, so that pressing again is safe."""
    form.prepare(gateway.read_request(request_id, user_of(request)).view, user_of(request))
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    response = draw_form(request, request_id, form, status=status, problem=problem)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def done(request: HttpRequest, view: ApprovalView, told: str) -> HttpResponse:
    """The page as the action has left it. An update's answer has only its own entries of the trail, so it is read anew."""
    if not is_fragment(request):
        messages.success(request, told)
        return redirect("approvals:detail", view.request_id)
    if _is_in_inbox(request):
        return row_answer(request, view, told)
    reading = gateway.read_request(view.request_id, user_of(request))
    newer = reading.view if reading.view.version >= view.version else view
    context = {"fragments": live_fragments(newer), "oob": True, "personal": personal_for(request, newer, live=True)}
    response = render(request, "approvals/_action_done.html", context)
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response


def row_answer(
    request: HttpRequest,
    view: ApprovalView,
    told: str,
    *,
    done: str = "",
    problem: gateway.ApprovalProblem | None = None,
    again: ActionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The inbox's row alone: what an action has made of it, or why it was not done.

    ``again`` is a form that could not be sent: the row repeats it, with its key, to the letter.
    """
    row = request_row(view, user_of(request).username, datetime.now(UTC))
    key = again.key if again else ""
    if again:
        sent = again.cleaned_data
        row = replace(row, state_version=sent["state_version"], place=sent["on_behalf_of"])
    context = {"row": row, "oob": True, "waits": True, "done": done, "problem": problem, "row_key": key or new_key()}
    response = render(request, "approvals/_request_row.html", context, status=status)
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response


def _is_in_inbox(request: HttpRequest) -> bool:
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return (htmx.current_url_abs_path or "").partition("?")[0] == reverse("approvals:list")
