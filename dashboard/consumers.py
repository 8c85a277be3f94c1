"""What every live page has in common: who may look, what waits to be sent, and the health in the top bar."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.template.loader import render_to_string

from approvals.live_list import News, inbox_feed
from approvals.projection import COUNTER
from campaigns.live_list import Batch, campaign_feed
from campaigns.projection import COUNTER as CAMPAIGNS
from dashboard import health_watch
from dashboard.health_watch import Health
from dashboard.viewers import Viewer, viewers
from temporal_worker.models import ChangeCounter

NOT_ALLOWED, NOT_FOUND, DONE, TRY_AGAIN = 4403, 4404, 1000, 1013
"""Close codes. htmx connects again after 1013 (and after a lost connection), never after the others."""

log = structlog.get_logger(__name__)


class Outbox:
    """What waits to be sent. A newer fragment takes the place of an older one, so a slow browser skips ahead."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._news = asyncio.Event()
        self._ended = False

    def put(self, name: str, html: str) -> None:
        self._waiting.pop(name, None)
        self._waiting[name] = html
        self._news.set()

    def end(self) -> None:
        """Nothing more will come; what waits is still to be taken."""
        self._ended = True
        self._news.set()

    async def take(self) -> list[str]:
        """All that waits, as soon as there is something; empty at the end."""
        while not self._waiting and not self._ended:
            await self._news.wait()
            self._news.clear()
        taken, self._waiting = list(self._waiting.values()), {}
        return taken


class LiveConsumer(AsyncWebsocketConsumer):
    """A page's socket. A subclass says who may look and follows something (``follow``).

    ``permission``: the right that it takes, or several of which one is enough, or ``()`` for whoever is logged in.
    """

    permission: str | tuple[str, ...]
    campaigns_badge = ""

    async def connect(self) -> None:
        # Accepted first: a refused handshake has no code, and htmx would try again for ever.
        await self.accept()
        self.outbox = Outbox()
        self.viewer: Viewer | None = None
        self.work: asyncio.Task[None] | None = None
        if not await database_sync_to_async(self._may_look)():
            await self.close(NOT_ALLOWED)
            return
        self.viewer = Viewer(
            user_id=self.scope["user"].pk,
            session_key=self.scope["session"].session_key or "",
            rights=self.rights,
            loop=asyncio.get_running_loop(),
            dismiss=self._dismiss,
        )
        viewers.join(self.viewer)
        self.work = asyncio.create_task(self._run())

    async def disconnect(self, code: int) -> None:
        if getattr(self, "viewer", None):
            viewers.leave(self.viewer)  # type: ignore[arg-type]
        work = getattr(self, "work", None)
        if work and work is not asyncio.current_task():
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages only listen; what they send is not looked at."""

    async def follow(self) -> int:
        """Puts into the outbox what the page is to show; ends with the code to close the socket with."""
        raise NotImplementedError

    def take_health(self, health: Health) -> None:
        """Called with every new finding, on this socket's loop."""
        self.outbox.put("health", health_fragment(health))

    def take_news(self, news: News) -> None:
        """Called when the approvals that wait for this viewer have changed, on this socket's loop."""
        self.outbox.put("badge-approvals", news.badge)

    def take_campaigns(self, batch: Batch) -> None:
        """Called when some campaign has changed, on this socket's loop."""
        if batch.badge != self.campaigns_badge:
            self.campaigns_badge = batch.badge
            self.outbox.put("badge-campaigns", batch.badge)

    async def still_may_look(self) -> bool:
        """More than the permission, asked again before anything is sent."""
        return True

    async def gone(self) -> None:
        """Waits until the browser has gone, which ends the waiting by cancelling it."""
        await asyncio.get_running_loop().create_future()

    def may_look(self) -> bool:
        """More than the permission, if anything. Runs in a thread with the database."""
        return True

    @property
    def rights(self) -> tuple[str, ...]:
        return (self.permission,) if isinstance(self.permission, str) else self.permission

    def _may_look(self) -> bool:
        user = self.scope["user"]
        holds = not self.rights or any(user.has_perm(right) for right in self.rights)
        return user.is_authenticated and holds and self.may_look()

    async def _run(self) -> None:
        # A browser may go at any moment: whatever has begun to listen by then has to end.
        ends = [health_watch.listen(self.take_health)]
        try:
            await self._listen_for_news(ends)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_what_waits())
                code = await self.follow()
                self.outbox.end()
            await self.close(code)
        except Exception:
            log.exception("live_page_failed", path=self.scope["path"])
            await self.close(TRY_AGAIN)
        finally:
            for end in ends:
                end()

    async def _listen_for_news(self, ends: list[Callable[[], None]]) -> None:
        """The badges of approvals and of campaigns are on every page, for whoever takes part in them."""
        user = self.scope["user"]
        has_perm = database_sync_to_async(user.has_perm)
        takes_part, sees_campaigns = await has_perm("approvals.ask_approval"), await has_perm("campaigns.view_campaign")
        if takes_part or sees_campaigns:
            now = await database_sync_to_async(ChangeCounter.read)()
        if takes_part:
            ends.append(inbox_feed().listen(user.get_username(), self.take_news, now.get(COUNTER, 0)))
        if sees_campaigns:
            ends.append(campaign_feed().listen(self.take_campaigns, now.get(CAMPAIGNS, 0)))

    async def _send_what_waits(self) -> None:
        while fragments := await self.outbox.take():
            if not (await viewers.may_see(self.viewer) and await self.still_may_look()):  # type: ignore[arg-type]
                self._dismiss()
                return
            for html in fragments:
                await self.send(text_data=html)

    def _dismiss(self) -> None:
        if self.work and not self.work.done():
            self.work.cancel()
        self._closing = asyncio.ensure_future(self.close(NOT_ALLOWED))


class NoSuchPage(AsyncWebsocketConsumer):
    """Answers a path that no page listens on."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND)


@lru_cache(maxsize=16)
def health_fragment(health: Health) -> str:
    return render_to_string("_health.html", {"health": health})


def query_of(scope: dict[str, Any]) -> str:
    return scope.get("query_string", b"").decode("ascii", "replace")
