"""Writing a campaign: a new one, a change of a draft, another one like one that was."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import gateway
from campaigns.contract import CampaignStatus
from campaigns.editor_form import EditorForm, audience_count, initial_of
from campaigns.gateway.rights import EDIT, SEE_CAMPAIGNS, seen_campaign
from campaigns.models import Campaign
from campaigns.views.viewer import user_of
from dashboard.access import requires
from dashboard.problem_answers import answers_problems, status_of_problem


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(EDIT, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def new(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if request.method != "POST":
        like = request.GET.get("like", "")
        initial = initial_of(seen_campaign(user, like), is_copy=True) if like else None
        return _draw(request, EditorForm(user, initial=initial))
    form = EditorForm(user, request.POST)
    if redrawn := _with_template(request, form):
        return redrawn
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    try:
        view = form.create(user)
    except gateway.NotPermitted:
        raise
    except gateway.CampaignProblem as problem:
        return _refused(request, form, problem)
    messages.success(request, "The draft is kept. Look at it, then launch it.")
    return redirect("campaigns:detail", view.campaign_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(EDIT, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def edit(request: HttpRequest, campaign_id: str) -> HttpResponse:
    user = user_of(request)
    row = seen_campaign(user, campaign_id)
    if request.method != "POST":
        if row.status != CampaignStatus.DRAFT:
            messages.error(request, "It is launched: its text and its audience are fixed. You can make another one.")
            return redirect("campaigns:detail", campaign_id)
        return _draw(request, EditorForm(user, initial=initial_of(row)), row)
    form = EditorForm(user, request.POST)
    if redrawn := _with_template(request, form, row):
        return redrawn
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, row, status=422)
    over = request.POST.get("over", "")
    try:
        form.change(campaign_id, user, over=int(over) if over.isascii() and over.isdigit() and len(over) < 10 else None)
    except (gateway.NotPermitted, gateway.CampaignNotFound):
        raise
    except gateway.CampaignProblem as problem:
        return _refused(request, form, problem, row)
    messages.success(request, "The draft is kept.")
    return redirect("campaigns:detail", campaign_id)


@require_POST  # many ids do not fit into an address
@requires(EDIT, hidden_without=SEE_CAMPAIGNS)
def count(request: HttpRequest) -> HttpResponse:
    """How many would get what is being typed."""
    typed = request.POST
    number = audience_count(typed.get("audience_kind", ""), typed.get("segment", ""), typed.get("user_ids", ""))
    return render(request, "campaigns/_audience_count.html", _audience(EditorForm(user_of(request)), number))


def _with_template(request: HttpRequest, form: EditorForm, row: Campaign | None = None) -> HttpResponse | None:
    """Taking a template's text is a way to type: nothing is checked and nothing is kept yet."""
    if request.POST.get("do") != "template":
        return None
    form.take_template()
    again = EditorForm(user_of(request), initial={name: form.data.get(name, "") for name in form.fields})
    again.fields["idempotency_key"].initial = form.data.get("idempotency_key", "")
    return _draw(request, again, row)


def _refused(
    request: HttpRequest, form: EditorForm, problem: gateway.CampaignProblem, row: Campaign | None = None
) -> HttpResponse:
    if isinstance(problem, gateway.InvalidRequest):
        form.blame(problem.field, problem.detail)
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    if row is not None:
        row.refresh_from_db()
    response = _draw(request, form, row, status=status_of_problem(problem), problem=problem)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _draw(
    request: HttpRequest,
    form: EditorForm,
    row: Campaign | None = None,
    *,
    status: int = 200,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    number = audience_count(*(str(form[name].value() or "") for name in ("audience_kind", "segment", "user_ids")))
    context = {
        "nav": "campaigns",
        "form": form,
        "row": row,
        "problem": None if isinstance(problem, gateway.InvalidRequest) else problem,
        "is_stale": problem is not None and problem.code == "stale",
        **_audience(form, number),
    }
    return render(request, "campaigns/campaign_form.html", context, status=status)


def _audience(form: EditorForm, number: int | None) -> dict[str, object]:
    above = form.settings.approval_above
    return {
        "audience": number,
        "approval_above": above,
        "needs_approval": number is not None and above is not None and number > above,
    }
