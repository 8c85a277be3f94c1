"""A stampede, for show: many campaigns ask for one person at one moment. By a socket each answer is shown as it comes;
without scripts the form is sent, and the page comes with all of them."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import gateway
from campaigns.gateway.rights import SEND
from campaigns.inspector.stampede import Asked, ReturnForm, StampedeForm, Tally, run
from campaigns.live_actor import SEE, inspect
from campaigns.views.person import user_of
from dashboard.access import requires
from dashboard.problem_answers import answers_problems, status_of_problem


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(SEND, hidden_without=SEE)
@answers_problems
def stampede(request: HttpRequest, user_id: str) -> HttpResponse:
    _only_in_the_demo()
    if request.method != "POST":
        return _draw(request, user_id, StampedeForm())
    form = StampedeForm(request.POST)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, user_id, form, status=422)
    try:
        asked, tally = run(user_id, user_of(request), form)
    except (gateway.ContactNotFound, gateway.NotPermitted):
        raise
    except gateway.CampaignProblem as problem:
        if isinstance(problem, gateway.InvalidRequest):
            form.blame(problem.field, problem.detail)
        form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
        return _draw(request, user_id, form, status=status_of_problem(problem), problem=problem)
    form.show_again(keep_key=False)
    return _draw(request, user_id, form, asked=asked, tally=tally)


@require_POST
@requires(SEND, hidden_without=SEE)
@answers_problems
def give_back(request: HttpRequest, user_id: str) -> HttpResponse:
    _only_in_the_demo()
    form = ReturnForm(request.POST)
    if not form.is_valid():
        raise Http404
    given = gateway.give_back_stampede(
        user_id, user=user_of(request), key=form.cleaned_data["run"], numbers=form.cleaned_data["numbers"]
    )
    messages.success(request, f"{given} {'slot was' if given == 1 else 'slots were'} given back.")
    return redirect("campaigns:person_stampede", user_id)


def _only_in_the_demo() -> None:
    if not settings.DEMO:
        raise Http404


def _draw(
    request: HttpRequest,
    user_id: str,
    form: StampedeForm,
    *,
    status: int = 200,
    asked: list[Asked] | None = None,
    tally: Tally | None = None,
    problem: gateway.CampaignProblem | None = None,
) -> HttpResponse:
    page, _ = inspect(user_id, user_of(request))
    context = {
        "nav": "people",
        "user_id": user_id,
        "page": page,
        "form": form,
        "problem": problem,
        "asked": asked or [],
        "tally": tally,
    }
    return render(request, "campaigns/stampede.html", context, status=status)
