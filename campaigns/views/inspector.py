"""One person's page, what it answers, and every decision about them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns import gateway
from campaigns.gateway.rights import EXPORT, SEND
from campaigns.inspector.answer import Answer, answer_of
from campaigns.inspector.clock import Clock
from campaigns.inspector.decisions import Entry, entries
from campaigns.inspector.facts import campaign_names
from campaigns.inspector.forms import AskForm, known_categories
from campaigns.inspector.page import ActorPage
from campaigns.live_actor import SEE, inspect, live_fragments, page_context
from campaigns.models import SendLog
from campaigns.views.person import offers_stampede, rights_of, user_of
from dashboard.access import requires
from dashboard.problem_answers import answers_problems

LOG_PAGE = 50


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def person(request: HttpRequest, user_id: str) -> HttpResponse:
    """The page; with ``ask`` in the query its question is answered too, for browsers without scripts."""
    user = user_of(request)
    page, _ = inspect(user_id, user)
    asked = _asked(request, user_id, page) if "ask" in request.GET else {"sim": AskForm()}
    context = {
        "nav": "people",
        "user_id": user_id,
        **rights_of(user),
        "may_send": user.has_perm(SEND),
        "stampedes": offers_stampede(user),
        "categories": known_categories(),
        **page_context(page),
        **asked,
    }
    return render(request, "campaigns/inspector.html", context, status=_status(asked))


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def now(request: HttpRequest, user_id: str) -> HttpResponse:
    """All that the page shows, as it is at this moment: asked for when a moment comes that needs no message to matter."""
    page, _ = inspect(user_id, user_of(request))
    return HttpResponse(live_fragments(page))


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def answer(request: HttpRequest, user_id: str) -> HttpResponse:
    """*Would this be allowed?*, the card alone."""
    page, _ = inspect(user_id, user_of(request))
    asked = _asked(request, user_id, page)
    context = {"user_id": user_id, "categories": known_categories(), **asked}
    return render(request, "campaigns/_inspector_sim.html", context, status=_status(asked))


def _asked(request: HttpRequest, user_id: str, page: ActorPage) -> dict[str, Any]:
    """The form, and its answer or what is wrong with it. Spends nothing and starts nothing."""
    form = AskForm(request.GET)
    if form.is_valid():
        try:
            return {"sim": form, "answer": _answered(request, user_id, page, form)}
        except gateway.InvalidRequest as problem:
            form.blame(problem.field, problem.detail)
        except gateway.Unavailable as problem:
            return {"sim": form, "sim_problem": problem.detail}
    form.show_again(keep_key=True)
    return {"sim": form}


def _answered(request: HttpRequest, user_id: str, page: ActorPage, form: AskForm) -> Answer:
    decision = gateway.would_be_allowed(user_id, user=user_of(request), **form.asked())
    return answer_of(decision, page)


def _status(asked: dict[str, Any]) -> int:
    if asked.get("sim_problem"):
        return 503
    return 422 if asked["sim"].errors else 200


@require_safe
@never_cache
@requires(SEE, hidden_without=SEE)
@answers_problems
def log(request: HttpRequest, user_id: str) -> HttpResponse:
    """The send log, by pages, with those of the actor's last decisions that fall among them."""
    page, _ = inspect(user_id, user_of(request))
    before = request.GET.get("before", "")
    before = before if before.isascii() and before.isdigit() and len(before) <= 18 else ""
    rows = SendLog.objects.filter(user_id=user_id).order_by("-pk")
    found = list((rows.filter(pk__lt=int(before)) if before else rows)[: LOG_PAGE + 1])
    shown = found[:LOG_PAGE]
    context = {
        "nav": "people",
        "user_id": user_id,
        "name": page.name,
        "clock": page.clock,
        "with_actor": len(page.view.decisions),
        "entries": _entries(page, shown, is_first=not before, is_last=len(found) <= LOG_PAGE),
        "before": before,
        "older": f"?before={shown[-1].pk}" if len(found) > LOG_PAGE else "",
        "may_export": user_of(request).has_perm(EXPORT),
    }
    return render(request, "campaigns/inspector_log.html", context)


def _entries(page: ActorPage, rows: list[SendLog], *, is_first: bool, is_last: bool) -> list[Entry]:
    newest = None if is_first or not rows else max(row.at for row in rows)
    oldest = None if is_last or not rows else min(row.at for row in rows)
    # What a grant became stands in its own row, which may be on another page.
    elsewhere = set(page.facts.outcomes) - {row.grant_id for row in rows}
    told = [
        one
        for one in page.view.decisions
        if (newest is None or one.at <= newest)
        and (oldest is None or one.at > oldest)
        and not (one.code == "granted" and one.grant_id in elsewhere)
    ]
    names = campaign_names([*(one.campaign_id for one in told), *(row.campaign_id for row in rows)])
    return entries(told, rows, names, Clock(page.clock.zone, page.clock.now, page.clock.is_known))
