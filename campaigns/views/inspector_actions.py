"""Changing what a person wants and may get, and a test to them: the form, in the dialog or as a page, and its sending."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from campaigns import gateway
from campaigns.inspector.cap_form import CapForm
from campaigns.inspector.forms import PersonForm, TestForm
from campaigns.inspector.page import ActorPage
from campaigns.inspector.preference_form import PreferencesForm, Stale
from campaigns.inspector.suppression_forms import EraseForm, LiftForm, SuppressForm
from campaigns.live_actor import SEE, inspect, live_fragments
from campaigns.views.person import rights_of, user_of
from dashboard.access import requires
from dashboard.form_pages import ActionPage
from dashboard.keyed_forms import ActionForm
from dashboard.problem_answers import answers_problems
from temporal_worker.problems import Problem

FORMS: dict[str, type[PersonForm]] = {
    "preferences": PreferencesForm,
    "cap": CapForm,
    "suppression": SuppressForm,
    "lifting": LiftForm,
    "erasure": EraseForm,
    "test": TestForm,
}
_Form = ActionForm[ActorPage, User, None]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def act(request: HttpRequest, user_id: str, name: str) -> HttpResponse:
    form_class = FORMS[name]
    if not request.user.has_perm(form_class.right):
        raise PermissionDenied
    return PersonActionPage(request, user_id).act(form_class)


class PersonActionPage(ActionPage[ActorPage, User, None]):
    fragment, template = "campaigns/_inspector_form.html", "campaigns/inspector_action.html"
    detail = "campaigns:person"
    beyond = (gateway.ContactNotFound, gateway.NotPermitted)

    def read(self) -> ActorPage:
        page, _ = inspect(self.thing_id, self.actor)
        return page

    @property
    def actor(self) -> User:
        return user_of(self.request)

    def context(self, form: _Form) -> dict[str, Any]:
        return {"nav": "people", "user_id": self.thing_id}

    def filled(self, form_class: type[_Form]) -> _Form:
        form = super().filled(form_class)
        form.prepare(self.thing, self.actor)
        return form

    def refused(self, form: _Form, problem: Problem) -> HttpResponse:
        if isinstance(problem, Stale):
            return self.again(form, status=409)  # the form says it, at what has changed
        return super().refused(form, problem)

    def changed(self, answer: None) -> HttpResponse:
        """The page as it is now: an update's answer has no decisions, so it is read anew."""
        page = self.read()
        # The actions are the viewer's own: no live fragment has them.
        offered = {"page": page, **rights_of(self.actor), "oob": True}
        return HttpResponse(live_fragments(page) + render_to_string("campaigns/_inspector_hold.html", offered))
