"""The long poll: for browsers whose socket is lost, and for scripts. The only async view of the area."""

import asyncio

from channels.db import database_sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals import gateway
from approvals.contract import ApprovalStatus, approval_workflow_id
from approvals.live import request_source, unavailable_fragment
from approvals.models import ApprovalRequest
from dashboard.access import to_login
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import get_hub

HOLD = 25.0
"""Seconds that a poll is held when nothing happens."""
START_PAUSE = 2.0
STOP_POLLING = 286
"""htmx's own status: swap this, and ask no more."""


@require_safe
@never_cache
async def live(request: HttpRequest, request_id: str) -> HttpResponse:
    """200 with what is newer than ``after``, 204 when nothing came, 286 when nothing more will come.

    No database connection is held while it waits: the rights are looked up in a thread that closes its own.
    """
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        return HttpResponse("after must be a version: a whole number.", status=422, content_type="text/plain")
    if refused := await _refusal(request, request_id):
        return refused
    try:
        frame = await get_hub().wait_for_frame(approval_workflow_id(request_id), request_source, int(after), HOLD)
    except WorkflowNotFound:
        return await _without_workflow(request_id)
    if frame is None:
        return HttpResponse(status=204)
    if refused := await _refusal(request, request_id):
        return refused
    if frame.unavailable:
        return HttpResponse(unavailable_fragment(), status=503, headers={"Retry-After": "3"})
    if not frame.closed:
        return HttpResponse(frame.html)
    over = ApprovalStatus(frame.state["view"].status).is_final
    return HttpResponse(frame.html, status=STOP_POLLING if over else 200)


async def _without_workflow(request_id: str) -> HttpResponse:
    """A request that has not started is asked for again after a moment; of one past retention nothing comes."""
    row = await database_sync_to_async(ApprovalRequest.objects.filter(request_id=request_id).only("status").first)()
    if row is None:
        return HttpResponse(status=404)
    if row.status != ApprovalRequest.STARTING:
        return HttpResponse(status=STOP_POLLING)
    await asyncio.sleep(START_PAUSE)
    return HttpResponse(status=204)


async def _refusal(request: HttpRequest, request_id: str) -> HttpResponse | None:
    return await database_sync_to_async(_refusal_now)(request, request_id)


def _refusal_now(request: HttpRequest, request_id: str) -> HttpResponse | None:
    """Asks the database anew each time: the rights, and the session itself, may be gone after 25 s."""
    session = request.session
    if not session.session_key or not session.exists(session.session_key):
        return to_login(request)
    user = get_user(request)
    if not isinstance(user, User):
        return to_login(request)
    return None if gateway.may_see(user, request_id) else HttpResponse(status=404)
