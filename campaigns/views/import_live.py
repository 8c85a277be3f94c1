"""The moving parts of an import's page: the long poll for lost sockets, and what is only this viewer's."""

import asyncio

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.gateway.imports import SEE
from campaigns.import_projection import COUNTER
from campaigns.live_imports import Batch, PageFrame, frame_of, import_feed
from dashboard import live_pages
from dashboard.live_pages import STOP_POLLING, refusal_of
from temporal_worker.models import ChangeCounter


@require_safe
@never_cache
async def live(request: HttpRequest, import_id: str) -> HttpResponse:
    """200 with what is newer than ``?after=<version>``, 204 when nothing came, 286 when nothing more will come."""
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        return HttpResponse("after must be a version: a whole number.", status=422, content_type="text/plain")
    if refused := await refusal_of(request, _may_see):
        return refused
    frame = await _wait(import_id, int(after))
    if frame is None:
        return HttpResponse(status=204)
    if isinstance(frame, HttpResponse):
        return frame
    # The rights may be gone after 25 s.
    if refused := await refusal_of(request, _may_see):
        return refused
    return HttpResponse(frame.html, status=STOP_POLLING if frame.is_over else 200)


def _may_see(user: User) -> bool:
    return user.has_perm(SEE)


async def _wait(import_id: str, after: int) -> PageFrame | HttpResponse | None:
    arrived: asyncio.Queue[PageFrame] = asyncio.Queue()

    def take(batch: Batch) -> None:
        if frame := batch.pages.get(import_id):
            arrived.put_nowait(frame)

    now = await database_sync_to_async(ChangeCounter.read)()
    stop = import_feed().listen(take, now.get(COUNTER, 0), page=import_id)
    try:
        # Looked at after the listening has begun, so that nothing falls between the two.
        frame = await database_sync_to_async(frame_of)(import_id)
        if frame is None:
            return HttpResponse(status=404)
        async with asyncio.timeout(live_pages.HOLD):
            while frame.version <= after and not frame.is_over:
                frame = await arrived.get()
    except TimeoutError:
        return None
    finally:
        stop()
    return frame
