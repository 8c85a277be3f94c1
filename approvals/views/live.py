"""The long poll: for browsers whose socket is lost, and for scripts. The only async view of the area."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals.live import live_request
from dashboard.live_pages import long_poll


@require_safe
@never_cache
async def live(request: HttpRequest, request_id: str) -> HttpResponse:
    return await long_poll(request, live_request(request_id))
