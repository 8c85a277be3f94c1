"""Payment events that no order could take: the list, replaying one, settling one by hand."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import requires
from orders import gateway, unmatched
from orders.models import WebhookEvent
from orders.presentation import money
from orders.views.viewer import by_of

PAGE_SIZE = 25


@require_safe
@never_cache
@requires("orders.view_unmatchedevent")
def unmatched_list(request: HttpRequest) -> HttpResponse:
    settled = request.GET.get("tab") == "settled"
    q = " ".join(request.GET.get("q", "").replace("\0", " ").split())[:200]
    page = Paginator(unmatched.list_unmatched(settled=settled, q=q), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "nav": "unmatched",
        "settled": settled,
        "unmatched_q": q,
        "page": page,
        "rows": [(entry, money(entry.event.amount_cents, entry.event.currency)) for entry in page.object_list],
        "may_operate": request.user.has_perm("orders.operate_order"),
    }
    return render(request, "orders/unmatched_list.html", context)


@require_POST
@requires("orders.operate_order", hidden_without="orders.view_unmatchedevent")
def replay(request: HttpRequest, event_id: str) -> HttpResponse:
    event = get_object_or_404(WebhookEvent, event_id=event_id, unmatched__isnull=False)
    try:
        event = unmatched.replay(event, by_of(request), gateway.deliver_payment_event)
    except unmatched.AlreadySettled as error:
        messages.warning(request, str(error))
    except gateway.Unavailable as problem:
        messages.error(request, f"{problem.detail} The event stays on the list; replay it again later.")
    else:
        event.refresh_from_db()
        if event.state == WebhookEvent.State.UNMATCHED:
            messages.warning(request, "The order did not take it; the reason is on the list.")
        else:
            messages.success(request, f"Delivered to {event.order_id}.")
    return redirect("orders:unmatched")


@require_POST
@requires("orders.operate_order", hidden_without="orders.view_unmatchedevent")
def resolve(request: HttpRequest, event_id: str) -> HttpResponse:
    event = get_object_or_404(WebhookEvent, event_id=event_id, unmatched__isnull=False)
    note = request.POST.get("note", "").replace("\0", " ")
    try:
        unmatched.resolve(event, by_of(request), note)
    except (unmatched.AlreadySettled, ValueError) as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "Settled.")
    return redirect("orders:unmatched")
