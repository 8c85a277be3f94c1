"""Asking for approval: the form, and who would decide."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from approvals import gateway
from approvals.contract import ApprovalView
from approvals.forms import RequestForm
from approvals.preview import Preview, preview_of
from approvals.views.rights import takes_part
from approvals.views.viewer import user_of
from dashboard.form_pages import FormPage


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@takes_part
def new(request: HttpRequest) -> HttpResponse:
    page = NewRequestPage(request)
    if request.method != "POST":
        return page.draw(RequestForm(initial={"kind": request.GET.get("kind", "")}))
    form = RequestForm(request.POST)
    if not form.is_valid():
        return page.again(form, status=422)
    try:
        view = form.send(user_of(request))
    except gateway.ApprovalProblem as problem:
        return page.refused(form, problem)
    _attach_files(request, form, view)
    messages.success(request, "Your request is on its way.")
    return redirect("approvals:detail", view.request_id)


class NewRequestPage(FormPage[RequestForm]):
    template = "approvals/request_form.html"

    def context(self, form: RequestForm) -> dict[str, Any]:
        preview = _preview(self.request, RequestForm(self.request.POST)) if form.is_bound else Preview()
        return {"nav": "approvals", "preview": preview}


@require_safe
@takes_part
def preview(request: HttpRequest) -> HttpResponse:
    """Who would decide what is typed."""
    return render(request, "approvals/_preview.html", {"preview": _preview(request, RequestForm(request.GET))})


def _preview(request: HttpRequest, form: RequestForm) -> Preview:
    if not form.is_bound:
        return Preview()
    form.is_valid()
    cleaned = getattr(form, "cleaned_data", {})
    return preview_of(user_of(request), cleaned.get("kind", ""), cleaned.get("amount"), is_amount="amount" in cleaned)


def _attach_files(request: HttpRequest, form: RequestForm, view: ApprovalView) -> None:
    """A file that is not taken does not take the request back: it says why, and can be attached on its page."""
    files = [file for file in request.FILES.getlist("files") if isinstance(file, UploadedFile)]
    try:
        form.attach(view.request_id, user_of(request), files)
    except gateway.ApprovalProblem as problem:
        messages.error(request, f"The request was sent; a file was not attached: {problem.detail}")
