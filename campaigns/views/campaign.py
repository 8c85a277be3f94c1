"""One campaign: its page, what can be done with it, and doing it."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import gateway
from campaigns.actions import actions_for
from campaigns.contract import CampaignView
from campaigns.forms import ACTION_FORMS, CampaignActionForm
from campaigns.gateway.rights import EXPORT, SEE_CAMPAIGNS, SEE_CONTACTS, SEND, seen_campaign
from campaigns.live import live_fragments, page_of
from campaigns.presentation import CampaignPage
from campaigns.views.viewer import user_of
from dashboard import health_watch
from dashboard.access import requires
from dashboard.form_pages import ActionPage
from dashboard.problem_answers import answers_problems

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
    return CampaignActionPage(request, campaign_id).act(ACTION_FORMS[name])


class CampaignActionPage(ActionPage[CampaignPage, User, CampaignView]):
    fragment, template = "campaigns/_action_form.html", "campaigns/action.html"
    detail = "campaigns:detail"
    beyond = (gateway.CampaignNotFound, gateway.NotPermitted)

    def read(self) -> CampaignPage:
        return page_of(seen_campaign(self.actor, self.thing_id))

    @property
    def actor(self) -> User:
        return user_of(self.request)

    def context(self, form: CampaignActionForm) -> dict[str, Any]:
        return {"nav": "campaigns", "page": self.thing}

    def refused(self, form: CampaignActionForm, problem: gateway.CampaignProblem) -> HttpResponse:
        if isinstance(problem, gateway.ContactNotFound):
            if not self.actor.has_perm(SEE_CONTACTS):
                raise problem  # an id that this person may not see is no mistake of typing
            problem = gateway.InvalidRequest("user_id", problem.detail)
        if isinstance(problem, gateway.InvalidRequest) and problem.field not in form.fields:
            words = TOP_FIELDS.get(problem.field, problem.field)
            problem = gateway.InvalidRequest(problem.field, f"{words}: {problem.detail}")
        return super().refused(form, problem)

    def changed(self, view: CampaignView) -> HttpResponse:
        """Drawn from the action's own answer."""
        page = page_of(seen_campaign(self.actor, self.thing_id), view)
        context = {"fragments": live_fragments(page), "page": page, "oob": True, **_actions(self.request, page)}
        return render(self.request, "campaigns/_action_done.html", context)


def _actions(request: HttpRequest, page: CampaignPage) -> dict[str, Any]:
    found = actions_for(page, user_of(request))
    reasons = {action.reason for action in found if action.reason}
    # One sentence for all of them stands on the page; different ones stand at each.
    every = reasons.pop() if len(reasons) == 1 and not any(action.allowed for action in found) else ""
    return {"actions": found, "reason_for_all": every}
