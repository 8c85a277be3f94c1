"""Imports: the list, a file handed in, and one import's page with its stages."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.contract import Door, ImportStage
from campaigns.gateway import imports, uploads
from campaigns.import_forms import CancelForm, UploadForm
from campaigns.import_pages import import_page, imports_page, problems_page, sample_changes
from campaigns.import_projection import COUNTER
from campaigns.live_imports import row_fragments
from campaigns.models import AudienceImport
from dashboard.access import is_fragment, requires
from dashboard.problem_answers import answers_problems, status_of_problem
from temporal_worker.models import ChangeCounter
from temporal_worker.problems import InvalidRequest, NotFound, Problem, Unavailable

SEE = imports.SEE
IMPORT = imports.IMPORT
_TOLD = {
    ImportStage.VALIDATE: "Its rows are compared with the contacts now.",
    ImportStage.TRANSFORM: "The contacts are written now.",
}


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
def import_list(request: HttpRequest) -> HttpResponse:
    # The counter is read before the rows, so that nothing falls between the two.
    change = ChangeCounter.read().get(COUNTER, 0)
    page = imports_page(_number(request))
    context = {
        "nav": "contacts",
        "tab": "imports",
        "page": page,
        "rows": row_fragments(page),
        "change": change,
        "shown": ",".join(row.import_id for row in page),
        "newest": max((row.pk for row in page), default=0),
        "may_import": request.user.has_perm(IMPORT),
    }
    return render(request, "campaigns/imports_list.html", context)


def _number(request: HttpRequest) -> int:
    text = request.GET.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 1


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(IMPORT, hidden_without=SEE)
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _draw_upload(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw_upload(request, form, status=422)
    file: UploadedFile = form.cleaned_data["file"]
    try:
        assert file.file is not None
        view = imports.start_import(
            user=_user(request),
            door=Door.WEB,
            file=file.file,
            name=file.name or "contacts.csv",
            key=form.key,
            asks_columns=True,
        )
    except Problem as problem:
        if isinstance(problem, InvalidRequest):
            form.blame(problem.field, problem.detail)
        form.show_again(keep_key=isinstance(problem, Unavailable))
        return _draw_upload(request, form, status=status_of_problem(problem), problem=problem)
    return redirect("campaigns:import_columns", view.import_id)


def _draw_upload(
    request: HttpRequest, form: UploadForm, *, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    shown = None if isinstance(problem, InvalidRequest) else problem
    context = {"nav": "contacts", "form": form, "problem": shown, "unavailable": isinstance(problem, Unavailable)}
    response = render(request, "campaigns/imports_new.html", context, status=status)
    if isinstance(problem, Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def detail(request: HttpRequest, import_id: str) -> HttpResponse:
    context = {**_context(request, import_id), "nav": "contacts"}
    return render(request, "campaigns/imports_detail.html", context)


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def actions(request: HttpRequest, import_id: str) -> HttpResponse:
    """The personal fragments: what this viewer can do now, and which rows of the file they may see."""
    return render(request, "campaigns/_imports_personal.html", _context(request, import_id))


def _context(request: HttpRequest, import_id: str) -> dict[str, object]:
    user = _user(request)
    view = imports.read_import(import_id, user)
    row = AudienceImport.objects.get(import_id=import_id)
    page = import_page(row, view)
    waits_to_write = page.waits_for == ImportStage.TRANSFORM
    return {
        "page": page,
        "changes": sample_changes(row) if waits_to_write and user.has_perm("campaigns.view_contact") else [],
        "problems": problems_page(row, _number(request)),
        "may_import": user.has_perm(IMPORT),
    }


@require_POST
@requires(IMPORT, hidden_without=SEE)
@answers_problems
def go_on(request: HttpRequest, import_id: str, stage: ImportStage) -> HttpResponse:
    """The word that a stage is complete. Pressed twice it is said once."""
    try:
        imports.go_on(import_id, stage, user=_user(request), door=Door.WEB)
    except NotFound:
        raise
    except Problem as problem:
        messages.error(request, problem.detail)
    else:
        messages.success(request, _TOLD[stage])
    return redirect("campaigns:import", import_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(IMPORT, hidden_without=SEE)
@answers_problems
def cancel(request: HttpRequest, import_id: str) -> HttpResponse:
    if request.method != "POST":
        imports.read_import(import_id, _user(request))
        return _draw_cancel(request, import_id, CancelForm())
    form = CancelForm(request.POST)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw_cancel(request, import_id, form, status=422)
    try:
        reason = form.cleaned_data["reason"]
        if uploads.discard(import_id, user=_user(request), reason=reason.strip()) is None:
            imports.cancel_import(import_id, user=_user(request), door=Door.WEB, reason=reason, key=form.key)
    except NotFound:
        raise
    except Problem as problem:
        form.show_again(keep_key=isinstance(problem, Unavailable))
        return _draw_cancel(request, import_id, form, status=status_of_problem(problem), problem=problem)
    messages.success(request, "The import is cancelled. Nothing of its file is kept.")
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect("campaigns:import", import_id)


def _draw_cancel(
    request: HttpRequest, import_id: str, form: CancelForm, *, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    context = {"nav": "contacts", "import_id": import_id, "form": form, "problem": problem}
    template = "campaigns/_imports_cancel.html" if is_fragment(request) else "campaigns/imports_cancel.html"
    return render(request, template, context, status=status)


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def download(request: HttpRequest, import_id: str) -> HttpResponse:
    """What is wrong with the file, by row, as CSV."""
    lines = imports.read_problems(import_id, _user(request))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{import_id}-problems.csv"'
    return cast(HttpResponse, response)  # a response all the same, which Django gives another base
