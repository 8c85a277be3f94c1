"""The long poll of a person's page: for browsers whose socket is lost, and for scripts."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.live_actor import live_actor
from dashboard.live_pages import long_poll


@require_safe
@never_cache
async def live(request: HttpRequest, user_id: str) -> HttpResponse:
    return await long_poll(request, live_actor(user_id))
