"""The sockets of a request's page, of the inbox, and of pages that have none of their own."""

import asyncio
from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from approvals import gateway
from approvals.contract import approval_workflow_id, is_request_id
from approvals.live import request_source, unavailable_fragment
from approvals.live_list import News
from approvals.models import ApprovalRequest
from approvals.projection import COUNTER
from dashboard.consumers import DONE, NOT_FOUND, LiveConsumer, query_of
from dashboard.health_watch import Health
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import Frame, get_hub
from temporal_worker.models import ChangeCounter

START_LOOKED_FOR_EVERY = 2.0
"""Seconds between two looks for the workflow of a request that is kept and has not started."""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


class RequestConsumer(LiveConsumer):
    """``/ws/approvals/<request_id>/?after=<version>``: the shared fragments of one request, from the hub.

    ``saved`` in the query says that the page was drawn from the database, because Temporal or the worker did not answer.
    """

    permission = "approvals.ask_approval"

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope), keep_blank_values=True)
        self.request_id: str = self.scope["url_route"]["kwargs"]["request_id"]
        self.after = _number(query.get("after", [""])[0])
        self.shows_notice = "saved" in query
        # A page that is drawn from the database waits for a finding before it believes what the hub knew last.
        self.is_well = not self.shows_notice
        self.frame: Frame | None = None
        await super().connect()

    async def still_may_look(self) -> bool:
        return await database_sync_to_async(gateway.may_see)(self.scope["user"], self.request_id)

    async def follow(self) -> int:
        if not is_request_id(self.request_id) or not await self.still_may_look():
            return NOT_FOUND
        starting = ApprovalRequest.objects.filter(request_id=self.request_id, status=ApprovalRequest.STARTING)
        while True:
            try:
                async with get_hub().watch(approval_workflow_id(self.request_id), request_source) as watcher:
                    async for frame in watcher:
                        # The first one may be what the hub has known for long. A later one, and the last, is a worker's
                        # answer of this moment, which the health's next look only comes to know.
                        is_answer = frame.closed or self.frame is not None
                        self.frame = frame
                        self._show(is_answer=is_answer)
            except WorkflowNotFound:
                # Not started yet; or it is past retention, and nothing will come.
                if await database_sync_to_async(starting.exists)():
                    await asyncio.sleep(START_LOOKED_FOR_EVERY)
                    continue
            return DONE

    def take_health(self, health: Health) -> None:
        super().take_health(health)
        self.is_well = health.is_well
        self._show()

    def _show(self, *, is_answer: bool = False) -> None:
        """What this page lacks: the notice when nobody can be asked, the request when it has moved or is back."""
        frame = self.frame
        if not (self.is_well or is_answer) or (frame is not None and frame.unavailable):
            if not self.shows_notice:
                self.shows_notice = True
                self.outbox.put("request", unavailable_fragment())
        elif frame is not None and (frame.version > self.after or self.shows_notice or frame.closed):
            self.after, self.shows_notice = frame.version, False
            self.outbox.put("request", frame.html)


class InboxConsumer(LiveConsumer):
    """``/ws/approvals/?after=<change>``: tells the page to draw its list anew when something in it has changed.

    What stands in the list is personal, so the page fetches it; the badge comes by itself, as on every page.
    """

    permission = "approvals.ask_approval"

    async def follow(self) -> int:
        after = _number(parse_qs(query_of(self.scope)).get("after", [""])[0])
        now = (await database_sync_to_async(ChangeCounter.read)()).get(COUNTER, 0)
        if now > after:
            self._tell(now)  # something came between the drawing of the page and now
        await self.gone()
        return DONE

    def take_news(self, news: News) -> None:
        super().take_news(news)
        if news.change is not None:
            self._tell(news.change)

    def _tell(self, change: int) -> None:
        self.outbox.put("news", f'<div id="inbox-news" hx-swap-oob="true" data-change="{change}" hidden></div>')


class ShellConsumer(LiveConsumer):
    """``/ws/shell/``: the badges and the health, on pages that have nothing else to follow."""

    permission = "approvals.ask_approval"

    async def follow(self) -> int:
        await self.gone()
        return DONE
