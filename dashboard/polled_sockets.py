"""A page's socket where none gets through: the same consumer, whose messages the browser fetches by long poll.

A consumer runs on between two polls, so nothing falls between them: what it has to send waits in its outbox, where a newer
fragment takes the place of an older one. Who polls another process, or comes too late, begins anew as with a socket that was
lost.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import live_pages
from dashboard.consumers import DONE, NOT_ALLOWED, NOT_FOUND
from dashboard.live_pages import STOP_POLLING, refusal_of

LINGER = 40.0
"""Seconds that a consumer runs on when nobody fetches what it has to say."""
TOGETHER = 0.03
"""Seconds in which further messages go with the first one."""
MOST, MOST_OF_ONE = 300, 12
"""Consumers of a process that are fetched from, and of one session: the one not asked for longest makes room."""
_TAB = re.compile(r"[0-9a-z]{8,32}", re.ASCII)
_STATUS = {NOT_ALLOWED: 403, NOT_FOUND: 404, DONE: STOP_POLLING}


@dataclass(frozen=True)
class _Key:
    session: str
    tab: str
    address: str


class PolledSocket:
    """One consumer, and who fetches from it. ``on_end`` is called once, when it has ended."""

    def __init__(self, scope: dict[str, Any], on_end: Callable[[], None]) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._is_asked, self._has_news = asyncio.Event(), asyncio.Event()
        self._ready: list[str] = []
        self.code: int | None = None
        self._lingering: asyncio.TimerHandle | None = None
        # In a context of its own: what belongs to the request – its thread for the database too – ends with its answer.
        self._run = asyncio.create_task(self._consume(scope), context=Context())
        self._run.add_done_callback(lambda _: on_end())

    async def take(self, seconds: float) -> list[str]:
        """What it has to say, as soon as there is something; nothing after so many seconds."""
        if self._lingering:
            self._lingering.cancel()
        self._is_asked.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._has_news.wait()
                await asyncio.sleep(TOGETHER)
            found, self._ready = self._ready, []
            return found
        finally:
            if self.code is None:
                self._has_news.clear()
            self._is_asked.clear()
            self._lingering = asyncio.get_running_loop().call_later(LINGER, self.end)

    def end(self) -> None:
        """As when a browser has gone."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def _consume(self, scope: dict[str, Any]) -> None:
        from dashboard.asgi import websocket_urls  # it sets Django up, and so comes last

        try:
            await websocket_urls(scope, self._incoming.get, self._send)
        finally:
            self.code = self.code or DONE
            self._has_news.set()
            if self._lingering:
                self._lingering.cancel()

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.code = message.get("code") or DONE
            self._has_news.set()
            self.end()
        elif message["type"] == "websocket.send":
            # Not before somebody asks: meanwhile the outbox keeps what is newest, and whoever loses a right gets nothing.
            await self._is_asked.wait()
            self._ready.append(message["text"])
            self._has_news.set()


class PolledSockets:
    """Those of one event loop, the one that was asked for longest ago first."""

    def __init__(self) -> None:
        self._open: dict[_Key, PolledSocket] = {}

    def of(self, key: _Key, scope: Callable[[], dict[str, Any]]) -> PolledSocket | None:
        """The one that goes on, or a new one; None when the process has no room for another."""
        socket = self._open.pop(key, None)
        if socket is None:
            own = [one for one in self._open if one.session == key.session]
            if len(own) >= MOST_OF_ONE:
                self._open.pop(own[0]).end()
            if len(self._open) >= MOST:
                return None
            socket = PolledSocket(scope(), lambda: self._forget(key, socket))
        self._open[key] = socket
        return socket

    def _forget(self, key: _Key, socket: PolledSocket | None) -> None:
        if self._open.get(key) is socket:
            del self._open[key]

    def __len__(self) -> int:
        return len(self._open)


_sockets: WeakKeyDictionary[asyncio.AbstractEventLoop, PolledSockets] = WeakKeyDictionary()


def polled_sockets() -> PolledSockets:
    return _sockets.setdefault(asyncio.get_running_loop(), PolledSockets())


@require_safe
@never_cache
async def poll(request: HttpRequest, socket: str) -> HttpResponse:
    """``?tab=<what the tab made up>``, and what the socket ``/ws/<socket>`` takes. The messages, as a list; 204 when none came.

    403, 404 and 286 stand for the codes by which a socket is closed, 503 for one that is to be tried again. With ``brief``
    it is not held: for tabs that nobody looks at, because a browser has few connections.
    """
    query = request.GET.copy()
    tab, brief = "".join(query.pop("tab", [])), query.pop("brief", None)
    users: list[User] = []

    def whoever(user: User) -> bool:
        users.append(user)
        return True

    if refused := await refusal_of(request, whoever):
        return refused
    if not _TAB.fullmatch(tab):
        return HttpResponse("tab must be 8 to 32 letters or digits.", status=422, content_type="text/plain")
    address = f"/ws/{socket}?{query.urlencode()}"

    def scope() -> dict[str, Any]:
        return {
            "type": "websocket",
            "path": f"/ws/{socket}",
            "query_string": query.urlencode().encode(),
            "headers": [],
            "user": users[0],
            "session": request.session,
        }

    polled = polled_sockets().of(_Key(request.session.session_key or "", tab, address), scope)
    if polled is None:
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    found = await polled.take(0.5 if brief else live_pages.HOLD)
    if polled.code is None:
        return JsonResponse(found, safe=False) if found else HttpResponse(status=204)
    status = _STATUS.get(polled.code, 503)
    return JsonResponse(found, safe=False, status=status) if status == STOP_POLLING else HttpResponse(status=status)
