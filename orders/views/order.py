"""One order: its page, what can be done with it, and doing it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.access import requires
from dashboard.form_pages import ActionPage
from dashboard.problem_answers import answers_problems
from orders import gateway
from orders.actions import actions_for, reason_for_all
from orders.contract import By, OrderView
from orders.forms import ACTION_FORMS, OrderActionForm
from orders.live import live_fragments, names_in, order_context
from orders.views.viewer import by_of


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
    return OrderActionPage(request, order_id).act(ACTION_FORMS[name])


class OrderActionPage(ActionPage[OrderView, By, OrderView]):
    fragment, template = "orders/_action_form.html", "orders/action.html"
    detail = "orders:detail"

    def read(self) -> OrderView:
        return gateway.read_order(self.thing_id).view

    @property
    def actor(self) -> By:
        return by_of(self.request)

    def context(self, form: OrderActionForm) -> dict[str, object]:
        return {"nav": "orders", "order_id": self.thing_id}

    def refused(self, form: OrderActionForm, problem: gateway.OrderProblem) -> HttpResponse:
        if isinstance(problem, gateway.CardDeclined):  # like a wrong field: the order waits for another card
            problem = gateway.InvalidRequest("card_token", problem.detail)
        return super().refused(form, problem)

    def changed(self, view: OrderView) -> HttpResponse:
        """Drawn from the action's own answer."""
        actions = _actions(self.request, view, live=True)
        context = {"fragments": live_fragments(view, names_in(view)), "oob": True, **actions}
        return render(self.request, "orders/_action_done.html", context)


def _actions(request: HttpRequest, view: OrderView, *, live: bool) -> dict[str, object]:
    may_operate = request.user.has_perm("orders.operate_order")
    return {
        "order": view,
        "actions": actions_for(view, may_operate=may_operate, live=live),
        "reason_for_all": reason_for_all(view, may_operate=may_operate, live=live),
        "may_operate": may_operate,
        "live": live,
    }
