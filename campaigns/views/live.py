"""The long poll: for browsers whose socket is lost, and for scripts. The only async view of the campaigns."""

import asyncio

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.gateway import may_see
from campaigns.live_list import Batch, PageFrame, campaign_feed, frame_of
from campaigns.projection import COUNTER
from dashboard import live_pages
from dashboard.live_pages import STOP_POLLING, refusal_of
from temporal_worker.models import ChangeCounter


@require_safe
@never_cache
async def live(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """200 with what is newer than ``?after=<version>``, 204 when nothing came, 286 when nothing more will come.

    No database connection is held while it waits, and nobody asks Temporal: the projection's feed tells of changes.
    """
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        return HttpResponse("after must be a version: a whole number.", status=422, content_type="text/plain")
    if refused := await refusal_of(request, may_see):
        return refused
    frame = await _wait(campaign_id, int(after))
    if frame is None:
        return HttpResponse(status=204)
    if isinstance(frame, HttpResponse):
        return frame
    # The rights may be gone after 25 s.
    if refused := await refusal_of(request, may_see):
        return refused
    return HttpResponse(frame.html, status=STOP_POLLING if frame.is_settled else 200)


async def _wait(campaign_id: str, after: int) -> PageFrame | HttpResponse | None:
    arrived: asyncio.Queue[PageFrame] = asyncio.Queue()

    def take(batch: Batch) -> None:
        if frame := batch.pages.get(campaign_id):
            arrived.put_nowait(frame)

    now = await database_sync_to_async(ChangeCounter.read)()
    stop = campaign_feed().listen(take, now.get(COUNTER, 0), page=campaign_id)
    try:
        # Looked at after the listening has begun, so that nothing falls between the two.
        frame = await database_sync_to_async(frame_of)(campaign_id)
        if frame is None:
            return HttpResponse(status=404)
        async with asyncio.timeout(live_pages.HOLD):
            while frame.version <= after and not frame.is_settled:
                frame = await arrived.get()
    except TimeoutError:
        return None
    finally:
        stop()
    return frame
