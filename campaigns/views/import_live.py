"""The long poll of an import's page: for browsers whose socket is lost, and for scripts."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.gateway.imports import SEE
from campaigns.live_imports import import_pages
from dashboard.projected_pages import long_poll_page


@require_safe
@never_cache
async def live(request: HttpRequest, import_id: str) -> HttpResponse:
    """The import's page as it moves."""
    return await long_poll_page(request, import_id, import_pages, _may_see)


def _may_see(user: User) -> bool:
    return user.has_perm(SEE)
