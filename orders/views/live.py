"""The long poll: for browsers whose socket is lost, and for scripts. The only async view of the area."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.live_pages import long_poll
from orders.live import live_order


@require_safe
@never_cache
async def live(request: HttpRequest, order_id: str) -> HttpResponse:
    return await long_poll(request, live_order(order_id))
