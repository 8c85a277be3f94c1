"""What every live page has in common: who may look, what waits to be sent, and the health in the top bar."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.models import Session
from django.template.loader import render_to_string
from django.utils import timezone

from approvals.live_list import News, inbox_feed
from approvals.projection import COUNTER
from campaigns.live_list import Batch, campaign_feed
from campaigns.projection import COUNTER as CAMPAIGNS
from dashboard import health_watch
from dashboard.clean_addresses import clean_query
from dashboard.health_watch import Health
from dashboard.outbox import Outbox
from dashboard.staleness import as_of_fragment
from dashboard.viewers import Viewer, viewers
from orders.live_list import Batch as OrderBatch
from orders.live_list import order_feed
from orders.projection import COUNTER as ORDERS
from temporal_worker.feed import Feed
from temporal_worker.models import ChangeCounter

NOT_ALLOWED, NOT_FOUND, DONE, TRY_AGAIN = 4403, 4404, 1000, 1013
"""Close codes. htmx connects again after 1013 (and after a lost connection), never after the others."""

SEE_ORDERS, SEE_UNMATCHED = "orders.view_order", "orders.view_unmatchedevent"
_BADGES = (SEE_ORDERS, SEE_UNMATCHED, "approvals.ask_approval", "campaigns.view_campaign")
"""The rights by which there are badges."""

log = structlog.get_logger(__name__)


class LiveConsumer(AsyncWebsocketConsumer):
    """A page's socket. A subclass says who may look and follows something (``follow``). ``?again``: it was open before.

    ``permission``: the right that it takes, or several of which one is enough, or ``()`` for whoever is logged in.
    """

    permission: str | tuple[str, ...]
    lists_of = ""
    """The app whose rows a list shows: beside its title stands how old they may be."""
    as_of = ""
    campaigns_badge = ""

    async def connect(self) -> None:
        # Accepted first: a refused handshake has no code, and htmx would try again for ever.
        await self.accept()
        self.comes_again = "again" in parse_qs(query_of(self.scope))
        self.outbox = Outbox()
        self.viewer: Viewer | None = None
        self.work: asyncio.Task[None] | None = None
        if not await database_sync_to_async(self._may_look)():
            await self.close(self._refusal())
            return
        self.viewer = self.viewer_with(*self.rights)
        viewers.join(self.viewer)
        self.work = asyncio.create_task(self._run())
        self.session_end = asyncio.create_task(self._end_with_session())

    async def disconnect(self, code: int) -> None:
        if getattr(self, "viewer", None):
            viewers.leave(self.viewer)  # type: ignore[arg-type]
        if session_end := getattr(self, "session_end", None):
            session_end.cancel()
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
        if self.lists_of and (html := as_of_fragment(health.lists.get(self.lists_of))) != self.as_of:
            self.as_of = html
            self.outbox.put("as-of", html)

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

    def messages_of(self, fragments: list[str]) -> list[str]:
        """What waits, as it is sent. One by one: a ``<tr>`` is none beside what is not of its table."""
        return fragments

    async def gone(self) -> None:
        """Waits until the browser has gone, which ends the waiting by cancelling it."""
        await asyncio.get_running_loop().create_future()

    def may_look(self) -> bool:
        """More than the permission, if anything. Runs in a thread with the database."""
        return True

    @property
    def rights(self) -> tuple[str, ...]:
        return (self.permission,) if isinstance(self.permission, str) else self.permission

    def viewer_with(self, *rights: str) -> Viewer:
        """Whoever looks, by one of these rights; their socket is closed when it is gone."""
        return Viewer(
            user_id=self.scope["user"].pk,
            session_key=self.scope["session"].session_key or "",
            rights=rights,
            loop=asyncio.get_running_loop(),
            dismiss=self._dismiss,
        )

    def _may_look(self) -> bool:
        user = self.scope["user"]
        holds = not self.rights or any(user.has_perm(right) for right in self.rights)
        return user.is_authenticated and holds and self.may_look()

    async def _end_with_session(self) -> None:
        """A session that runs out tells nobody. One that was saved anew meanwhile has another end."""
        key = self.scope["session"].session_key
        while ends_at := await database_sync_to_async(_end_of_session)(key):
            left = (ends_at - timezone.now()).total_seconds()
            if left <= 0:
                break
            await asyncio.sleep(left)
        self._dismiss()

    def _refusal(self) -> int:
        """What an address with an id names is not there for who may not see it: the code is that of an unknown id."""
        names_something = bool(self.scope["url_route"]["kwargs"])
        return NOT_FOUND if names_something and self.scope["user"].is_authenticated else NOT_ALLOWED

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
            self._look_if_late(inbox_feed())
        if sees_campaigns:
            ends.append(campaign_feed().listen(self.take_campaigns, now.get(CAMPAIGNS, 0)))
            self._look_if_late(campaign_feed())

    def _look_if_late(self, feed: Feed[Any]) -> None:
        """Badges do not say what they were drawn from: who had no socket for a while is told of them anew."""
        if self.comes_again:
            feed.look()

    async def _send_what_waits(self) -> None:
        while fragments := await self.outbox.take():
            if not (await viewers.may_see(self.viewer) and await self.still_may_look()):  # type: ignore[arg-type]
                self._dismiss()
                return
            for html in self.messages_of(fragments):
                await self.send(text_data=html)

    def _dismiss(self) -> None:
        if self.work and not self.work.done():
            self.work.cancel()
        self._closing = asyncio.ensure_future(self.close(NOT_ALLOWED))


class WatchfulConsumer(LiveConsumer):
    """For pages of whoever is logged in that show more to who may see more: every right by which something is shown is
    watched. Who loses one is dismissed, and draws the page anew.
    """

    permission = ()
    watched: tuple[Viewer, ...] = ()

    def shown_by(self) -> Iterable[str]:
        """The rights that this viewer holds and by which something is shown. Runs in a thread with the database."""
        raise NotImplementedError

    def may_look(self) -> bool:
        self.shown = frozenset(self.shown_by())
        return True

    async def still_may_look(self) -> bool:
        return all([await viewers.may_see(one) for one in self.watched])

    async def follow(self) -> int:
        self.watched = tuple(self.viewer_with(right) for right in self.shown)
        for one in self.watched:
            viewers.join(one)
        try:
            return await self.follow_shown()
        finally:
            for one in self.watched:
                viewers.leave(one)

    async def follow_shown(self) -> int:
        raise NotImplementedError


class ShellConsumer(WatchfulConsumer):
    """``/ws/shell/``: the badges and the health, on pages that have nothing else to follow."""

    orders_badges = ""

    def shown_by(self) -> Iterable[str]:
        return filter(self.scope["user"].has_perm, _BADGES)

    async def follow_shown(self) -> int:
        stop = None
        if SEE_ORDERS in self.shown:
            now = await database_sync_to_async(ChangeCounter.read)()
            stop = order_feed().listen(self._take_orders, now.get(ORDERS, 0))
            self._look_if_late(order_feed())
        try:
            await self.gone()
        finally:
            if stop:
                stop()
        return DONE

    def _take_orders(self, batch: OrderBatch) -> None:
        badges = batch.badges + (batch.unmatched_badge if SEE_UNMATCHED in self.shown else "")
        if badges != self.orders_badges:
            self.orders_badges = badges
            self.outbox.put("badges-orders", badges)


class NoSuchPage(AsyncWebsocketConsumer):
    """Answers a path that no page listens on."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND)


def _end_of_session(key: str) -> datetime | None:
    """When it runs out; None when it is gone. (``session.get_expiry_date`` counts from now.)"""
    return Session.objects.filter(session_key=key).values_list("expire_date", flat=True).first()


@lru_cache(maxsize=16)
def health_fragment(health: Health) -> str:
    return render_to_string("_health.html", {"health": health})


def query_of(scope: dict[str, Any]) -> str:
    return clean_query(scope.get("query_string", b"").decode("ascii", "replace"))
