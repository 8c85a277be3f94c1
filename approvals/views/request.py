"""One request: its page, what somebody can do with it, and doing it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals import gateway, listing
from approvals.contract import ApprovalView
from approvals.forms import ACTION_FORMS, ActionForm, CommentForm, DecisionForm
from approvals.live import live_fragments, request_context
from approvals.personal import Personal, personal_of
from approvals.presentation import request_row
from approvals.views.viewer import user_of
from dashboard.access import is_fragment, requires
from dashboard.problem_answers import answers_problems, status_of_problem

RIGHT = "approvals.ask_approval"


@require_safe
@never_cache
@requires(RIGHT, hidden_without=RIGHT)
@answers_problems
def detail(request: HttpRequest, request_id: str) -> HttpResponse:
    reading = gateway.read_request(request_id, user_of(request))
    as_of = reading.as_of if reading.reason else None
    context = {
        "nav": "approvals",
        "reading": reading,
        "unreachable": bool(reading.reason),
        "since": reading.as_of,
        "may_export": request.user.has_perm("approvals.export_audit"),
        "say": CommentForm(),
        **request_context(reading.view, as_of=as_of, from_database=reading.source == "database"),
        "personal": _personal(request, reading.view, live=not reading.reason),
    }
    return render(request, "approvals/request_detail.html", context)


@require_safe
@never_cache
@requires(RIGHT, hidden_without=RIGHT)
@answers_problems
def actions(request: HttpRequest, request_id: str) -> HttpResponse:
    """The personal fragment: what this viewer can do now. ``seen`` is the state version that they have before them."""
    reading = gateway.read_request(request_id, user_of(request))
    seen = request.GET.get("seen", "")
    personal = _personal(
        request,
        reading.view,
        live=not reading.reason,
        seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= 9 else None,
    )
    return render(request, "approvals/_request_personal.html", {"personal": personal})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(RIGHT, hidden_without=RIGHT)
@answers_problems
def decision(request: HttpRequest, request_id: str) -> HttpResponse:
    """Approve or reject: from the card of the page, from a row of the inbox, or as a form of its own."""
    if request.method != "POST":
        wanted = "approve" if request.GET.get("decision") == "approve" else "reject"
        form = DecisionForm(initial={"decision": wanted, "place": request.GET.get("place", "")})
        form.prepare(gateway.read_request(request_id, user_of(request)).view, user_of(request))
        return _draw_form(request, request_id, form)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _decision_again(request, request_id, form, None, status=422)
    try:
        view = form.send(request_id, user_of(request))
    except gateway.RequestNotFound:
        raise
    except gateway.ApprovalProblem as problem:
        if isinstance(problem, gateway.InvalidRequest):
            form.blame(problem.field, problem.detail)
        return _decision_again(request, request_id, form, problem, status=status_of_problem(problem))
    return _decided(request, form, view)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(RIGHT, hidden_without=RIGHT)
@answers_problems
def act(request: HttpRequest, request_id: str, name: str) -> HttpResponse:
    """The form of an action, and its sending. In the dialog or as a page of its own."""
    if request.method != "POST":
        form = ACTION_FORMS[name]()
        form.prepare(gateway.read_request(request_id, user_of(request)).view, user_of(request))
        return _draw_form(request, request_id, form)
    form = (
        ACTION_FORMS[name](request.POST, request.FILES)
        if ACTION_FORMS[name].multipart
        else ACTION_FORMS[name](request.POST)
    )
    if not form.is_valid():
        return _form_again(request, request_id, form, status=422)
    try:
        view = form.send(request_id, user_of(request))
    except gateway.RequestNotFound:
        raise
    except gateway.ApprovalProblem as problem:
        return _refused(request, request_id, form, problem)
    return _done(request, view, form.told)


@require_POST
@never_cache
@requires(RIGHT, hidden_without=RIGHT)
@answers_problems
def comment(request: HttpRequest, request_id: str) -> HttpResponse:
    """A comment from the foot of the page; what was typed stays there when it cannot be taken."""
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _comment_again(request, request_id, form, status=422)
    try:
        view = form.send(request_id, user_of(request))
    except gateway.RequestNotFound:
        raise
    except gateway.ApprovalProblem as problem:
        if isinstance(problem, gateway.InvalidRequest):
            form.blame(problem.field, problem.detail)
        return _comment_again(request, request_id, form, status=status_of_problem(problem), problem=problem)
    if not is_fragment(request):
        return _done(request, view, form.told)
    view = gateway.read_request(request_id, user_of(request)).view
    context = {"fragments": live_fragments(view), "form": CommentForm(), "request_id": request_id}
    return render(request, "approvals/_commented.html", context)


@require_safe
@requires(RIGHT, hidden_without=RIGHT)
@answers_problems
def attachment(request: HttpRequest, request_id: str, attachment_id: UUID) -> HttpResponse:
    """The file itself, always to be saved: nothing that somebody sent is ever drawn by the browser here."""
    row = gateway.open_attachment(request_id, str(attachment_id), user_of(request))
    with row.file.open("rb") as file:
        response = HttpResponse(file.read(), content_type=row.content_type)
    response["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _personal(request: HttpRequest, view: ApprovalView, *, live: bool, seen: int | None = None) -> Personal:
    return personal_of(view, user_of(request), datetime.now(UTC), live=live, seen=seen)


def _decided(request: HttpRequest, form: DecisionForm, view: ApprovalView) -> HttpResponse:
    """The row, or the page, as the decision has left it, drawn from its own answer."""
    if form.cleaned_data["place"] != "row":
        return _done(request, view, form.told)
    told = f"{form.told[:-1]}: {view.title}"
    if not is_fragment(request):
        listing.wait_for(view.request_id, view.version)
        messages.success(request, told)
        return redirect("approvals:list")
    return _row(request, view, told, done=form.told)


def _row(request: HttpRequest, view: ApprovalView, told: str, *, done: str = "") -> HttpResponse:
    """The inbox's row alone, as an action has left it."""
    row = request_row(view, user_of(request).username, datetime.now(UTC))
    response = render(request, "approvals/_request_row.html", {"row": row, "oob": True, "waits": True, "done": done})
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response


def _is_in_inbox(request: HttpRequest) -> bool:
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return (htmx.current_url_abs_path or "").partition("?")[0] == reverse("approvals:list")


def _decision_again(
    request: HttpRequest,
    request_id: str,
    form: DecisionForm,
    problem: gateway.ApprovalProblem | None,
    *,
    status: int,
) -> HttpResponse:
    """Why it was not taken, beside the request as it is now; what was typed stays."""
    place = str(form.data.get("place", ""))
    blamed = None if isinstance(problem, gateway.InvalidRequest) else problem
    if place == "row" and is_fragment(request) and isinstance(problem, gateway.RequestRefused):
        view = gateway.read_request(request_id, user_of(request)).view
        row = request_row(view, user_of(request).username, datetime.now(UTC))
        context = {"row": row, "oob": True, "problem": problem}
        response = render(request, "approvals/_request_row.html", context, status=status)
        response["HX-Trigger"] = json.dumps({"dialogDone": {"told": "It was not taken."}})
        return response
    if place != "card" or not is_fragment(request):
        return _form_again(request, request_id, form, status=status, problem=blamed)
    view = gateway.read_request(request_id, user_of(request)).view
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    personal = _personal(request, view, live=True)
    context = {"personal": personal.with_form(form, blamed), "oob": True, "fragments": live_fragments(view)}
    return render(request, "approvals/_action_done.html", context, status=status)


def _refused(request: HttpRequest, request_id: str, form: ActionForm, problem: gateway.ApprovalProblem) -> HttpResponse:
    if isinstance(problem, gateway.InvalidRequest):
        form.blame(problem.field, problem.detail)
        return _form_again(request, request_id, form, status=422)
    return _form_again(request, request_id, form, status=status_of_problem(problem), problem=problem)


def _form_again(
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
    response = _draw_form(request, request_id, form, status=status, problem=problem)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _draw_form(
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


def _comment_again(
    request: HttpRequest,
    request_id: str,
    form: CommentForm,
    *,
    status: int,
    problem: gateway.ApprovalProblem | None = None,
) -> HttpResponse:
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    if not is_fragment(request):
        return _draw_form(request, request_id, form, status=status, problem=problem)
    blamed = None if isinstance(problem, gateway.InvalidRequest) else problem
    context = {"form": form, "request_id": request_id, "problem": blamed}
    return render(request, "approvals/_say.html", context, status=status)


def _done(request: HttpRequest, view: ApprovalView, told: str) -> HttpResponse:
    """The page as the action has left it. An update's answer has only its own entries of the trail, so it is read anew."""
    if not is_fragment(request):
        messages.success(request, told)
        return redirect("approvals:detail", view.request_id)
    if _is_in_inbox(request):
        return _row(request, view, told)
    reading = gateway.read_request(view.request_id, user_of(request))
    newer = reading.view if reading.view.version >= view.version else view
    context = {"fragments": live_fragments(newer), "oob": True, "personal": _personal(request, newer, live=True)}
    response = render(request, "approvals/_action_done.html", context)
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response
