"""The list of orders and its export."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import requires
from orders import gateway
from orders.counts import list_counts
from orders.listing import MAILS, PAYMENTS, SORTS, STATUSES, TABS, TODAY, Listing, csv_lines, page_of
from orders.presentation import row_of
from orders.projection import COUNTER
from temporal_worker.models import ChangeCounter


@require_safe
@never_cache
@requires("orders.view_order")
def order_list(request: HttpRequest) -> HttpResponse:
    listing = Listing.read(request.GET.dict())
    # The counter is read before the rows, so that nothing falls between the two.
    change = ChangeCounter.read().get(COUNTER, 0)
    counts = list_counts()
    page = page_of(listing, counts)
    context = {
        "nav": "attention" if listing.tab == "attention" else "orders",
        "listing": listing,
        "q": listing.q,
        "counts": counts,
        "page": page,
        "rows": [(row_of(order), order.version) for order in page.orders],
        "tabs": [(name, words, listing.url(tab=name), getattr(counts, name)) for name, words in TABS.items()],
        "statuses": STATUSES,
        "status_word": STATUSES.get(listing.status, ""),
        "sorts": SORTS,
        "without_q": listing.url(q=""),
        "without_status": listing.url(status=""),
        "narrowed": [
            (name, value, words[value], listing.url(**{name: ""}))
            for name, value, words in (
                ("today", listing.today, TODAY),
                ("mail", listing.mail, MAILS),
                ("payment", listing.payment, PAYMENTS),
            )
            if value
        ],
        "previous": listing.url(page=page.number - 1),
        "next": listing.url(page=page.number + 1),
        "change": change,
        "shown": ",".join(order.order_id for order in page.orders),
        "newest": counts.newest,
        "closed": gateway.why_closed(),
        "may_operate": request.user.has_perm("orders.operate_order"),
    }
    return render(request, "orders/order_list.html", context)


@require_safe
@never_cache
@requires("orders.view_order")
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, all of its pages, as CSV."""
    listing = Listing.read(request.GET.dict())
    response = HttpResponse("".join(csv_lines(listing)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="orders-{timezone.now():%Y%m%d-%H%M}.csv"'
    return response
