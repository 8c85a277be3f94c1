"""One order: its page, what can be done with it, and doing it."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.access import is_fragment, requires
from dashboard.problem_answers import answers_problems
from orders import gateway
from orders.actions import actions_for, reason_for_all
from orders.contract import OrderView
from orders.forms import ACTION_FORMS, ActionForm
from orders.live import live_fragments, names_in, order_context
from orders.views.problems import by_of, status_of_problem


@require_safe
@never_cache
@requires("orders.view_order", hidden_without="orders.view_order")
@answers_problems
def detail(request: HttpRequest, order_id: str) -> HttpResponse:
    reading = gateway.read_order(order_id)
    as_of = reading.as_of if reading.reason else None
    context = {
        "nav": "orders",
        "reading": reading,
        "unreachable": bool(reading.reason),
        "since": reading.as_of,
        **order_context(reading.view, names_in(reading.view), as_of=as_of, from_database=reading.source == "database"),
        **_actions(request, reading.view, live=not reading.reason),
    }
    return render(request, "orders/order_detail.html", context)


@require_safe
@never_cache
@requires("orders.view_order", hidden_without="orders.view_order")
@answers_problems
def actions(request: HttpRequest, order_id: str) -> HttpResponse:
    """The personal fragment: what this viewer can do now."""
    reading = gateway.read_order(order_id)
    return render(request, "orders/_order_actions.html", _actions(request, reading.view, live=not reading.reason))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires("orders.operate_order", hidden_without="orders.view_order")
@answers_problems
def act(request: HttpRequest, order_id: str, name: str) -> HttpResponse:
    """The form of an action, and its sending. In the dialog or as a page of its own."""
    if request.method != "POST":
        form = ACTION_FORMS[name]()
        form.prepare(gateway.read_order(order_id).view)
        return _draw_form(request, order_id, form)
    form = ACTION_FORMS[name](request.POST)
    if not form.is_valid():
        return _form_again(request, order_id, form, status=422)
    try:
        view = form.send(order_id, by_of(request))
    except gateway.OrderNotFound:
        raise
    except gateway.OrderProblem as problem:
        return _refused(request, order_id, form, problem)
    return _done(request, view, form.told)


def _actions(request: HttpRequest, view: OrderView, *, live: bool) -> dict[str, object]:
    may_operate = request.user.has_perm("orders.operate_order")
    return {
        "order": view,
        "actions": actions_for(view, may_operate=may_operate, live=live),
        "reason_for_all": reason_for_all(view, may_operate=may_operate, live=live),
        "may_operate": may_operate,
        "live": live,
    }


def _refused(request: HttpRequest, order_id: str, form: ActionForm, problem: gateway.OrderProblem) -> HttpResponse:
    if isinstance(problem, gateway.InvalidRequest):
        form.blame(problem.field, problem.detail)
        return _form_again(request, order_id, form, status=422)
    if isinstance(problem, gateway.CardDeclined):
        form.blame("card_token", problem.detail)
        return _form_again(request, order_id, form, status=422)
    return _form_again(request, order_id, form, status=status_of_problem(problem), problem=problem)


def _form_again(
    request: HttpRequest,
    order_id: str,
    form: ActionForm,
    *,
    status: int,
    problem: gateway.OrderProblem | None = None,
) -> HttpResponse:
    """The form with what was typed and the reason; after a 503 with its key, so that pressing again is safe."""
    try:
        form.prepare(gateway.read_order(order_id).view)
    except gateway.Unavailable:
        problem = problem or gateway.Unavailable("Temporal is out of reach.")
    form.show_again(keep_key=isinstance(problem, gateway.Unavailable))
    response = _draw_form(request, order_id, form, status=status, problem=problem)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _draw_form(
    request: HttpRequest,
    order_id: str,
    form: ActionForm,
    *,
    status: int = 200,
    problem: gateway.OrderProblem | None = None,
) -> HttpResponse:
    context = {
        "nav": "orders",
        "order_id": order_id,
        "form": form,
        "problem": problem,
        "unavailable": isinstance(problem, gateway.Unavailable),
    }
    template = "orders/_action_form.html" if is_fragment(request) else "orders/action.html"
    return render(request, template, context, status=status)


def _done(request: HttpRequest, view: OrderView, told: str) -> HttpResponse:
    """The page as the action has left it, drawn from its own answer."""
    if not is_fragment(request):
        messages.success(request, told)
        return redirect("orders:detail", view.order_id)
    context = {"fragments": live_fragments(view, names_in(view)), "oob": True, **_actions(request, view, live=True)}
    response = render(request, "orders/_action_done.html", context)
    response["HX-Trigger"] = json.dumps({"dialogDone": {"told": told}})
    return response
