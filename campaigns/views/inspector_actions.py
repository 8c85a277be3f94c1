"""Changing what a person wants and may get, and a test to them: the form, in the dialog or as a page, and its sending."""

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from campaigns import gateway
from campaigns.inspector.cap_form import CapForm
from campaigns.inspector.forms import PersonForm, TestForm
from campaigns.inspector.page import ActorPage
from campaigns.inspector.preference_form import PreferencesForm, Stale
from campaigns.live_actor import SEE, inspect, live_fragments
from campaigns.views.person import user_of
from dashboard.access import is_fragment, requires
from dashboard.problem_answers import answers_problems, status_of_problem

FORMS: dict[str, type[PersonForm]] = {"preferences": PreferencesForm, "cap": CapForm, "test": TestForm}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def act(request: HttpRequest, user_id: str, name: str) -> HttpResponse:
    form_class = FORMS[name]
    if not request.user.has_perm(form_class.right):
        raise PermissionDenied
    page, _ = inspect(user_id, user_of(request))
    form = form_class(request.POST if request.method == "POST" else None)
    form.prepare(page)
    if request.method != "POST":
        return _draw(request, user_id, form)
    if not form.is_valid():
        return _again(request, user_id, form, status=422)
    try:
        form.send(page, user_of(request))
    except (gateway.ContactNotFound, gateway.NotPermitted):
        raise
    except gateway.CampaignProblem as problem:
        return _refused(request, user_id, form, problem)
    return _done(request, user_id, form)


def _refused(request: HttpRequest, user_id: str, form: PersonForm, problem: gateway.CampaignProblem) -> HttpResponse:
    if isinstance(problem, gateway.InvalidRequest):
        form.blame(problem.field, problem.detail)
        return _again(request, user_id, form, status=422)
    if isinstance(problem, Stale):
        return _again(request, user_id, form, status=409)
    return _again(request, user_id, form, status=status_of_problem(problem), problem=problem)


def _again(
    request: HttpRequest,
    user_id: str,
    form: PersonForm,
    *,
    status: int,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    """The form with what was typed and the reason; after a 503 with its key, so that pressing again is safe."""
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    response = _draw(request, user_id, form, status=status, problem=problem)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _draw(
    request: HttpRequest,
    user_id: str,
    form: PersonForm,
    *,
    status: int = 200,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    context = {
        "nav": "people",
        "user_id": user_id,
        "form": form,
        "problem": problem,
        "unavailable": isinstance(problem, gateway.Unavailable),
    }
    template = "campaigns/_inspector_form.html" if is_fragment(request) else "campaigns/inspector_action.html"
    return render(request, template, context, status=status)


def _done(request: HttpRequest, user_id: str, form: PersonForm) -> HttpResponse:
    """The page as it is now: an update's answer has no decisions, so it is read anew."""
    if not is_fragment(request):
        messages.success(request, form.told)
        return redirect("campaigns:person", user_id)
    page: ActorPage
    page, _ = inspect(user_id, user_of(request))
    response = HttpResponse(live_fragments(page))
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": form.told}})
    return response
