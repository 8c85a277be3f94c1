"""What the columns of an uploaded file mean: asked with a guess, and with what the first rows become."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.contract import Door
from campaigns.gateway import imports, uploads
from campaigns.gateway.welcome import GREET
from campaigns.import_forms import ColumnsForm
from campaigns.import_preview import Preview, preview_of
from dashboard.access import requires
from dashboard.problem_answers import answers_problems, status_of_problem
from temporal_worker.problems import InvalidRequest, NotFound, Problem, Refused, Unavailable


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(imports.IMPORT, hidden_without=imports.SEE)
@answers_problems
def columns(request: HttpRequest, import_id: str) -> HttpResponse:
    try:
        sample = uploads.sample_of(import_id, _user(request))
    except Refused:
        return redirect("campaigns:import", import_id)  # it has begun
    may_greet = request.user.has_perm(GREET)
    if request.method != "POST":
        return _draw(request, import_id, ColumnsForm(sample=sample, may_greet=may_greet))
    form = ColumnsForm(request.POST, sample=sample, may_greet=may_greet)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, import_id, form, status=422)
    said = {name: form.cleaned_data.get(name, False) for name in ("mapping", "unattended", "greets")}
    try:
        uploads.begin(import_id, user=_user(request), door=Door.WEB, **said)
    except NotFound:
        raise
    except Problem as problem:
        if isinstance(problem, InvalidRequest):
            form.blame("", problem.detail)
        form.show_again(keep_key=isinstance(problem, Unavailable))
        return _draw(request, import_id, form, status=status_of_problem(problem), problem=problem)
    return redirect("campaigns:import", import_id)


@require_POST
@requires(imports.IMPORT, hidden_without=imports.SEE)
@answers_problems
def preview(request: HttpRequest, import_id: str) -> HttpResponse:
    """What the first rows become with what is said so far. Changes nothing."""
    try:
        sample = uploads.sample_of(import_id, _user(request))
    except NotFound:
        raise
    except Problem as problem:
        context = {"preview": Preview([], problem.detail)}
        return render(request, "campaigns/_imports_preview.html", context, status=status_of_problem(problem))
    found = _preview(ColumnsForm(request.POST, sample=sample))
    return render(request, "campaigns/_imports_preview.html", {"preview": found})


def _preview(form: ColumnsForm) -> Preview:
    """Of a form that was not sent, or not filled in right, what the headings say by themselves."""
    if not form.is_bound:
        return preview_of(form.sample, form.guessed_mapping)
    form.is_valid()
    if form.errors:
        return Preview([], str(next(iter(form.errors.values()))[0]))
    return preview_of(form.sample, form.cleaned_data["mapping"])


def _draw(
    request: HttpRequest, import_id: str, form: ColumnsForm, *, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    context = {
        "nav": "contacts",
        "import_id": import_id,
        "name": imports.read_import(import_id, _user(request)).name or import_id,
        "form": form,
        "preview": _preview(form),
        "problem": None if isinstance(problem, InvalidRequest) else problem,
        "unavailable": isinstance(problem, Unavailable),
    }
    response = render(request, "campaigns/imports_columns.html", context, status=status)
    if isinstance(problem, Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response
