"""One campaign: its page, what can be done with it, and doing it."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import gateway
from campaigns.actions import actions_for
from campaigns.contract import CampaignView
from campaigns.forms import ACTION_FORMS, ActionForm
from campaigns.gateway.rights import EXPORT, SEE_CAMPAIGNS, SEND, seen_campaign
from campaigns.live import live_fragments, page_of
from campaigns.presentation import CampaignPage
from campaigns.views.viewer import user_of
from dashboard import health_watch
from dashboard.access import is_fragment, requires
from dashboard.problem_answers import answers_problems, status_of_problem

TOP_FIELDS = {"body_text": "Text", "subject": "Subject", "body_html": "HTML", "audience": "Audience", "recurs": "Times"}
"""Fields of the draft that an action finds wrong; its own form has them not."""


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def detail(request: HttpRequest, campaign_id: str) -> HttpResponse:
    page = page_of(seen_campaign(user_of(request), campaign_id))
    context = {
        "nav": "campaigns",
        "page": page,
        "is_well": health_watch.current().is_well,
        "may_export": request.user.has_perm(EXPORT),
        **_actions(request, page),
    }
    return render(request, "campaigns/campaign_detail.html", context)


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def actions(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The personal fragment: what this viewer can do now."""
    page = page_of(seen_campaign(user_of(request), campaign_id))
    return render(request, "campaigns/_campaign_actions.html", {"page": page, **_actions(request, page)})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(SEND, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def act(request: HttpRequest, campaign_id: str, name: str) -> HttpResponse:
    """The form of an action, and its sending. In the dialog or as a page of its own."""
    user = user_of(request)
    if request.method != "POST":
        form = ACTION_FORMS[name]()
        return _draw_form(request, campaign_id, form)
    form = ACTION_FORMS[name](request.POST)
    if not form.is_valid():
        return _form_again(request, campaign_id, form, status=422)
    try:
        view = form.send(campaign_id, user)
    except (gateway.CampaignNotFound, gateway.NotPermitted):
        raise
    except gateway.CampaignProblem as problem:
        return _refused(request, campaign_id, form, problem)
    return _done(request, campaign_id, view, form.told)


def _actions(request: HttpRequest, page: CampaignPage) -> dict[str, Any]:
    found = actions_for(page, user_of(request))
    reasons = {action.reason for action in found if action.reason}
    # One sentence for all of them stands on the page; different ones stand at each.
    every = reasons.pop() if len(reasons) == 1 and not any(action.allowed for action in found) else ""
    return {"actions": found, "reason_for_all": every}


def _refused(
    request: HttpRequest, campaign_id: str, form: ActionForm, problem: gateway.CampaignProblem
) -> HttpResponse:
    if isinstance(problem, (gateway.InvalidRequest, gateway.ContactNotFound)):
        field = problem.field if isinstance(problem, gateway.InvalidRequest) else "user_id"
        known = field in form.fields
        form.blame(field, problem.detail if known else f"{TOP_FIELDS.get(field, field)}: {problem.detail}")
        return _form_again(request, campaign_id, form, status=422)
    return _form_again(request, campaign_id, form, status=status_of_problem(problem), problem=problem)


def _form_again(
    request: HttpRequest,
    campaign_id: str,
    form: ActionForm,
    *,
    status: int,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    """The form with what was typed and the reason; after a 503 with its key, so that pressing again is safe."""
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    response = _draw_form(request, campaign_id, form, status=status, problem=problem)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _draw_form(
    request: HttpRequest,
    campaign_id: str,
    form: ActionForm,
    *,
    status: int = 200,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    user = user_of(request)
    page = page_of(seen_campaign(user, campaign_id))
    try:
        form.prepare(page, user)
    except gateway.InvalidRequest as wrong:
        problem = problem or wrong
    context = {
        "nav": "campaigns",
        "page": page,
        "form": form,
        "problem": problem,
        "unavailable": isinstance(problem, gateway.Unavailable),
    }
    template = "campaigns/_action_form.html" if is_fragment(request) else "campaigns/action.html"
    return render(request, template, context, status=status)


def _done(request: HttpRequest, campaign_id: str, view: CampaignView, told: str) -> HttpResponse:
    """The page as the action has left it, drawn from its own answer."""
    if not is_fragment(request):
        messages.success(request, told)
        return redirect("campaigns:detail", campaign_id)
    page = page_of(seen_campaign(user_of(request), campaign_id), view)
    context = {"fragments": live_fragments(page), "page": page, "oob": True, **_actions(request, page)}
    response = render(request, "campaigns/_action_done.html", context)
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response
