"""The long poll: for browsers whose socket is lost, and for scripts. The only async view of the area."""

import asyncio

from channels.db import database_sync_to_async
from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import to_login
from orders.contract import OrderStatus, order_workflow_id
from orders.live import order_source, unavailable_fragment
from orders.models import Order
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import get_hub

HOLD = 25.0
"""Seconds that a poll is held when nothing happens."""
START_PAUSE = 2.0
STOP_POLLING = 286
"""htmx's own status: swap this, and ask no more."""


@require_safe
@never_cache
async def live(request: HttpRequest, order_id: str) -> HttpResponse:
    """200 with what is newer than ``after``, 204 when nothing came, 286 when nothing more will come.

    No database connection is held while it waits: the rights are looked up in a thread that closes its own.
    """
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        return HttpResponse("after must be a version: a whole number.", status=422, content_type="text/plain")
    if refused := await _refusal(request):
        return refused
    try:
        frame = await get_hub().wait_for_frame(order_workflow_id(order_id), order_source, int(after), HOLD)
    except WorkflowNotFound:
        return await _without_workflow(order_id)
    if frame is None:
        return HttpResponse(status=204)
    if refused := await _refusal(request):
        return refused
    if frame.unavailable:
        return HttpResponse(unavailable_fragment(), status=503, headers={"Retry-After": "3"})
    if not frame.closed:
        return HttpResponse(frame.html)
    over = OrderStatus(frame.state["view"].status).is_final
    return HttpResponse(frame.html, status=STOP_POLLING if over else 200)


async def _without_workflow(order_id: str) -> HttpResponse:
    """An order that has not started is asked for again after a moment; of one that is past retention nothing comes."""
    row = await database_sync_to_async(Order.objects.filter(order_id=order_id).only("status").first)()
    if row is None:
        return HttpResponse(status=404)
    if row.status != Order.STARTING:
        return HttpResponse(status=STOP_POLLING)
    await asyncio.sleep(START_PAUSE)
    return HttpResponse(status=204)


async def _refusal(request: HttpRequest) -> HttpResponse | None:
    return await database_sync_to_async(_refusal_now)(request)


def _refusal_now(request: HttpRequest) -> HttpResponse | None:
    """Asks the database anew each time: the rights, and the session itself, may be gone after 25 s."""
    session = request.session
    if not session.session_key or not session.exists(session.session_key):
        return to_login(request)
    user = get_user(request)
    if not user.is_authenticated:
        return to_login(request)
    return None if user.has_perm("orders.view_order") else HttpResponse(status=404)
