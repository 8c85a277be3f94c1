"""Placing an order: the form, its lines, its totals, whose order it is."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import requires
from dashboard.form_pages import FormPage
from dashboard.views import unavailable_page
from orders import gateway
from orders.draft import Draft, new_line, products_for_sale, read_draft
from orders.models import OrderSettings
from orders.order_form import OrderForm, hint_for, read_order_form
from orders.process.state import span
from orders.views.viewer import by_of


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires("orders.operate_order", hidden_without="orders.view_order")
def new(request: HttpRequest) -> HttpResponse:
    page, products = NewOrderPage(request), products_for_sale()
    if request.method != "POST":
        if closed := gateway.why_closed():
            return unavailable_page(request, closed.detail, closed.retry_after, template="orders/closed.html")
        return page.draw(read_order_form(None, products, Draft([new_line()], products)))
    form = read_order_form(request.POST, products)
    if changed := _with_changed_lines(request, form):
        return page.draw(changed)
    if not form.is_valid():
        return page.again(form, status=422)
    try:
        view = form.send(by_of(request))
    except gateway.OrderProblem as problem:
        return page.refused(form, problem)
    messages.success(request, "The order was placed.")
    return redirect("orders:detail", view.order_id)


class NewOrderPage(FormPage[OrderForm]):
    template = "orders/order_form.html"

    def context(self, form: OrderForm) -> dict[str, object]:
        window = span(OrderSettings.current().to_policy().payment_window_seconds)
        return {"nav": "orders", "draft": form.draft, "products": form.draft.products, "window": window}


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


def _with_changed_lines(request: HttpRequest, form: OrderForm) -> OrderForm | None:
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
    return again
