"""The long poll of a person's page: for browsers whose socket is lost, and for scripts."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.live_actor import live_actor
from campaigns.live_log import told_fragment, unless_log_grows
from dashboard.live_pages import is_whole_number, long_poll, refusal_of


@require_safe
@never_cache
async def live(request: HttpRequest, user_id: str) -> HttpResponse:
    """``?after=<version>``; with ``&logged=<rows>`` it ends too when the person's log has another number of rows, and tells."""
    followed, logged = live_actor(user_id), request.GET.get("logged", "")
    if not is_whole_number(logged):
        return await long_poll(request, followed)
    answer = await unless_log_grows(user_id, int(logged), long_poll(request, followed))
    if isinstance(answer, HttpResponse):
        return answer
    # Nobody has asked for the rights yet, or they may be gone by now.
    return await refusal_of(request, followed.may_see) or HttpResponse(told_fragment(answer))
