"""Deciding many at once: each is seen again before it counts, and each says how it ended."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from approvals import gateway
from approvals.bulk import Selection, progress_of, read_selection
from approvals.forms import BulkForm
from approvals.views.rights import takes_part
from approvals.views.viewer import user_of
from dashboard.problem_answers import answers_problems, status_of_problem


@require_POST
@never_cache
@takes_part
@answers_problems
def bulk(request: HttpRequest) -> HttpResponse:
    """Without ``confirmed`` the page that lists what was selected; with it the start."""
    selection = read_selection(request.POST.getlist("item"), user_of(request), timezone.now())
    if "confirmed" not in request.POST:
        decision = "reject" if request.POST.get("decision") == "reject" else "approve"
        return _draw(request, BulkForm(initial={"decision": decision}), selection)
    form = BulkForm(request.POST)
    if form.is_valid() and not form.approves and selection.needs_reason and not form.cleaned_data["comment"].strip():
        form.add_error("comment", "A rejection needs a reason.")
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, selection, status=422)
    try:
        job = gateway.start_bulk(
            user=user_of(request),
            approved=form.approves,
            comment=form.cleaned_data["comment"],
            items=selection.asked,
            key=form.key,
        )
    except gateway.RequestNotFound:
        raise
    except gateway.ApprovalProblem as problem:
        form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
        return _draw(request, form, selection, status=status_of_problem(problem), problem=problem)
    return redirect("approvals:bulk_job", job.job_id)


@require_safe
@never_cache
@takes_part
@answers_problems
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    found = gateway.read_bulk(job_id, user_of(request))
    return render(
        request, "approvals/bulk_job.html", {"nav": "approvals", "progress": progress_of(found, timezone.now())}
    )


@require_safe
@never_cache
@takes_part
@answers_problems
def progress(request: HttpRequest, job_id: str) -> HttpResponse:
    """How far it is, for the page that waits."""
    found = gateway.read_bulk(job_id, user_of(request))
    return render(request, "approvals/_bulk_progress.html", {"progress": progress_of(found, timezone.now())})


def _draw(
    request: HttpRequest,
    form: BulkForm,
    selection: Selection,
    *,
    status: int = 200,
    problem: gateway.ApprovalProblem | None = None,
) -> HttpResponse:
    context = {"nav": "approvals", "form": form, "selection": selection, "problem": problem}
    return render(request, "approvals/bulk_confirm.html", context, status=status)
