"""The long poll: for browsers whose socket is lost, and for scripts."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.gateway import may_see
from campaigns.live_list import campaign_pages
from dashboard.projected_pages import long_poll_page


@require_safe
@never_cache
async def live(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The campaign's page as it moves."""
    return await long_poll_page(request, campaign_id, campaign_pages, may_see)
