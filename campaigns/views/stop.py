"""Stopping everything: one press for all campaigns that run, and who has stopped by now."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import gateway
from campaigns.contract import CampaignStatus, StopEntry, StopReport, StopState
from campaigns.counts import WAITING
from campaigns.forms import StopForm
from campaigns.gateway.rights import SEE_CAMPAIGNS, STOP_ALL
from campaigns.import_pages import names_of
from campaigns.live import TEXTS
from campaigns.models import Campaign
from campaigns.standing import MORE_TIMES, standing_of
from campaigns.views.viewer import user_of
from dashboard.access import is_fragment, requires
from dashboard.problem_answers import answers_problems, status_of_problem

STATE_MARKS = {
    StopState.TOLD: ("move", "Told, no answer yet"),
    StopState.STOPPED: ("ok", "Stopped"),
    StopState.ENDED: ("ended", "Was over already"),
    StopState.TIMES_PAUSED: ("ok", "Its further times are paused"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(STOP_ALL, hidden_without=SEE_CAMPAIGNS)
def stop(request: HttpRequest) -> HttpResponse:
    form = StopForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _draw(request, form)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    try:
        stop_id = form.send(user_of(request))
    except gateway.CampaignProblem as problem:
        if isinstance(problem, gateway.InvalidRequest):
            form.blame(problem.field, problem.detail)
        form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
        return _draw(request, form, status=status_of_problem(problem), problem=problem)
    page = resolve_url("campaigns:stop_report", stop_id)
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)


@require_safe
@never_cache
@requires(STOP_ALL, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def report(request: HttpRequest, stop_id: str) -> HttpResponse:
    """Who has stopped, asked again every second until all have answered."""
    try:
        found = gateway.read_stop(stop_id, user=user_of(request))
    except gateway.CampaignRefused as problem:
        if problem.code != "unknown_stop":
            raise
        return redirect("campaigns:list")
    by = names_of([found.requested_by]).get(found.requested_by, "")
    context = {"nav": "campaigns", "report": found, "by": by, "entries": _entries(found), "stop_id": stop_id}
    template = "campaigns/_stop_report.html" if is_fragment(request) else "campaigns/stop_report.html"
    return render(request, template, context)


def _entries(report: StopReport) -> list[dict[str, str]]:
    # A recurring one between two times has no workflow that could be told: what is said of its times is all.
    paused = {entry.workflow_id for entry in report.times}
    told = [one for one in report.entries if not (one.state == StopState.ENDED and one.workflow_id in paused)]
    entries = [*told, *report.times]
    ids = [entry.workflow_id.removeprefix("campaign-") for entry in entries]
    rows = {row.campaign_id: row for row in Campaign.objects.filter(campaign_id__in=ids).defer(*TEXTS)}
    return [_entry(entry, campaign_id, rows.get(campaign_id)) for campaign_id, entry in zip(ids, entries, strict=True)]


def _entry(entry: StopEntry, campaign_id: str, row: Campaign | None) -> dict[str, str]:
    mark, word = STATE_MARKS.get(StopState(entry.state), ("idle", entry.state))
    return {
        "campaign_id": campaign_id,
        "name": row.name if row is not None else campaign_id,
        "mark": mark,
        "word": word,
        "status": entry.status.replace("_", " ") or (standing_of(row).replace("_", " ") if row is not None else ""),
        # That nothing of it runs there is no need to say in the server's words.
        "problem": "" if entry.state == StopState.ENDED else entry.problem,
    }


def _draw(
    request: HttpRequest,
    form: StopForm,
    *,
    status: int = 200,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    running = Campaign.objects.filter(status__in=[CampaignStatus.RUNNING, CampaignStatus.PAUSED, *WAITING])
    names = running.exclude(status=CampaignStatus.PAUSED).values_list("name", flat=True)[:50]
    times = Campaign.objects.filter(MORE_TIMES, times_paused_at=None).values_list("name", flat=True)[:50]
    context = {
        "nav": "campaigns",
        "form": form,
        "problem": None if isinstance(problem, gateway.InvalidRequest) else problem,
        "unavailable": isinstance(problem, gateway.Unavailable),
        "names": list(dict.fromkeys([*names, *times])),
    }
    template = "campaigns/_stop_form.html" if is_fragment(request) else "campaigns/stop.html"
    return render(request, template, context, status=status)
