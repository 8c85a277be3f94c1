"""One request: its page, what somebody can do with it, and doing it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals import gateway
from approvals.contract import ApprovalView
from approvals.forms import ACTION_FORMS, CommentForm, RequestActionForm
from approvals.live import live_fragments, request_context
from approvals.notifiers.retries import retries_of
from approvals.views.answers import RequestActionPage, personal_for
from approvals.views.rights import sees_requests, takes_part
from approvals.views.viewer import user_of
from dashboard.access import is_fragment
from dashboard.problem_answers import answers_problems


@require_safe
@never_cache
@sees_requests
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
        "personal": personal_for(request, reading.view, live=not reading.reason),
        "retries": retries_of(reading.retried, timezone.now()),
    }
    return render(request, "approvals/request_detail.html", context)


@require_safe
@never_cache
@sees_requests
@answers_problems
def actions(request: HttpRequest, request_id: str) -> HttpResponse:
    """The personal fragment: what this viewer can do now. ``seen`` is the state version that they have before them."""
    reading = gateway.read_request(request_id, user_of(request))
    seen = request.GET.get("seen", "")
    personal = personal_for(
        request,
        reading.view,
        live=not reading.reason,
        seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= 9 else None,
    )
    context = {"personal": personal, "retries": retries_of(reading.retried, timezone.now())}
    return render(request, "approvals/_request_personal.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@takes_part
@answers_problems
def act(request: HttpRequest, request_id: str, name: str) -> HttpResponse:
    """The form of an action, and its sending. In the dialog or as a page of its own."""
    return RequestActionPage(request, request_id).act(ACTION_FORMS[name])


@require_POST
@never_cache
@takes_part
@answers_problems
def comment(request: HttpRequest, request_id: str) -> HttpResponse:
    """A comment from the foot of the page; what was typed stays there when it cannot be taken."""
    return CommentPage(request, request_id).act(CommentForm)


class CommentPage(RequestActionPage):
    def draw(
        self, form: RequestActionForm, *, status: int = 200, problem: gateway.ApprovalProblem | None = None
    ) -> HttpResponse:
        if not is_fragment(self.request):
            return super().draw(form, status=status, problem=problem)
        context = {"form": form, "request_id": self.thing_id, "problem": problem}
        return render(self.request, "approvals/_say.html", context, status=status)

    def done(self, form: RequestActionForm, view: ApprovalView) -> HttpResponse:
        if not is_fragment(self.request):
            return super().done(form, view)
        context = {"fragments": live_fragments(self.read()), "form": CommentForm(), "request_id": self.thing_id}
        return render(self.request, "approvals/_commented.html", context)


@require_safe
@sees_requests
@answers_problems
def attachment(request: HttpRequest, request_id: str, attachment_id: UUID) -> HttpResponse:
    """The file itself, always to be saved: nothing that somebody sent is ever drawn by the browser here."""
    row = gateway.open_attachment(request_id, str(attachment_id), user_of(request))
    with row.file.open("rb") as file:
        response = HttpResponse(file.read(), content_type=row.content_type)
    response["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response
