"""Deciding a request: from the card of its page, from a row of the inbox, or as a form of its own."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals import gateway, listing
from approvals.contract import ApprovalView
from approvals.forms import DecisionForm, RequestActionForm
from approvals.views.answers import RequestActionPage, page_answer, personal_for, row_answer
from approvals.views.rights import takes_part
from dashboard.access import is_fragment
from dashboard.form_pages import with_retry_after
from dashboard.problem_answers import answers_problems, status_of_problem


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@takes_part
@answers_problems
def decision(request: HttpRequest, request_id: str) -> HttpResponse:
    """Approve or reject: from the card of the page, from a row of the inbox, or as a form of its own."""
    return DecisionPage(request, request_id).act(DecisionForm)


class DecisionPage(RequestActionPage):
    """``place`` is where somebody decides, ``card`` or ``row``; the answer is drawn there."""

    @property
    def place(self) -> str:
        return self.request.POST.get("place", "")

    def blank(self, form_class: type[RequestActionForm]) -> RequestActionForm:
        asked = self.request.GET
        wanted = "approve" if asked.get("decision") == "approve" else "reject"
        return form_class(initial={"decision": wanted, "place": asked.get("place", "")})

    def done(self, form: RequestActionForm, view: ApprovalView) -> HttpResponse:
        """The row, or the page, as the decision has left it, drawn from its own answer."""
        if self.place != "row":
            return super().done(form, view)
        told = f"{form.told[:-1]}: {view.title}"
        if is_fragment(self.request):
            return row_answer(self.request, view, told, done=form.told)
        listing.wait_for(view.request_id, view.version)
        messages.success(self.request, told)
        return redirect("approvals:list")

    def refused(self, form: RequestActionForm, problem: gateway.ApprovalProblem) -> HttpResponse:
        """In a row it says so itself; what was typed in the dialog stays there, unless the request has moved on."""
        in_row = is_fragment(self.request) and self.place == "row"
        if not in_row or (_is_in_dialog(self.request) and not isinstance(problem, gateway.RequestRefused)):
            return super().refused(form, problem)
        again = form if isinstance(problem, gateway.Unavailable) else None
        status = status_of_problem(problem)
        row = row_answer(self.request, self.read(), "It was not taken.", problem=problem, again=again, status=status)
        return with_retry_after(row, problem)

    def again(
        self, form: RequestActionForm, *, status: int, problem: gateway.ApprovalProblem | None = None
    ) -> HttpResponse:
        """Why it was not taken, beside the request as it is now; what was typed stays."""
        if not is_fragment(self.request) or self.place != "card":
            return super().again(form, status=status, problem=problem)
        assert isinstance(form, DecisionForm)
        form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
        view = self.read()
        personal = personal_for(self.request, view, live=True).with_form(form, problem)
        return with_retry_after(page_answer(self.request, view, personal, status=status), problem)


def _is_in_dialog(request: HttpRequest) -> bool:
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return bool(htmx.target == "dialog-body")
