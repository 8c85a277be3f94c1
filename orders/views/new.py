"""Placing an order: the form, its lines, its totals, whose order it is."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import requires
from orders import gateway
from orders.draft import Draft, new_line, products_for_sale, read_draft
from orders.models import OrderSettings
from orders.order_form import OrderForm, hint_for, read_order_form
from orders.process.state import span
from orders.views.problems import by_of, status_of_problem


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires("orders.operate_order", hidden_without="orders.view_order")
def new(request: HttpRequest) -> HttpResponse:
    products = products_for_sale()
    if request.method != "POST":
        return _draw(request, read_order_form(None, products, Draft([new_line()], products)))
    form = read_order_form(request.POST, products)
    if redrawn := _changed_lines(request, form):
        return redrawn
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    try:
        view = form.send(by_of(request))
    except gateway.OrderProblem as problem:
        return _refused(request, form, problem)
    messages.success(request, "The order was placed.")
    return redirect("orders:detail", view.order_id)


@require_safe
@requires("orders.operate_order", hidden_without="orders.view_order")
def line(request: HttpRequest) -> HttpResponse:
    """One more empty line."""
    products = products_for_sale()
    return render(request, "orders/_order_line.html", {"line": new_line(), "products": products})


@require_safe
@requires("orders.operate_order", hidden_without="orders.view_order")
def total(request: HttpRequest) -> HttpResponse:
    """Amounts, warnings and the total of the lines as they are typed."""
    draft = read_draft(request.GET, products_for_sale())
    return render(request, "orders/_order_total.html", {"draft": draft, "oob": True})


@require_POST  # names and addresses do not belong into an address line, or a log of them
@requires("orders.operate_order", hidden_without="orders.view_order")
def customer(request: HttpRequest) -> HttpResponse:
    """Whom the typing may mean; fills in mail and address while they are empty."""
    context = {
        "hint": hint_for(request.POST.get("customer", "")),
        "fill_email": not request.POST.get("customer_email", "").strip(),
        "fill_address": not request.POST.get("shipping_address", "").strip(),
    }
    return render(request, "orders/_customer_hint.html", context)


def _changed_lines(request: HttpRequest, form: OrderForm) -> HttpResponse | None:
    """Without scripts, lines are added and removed by sending the form with ``do``."""
    what, _, key = request.POST.get("do", "").partition(":")
    if what == "add":
        form.draft.lines.append(new_line())
    elif what == "remove":
        form.draft.lines = [line for line in form.draft.lines if line.key != key]
    else:
        return None
    again = OrderForm(initial={name: request.POST.get(name, "") for name in form.fields})
    again.draft = form.draft
    return _draw(request, again)


def _refused(request: HttpRequest, form: OrderForm, problem: gateway.OrderProblem) -> HttpResponse:
    unavailable = isinstance(problem, gateway.Unavailable)
    if isinstance(problem, gateway.InvalidRequest):
        form.blame(problem.field, problem.detail)
    form.show_again(keep_key=unavailable)
    response = _draw(request, form, status=status_of_problem(problem), problem=problem, unavailable=unavailable)
    if isinstance(problem, gateway.Unavailable):
        response["Retry-After"] = str(problem.retry_after)
    return response


def _draw(
    request: HttpRequest,
    form: OrderForm,
    *,
    status: int = 200,
    problem: gateway.OrderProblem | None = None,
    unavailable: bool = False,
) -> HttpResponse:
    context = {
        "nav": "orders",
        "form": form,
        "draft": form.draft,
        "products": form.draft.products,
        "problem": None if isinstance(problem, gateway.InvalidRequest) else problem,
        "unavailable": unavailable,
        "window": span(OrderSettings.current().to_policy().payment_window_seconds),
    }
    return render(request, "orders/order_form.html", context, status=status)
