"""Deciding a request: from the card of its page, from a row of the inbox, or as a form of its own."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals import gateway, listing
from approvals.contract import ApprovalView
from approvals.forms import DecisionForm
from approvals.live import live_fragments
from approvals.views.answers import done, draw_form, form_again, personal_for, row_answer
from approvals.views.rights import takes_part
from approvals.views.viewer import user_of
from dashboard.access import is_fragment
from dashboard.problem_answers import answers_problems, status_of_problem


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@takes_part
@answers_problems
def decision(request: HttpRequest, request_id: str) -> HttpResponse:
    """Approve or reject: from the card of the page, from a row of the inbox, or as a form of its own."""
    if request.method != "POST":
        wanted = "approve" if request.GET.get("decision") == "approve" else "reject"
        form = DecisionForm(initial={"decision": wanted, "place": request.GET.get("place", "")})
        form.prepare(gateway.read_request(request_id, user_of(request)).view, user_of(request))
        return draw_form(request, request_id, form)
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


def _decided(request: HttpRequest, form: DecisionForm, view: ApprovalView) -> HttpResponse:
    """The row, or the page, as the decision has left it, drawn from its own answer."""
    if form.cleaned_data["place"] != "row":
        return done(request, view, form.told)
    told = f"{form.told[:-1]}: {view.title}"
    if not is_fragment(request):
        listing.wait_for(view.request_id, view.version)
        messages.success(request, told)
        return redirect("approvals:list")
    return row_answer(request, view, told, done=form.told)


def _decision_again(
    request: HttpRequest,
    request_id: str,
    form: DecisionForm,
    problem: gateway.ApprovalProblem | None,
    *,
    status: int,
) -> HttpResponse:
    """Why it was not taken, beside the request as it is now; what was typed stays."""
    place = str(form.data.get("place", "")) if is_fragment(request) else ""
    blamed = None if isinstance(problem, gateway.InvalidRequest) else problem
    if place == "card":
        response = _card_again(request, request_id, form, blamed, status=status)
    elif place == "row" and problem and (not _is_in_dialog(request) or isinstance(problem, gateway.RequestRefused)):
        view = gateway.read_request(request_id, user_of(request)).view
        again = form if isinstance(problem, gateway.Unavailable) else None
        response = row_answer(request, view, "It was not taken.", problem=problem, again=again, status=status)
    else:
        return form_again(request, request_id, form, status=status, problem=blamed)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _card_again(
    request: HttpRequest,
    request_id: str,
    form: DecisionForm,
    problem: gateway.ApprovalProblem | None,
    *,
    status: int,
) -> HttpResponse:
    view = gateway.read_request(request_id, user_of(request)).view
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    personal = personal_for(request, view, live=True)
    context = {"personal": personal.with_form(form, problem), "oob": True, "fragments": live_fragments(view)}
    return render(request, "approvals/_action_done.html", context, status=status)


def _is_in_dialog(request: HttpRequest) -> bool:
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return bool(htmx.target == "dialog-body")
