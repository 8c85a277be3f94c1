"""Answers of the request's pages: a form again, a row, or the page as an action has left it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import gateway
from approvals.contract import ApprovalView
from approvals.forms import RequestActionForm
from approvals.live import live_fragments
from approvals.personal import Personal, personal_of
from approvals.presentation import request_row
from approvals.views.viewer import user_of
from dashboard.access import is_fragment
from dashboard.form_pages import ActionPage, close_dialog
from dashboard.keyed_forms import new_key


class RequestActionPage(ActionPage[ApprovalView, User, ApprovalView]):
    template = "approvals/action.html"
    detail = "approvals:detail"

    def read(self) -> ApprovalView:
        return gateway.read_request(self.thing_id, self.actor).view

    @property
    def actor(self) -> User:
        return user_of(self.request)

    def context(self, form: RequestActionForm) -> dict[str, Any]:
        return {"nav": "approvals", "request_id": self.thing_id}

    def done(self, form: RequestActionForm, view: ApprovalView) -> HttpResponse:
        if is_fragment(self.request) and _is_in_inbox(self.request):
            return row_answer(self.request, view, form.told)
        return super().done(form, view)

    def changed(self, view: ApprovalView) -> HttpResponse:
        """Read anew: an update's answer has only its own entries of the trail."""
        newest = self.read()
        return page_answer(self.request, newest if newest.version >= view.version else view)


def personal_for(request: HttpRequest, view: ApprovalView, *, live: bool, seen: int | None = None) -> Personal:
    return personal_of(view, user_of(request), datetime.now(UTC), live=live, seen=seen)


def page_answer(
    request: HttpRequest, view: ApprovalView, personal: Personal | None = None, *, status: int = 200
) -> HttpResponse:
    """The fragments of the request's page."""
    personal = personal or personal_for(request, view, live=True)
    context = {"fragments": live_fragments(view), "oob": True, "personal": personal}
    return render(request, "approvals/_action_done.html", context, status=status)


def row_answer(
    request: HttpRequest,
    view: ApprovalView,
    told: str,
    *,
    done: str = "",
    problem: gateway.ApprovalProblem | None = None,
    again: RequestActionForm | None = None,
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
    return close_dialog(render(request, "approvals/_request_row.html", context, status=status), told)


def _is_in_inbox(request: HttpRequest) -> bool:
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return (htmx.current_url_abs_path or "").partition("?")[0] == reverse("approvals:list")
