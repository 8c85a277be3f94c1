"""Pages on which people type and send: nothing typed is lost, and what stands against it is beside it.

A :class:`FormPage` is one form on a page of its own; an :class:`ActionPage` is an action on one process – an order, a
request – whose form opens in the dialog of its page, or as a page without scripts. An area says in a subclass what it is
about; a view makes one for its request.
"""

import json
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dashboard.access import is_fragment
from dashboard.keyed_forms import ActionForm, Actor, Answer, KeyedForm, Thing
from dashboard.problem_answers import status_of_problem
from temporal_worker.problems import InvalidRequest, NotFound, Problem, Unavailable

Form = TypeVar("Form", bound=KeyedForm)


class FormPage(Generic[Form]):
    template: ClassVar[str]

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def context(self, form: Form) -> dict[str, Any]:
        """What the template shows beside the form."""
        return {}

    def draw(self, form: Form, *, status: int = 200, problem: Problem | None = None) -> HttpResponse:
        return render(self.request, self.template, self._context(form, problem), status=status)

    def again(self, form: Form, *, status: int, problem: Problem | None = None) -> HttpResponse:
        """The form with what was typed and the reason; after a 503 with its key, so that pressing again is safe."""
        form.show_again(keep_key=isinstance(problem, Unavailable))
        return with_retry_after(self.draw(form, status=status, problem=problem), problem)

    def refused(self, form: Form, problem: Problem) -> HttpResponse:
        """Why it was not done: beside the field that it is about, or above the form."""
        if isinstance(problem, InvalidRequest):
            form.blame(problem.field, problem.detail)
            return self.again(form, status=422)
        return self.again(form, status=status_of_problem(problem), problem=problem)

    def _context(self, form: Form, problem: Problem | None) -> dict[str, Any]:
        unavailable = isinstance(problem, Unavailable)
        return {"form": form, "problem": problem, "unavailable": unavailable, **self.context(form)}


class ActionPage(FormPage[ActionForm[Thing, Actor, Answer]], Generic[Thing, Actor, Answer]):
    """``detail`` is the name of the page that the action belongs to; its address takes the process's id.

    Problems that are ``beyond`` the form are left to :func:`dashboard.problem_answers.answers_problems`.
    """

    fragment: ClassVar[str] = "_action_form.html"
    detail: ClassVar[str]
    beyond: ClassVar[tuple[type[Problem], ...]] = (NotFound,)

    def __init__(self, request: HttpRequest, thing_id: str) -> None:
        super().__init__(request)
        self.thing_id = thing_id

    # ── What an area says ────────────────────────────────────────────────────────────────────────────────────────────

    def read(self) -> Thing:
        """The process as it is now, as this viewer sees it. Raises :class:`temporal_worker.problems.Problem`."""
        raise NotImplementedError

    @property
    def actor(self) -> Actor:
        """Who acts, as the area's gateway takes it."""
        raise NotImplementedError

    def changed(self, answer: Answer) -> HttpResponse:
        """The fragments of the process's page, as the action has left it."""
        raise NotImplementedError

    # ── What happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def thing(self) -> Thing:
        """Read once, when the form is drawn: after it was sent, if it was."""
        return self.read()

    def act(self, form_class: type[ActionForm[Thing, Actor, Answer]]) -> HttpResponse:
        """The form, or its sending."""
        if self.request.method != "POST":
            form = self.blank(form_class)
            return self.draw(form, problem=self.prepare(form))
        form = self.filled(form_class)
        if not form.is_valid():
            return self.again(form, status=422)
        try:
            answer = form.send(self.thing_id, self.actor)
        except self.beyond:
            raise
        except Problem as problem:
            return self.refused(form, problem)
        return self.done(form, answer)

    def blank(self, form_class: type[ActionForm[Thing, Actor, Answer]]) -> ActionForm[Thing, Actor, Answer]:
        return form_class()

    def filled(self, form_class: type[ActionForm[Thing, Actor, Answer]]) -> ActionForm[Thing, Actor, Answer]:
        """With what was sent, before it is looked at."""
        return form_class(self.request.POST, self.request.FILES)

    def prepare(self, form: ActionForm[Thing, Actor, Answer]) -> Problem | None:
        """Fill the form in. What stands against that is shown in it; when nobody can be asked, only what was typed is."""
        try:
            form.prepare(self.thing, self.actor)
        except InvalidRequest as wrong:
            return wrong
        except Unavailable as problem:
            if not form.is_bound:
                raise
            return problem
        return None

    def draw(
        self, form: ActionForm[Thing, Actor, Answer], *, status: int = 200, problem: Problem | None = None
    ) -> HttpResponse:
        template = self.fragment if is_fragment(self.request) else self.template
        context = {"back": reverse(self.detail, args=[self.thing_id]), **self._context(form, problem)}
        return render(self.request, template, context, status=status)

    def again(
        self, form: ActionForm[Thing, Actor, Answer], *, status: int, problem: Problem | None = None
    ) -> HttpResponse:
        unprepared = self.prepare(form)
        return super().again(form, status=status, problem=problem or unprepared)

    def done(self, form: ActionForm[Thing, Actor, Answer], answer: Answer) -> HttpResponse:
        if not is_fragment(self.request):
            messages.success(self.request, form.told)
            return redirect(self.detail, self.thing_id)
        return close_dialog(self.changed(answer), form.told)


def with_retry_after(response: HttpResponse, problem: Problem | None) -> HttpResponse:
    """When nobody was there to ask, the answer says when to ask again."""
    if isinstance(problem, Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def close_dialog(response: HttpResponse, told: str) -> HttpResponse:
    """The browser closes the dialog and shows the short note (``static/js/forms.js``)."""
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response
