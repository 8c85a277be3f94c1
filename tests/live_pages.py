"""Live pages without a browser: a hub and a health that the test moves by hand, and sockets as a browser opens them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch

from channels.testing import WebsocketCommunicator
from django.test import Client

from dashboard import asgi
from dashboard.consumers import LiveConsumer
from dashboard.health_watch import Health
from temporal_worker.live import Frame

PATIENCE = 10.0
"""Seconds for what nobody promises to be quicker: an answer to the handshake, a message, a farewell."""


class FakeHub:
    """Hands out the frames that a test puts in; ``None`` ends a watch."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self.watched = 0
        self.looked_at: list[float] = []
        """When somebody began to watch, by the loop's clock."""

    @asynccontextmanager
    async def watch(self, workflow_id: str, source: Any) -> AsyncIterator[AsyncIterator[Frame]]:
        self.watched += 1
        self.looked_at.append(asyncio.get_running_loop().time())
        _follows()
        try:
            yield self._frames()
        finally:
            self.watched -= 1

    async def _frames(self) -> AsyncIterator[Frame]:
        while (found := await self.frames.get()) is not None:
            if isinstance(found, Exception):
                raise found
            yield found

    async def wait_for_frame(self, workflow_id: str, source: Any, after: int, timeout: float) -> Frame | None:
        found = await self.frames.get()
        if isinstance(found, Exception):
            raise found
        return found


class FakeHealthWatch:
    def __init__(self) -> None:
        self.callbacks: list[Callable[[Health], None]] = []

    def listen(self, callback: Callable[[Health], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def tell(self, health: Health) -> None:
        for callback in list(self.callbacks):
            callback(health)


_own: ContextVar["Socket | None"] = ContextVar("own", default=None)
"""The socket whose consumer runs."""


class Socket(WebsocketCommunicator):
    """A browser's end. It has patience, and knows when its page listens."""

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(self._serve, path, headers)
        self.follows = asyncio.Event()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        _own.set(self)
        await asgi.application(scope, receive, send)

    async def listens(self) -> None:
        """Until the page follows all that it will follow, by rights that were looked up: it hears of what happens now."""
        async with asyncio.timeout(PATIENCE):
            await self.follows.wait()

    async def connect(self, timeout: float = PATIENCE) -> Any:
        return await super().connect(timeout)

    async def receive_from(self, timeout: float = PATIENCE) -> Any:
        return await super().receive_from(timeout)

    async def disconnect(self, code: int = 1000, timeout: float = PATIENCE) -> None:
        await super().disconnect(code, timeout)


def _follows() -> None:
    """Called by the last thing that a page's consumer does before it waits for ever."""
    if socket := _own.get():
        socket.follows.set()


_gone = LiveConsumer.gone


async def _follows_until_gone(consumer: LiveConsumer) -> None:
    _follows()
    await _gone(consumer)


class Sockets:
    """Opens sockets as the browser of a client would, and closes those that are left."""

    def __init__(self) -> None:
        self._open: list[Socket] = []
        self._patch = patch.object(LiveConsumer, "gone", _follows_until_gone)
        self._patch.start()

    async def __call__(self, path: str, client: Client | None = None, origin: str = "http://localhost") -> Any:
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        if client is not None:
            headers.append((b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()))
        socket = Socket(path, headers)
        self._open.append(socket)
        return socket

    async def close(self) -> None:
        self._patch.stop()
        for socket in self._open:
            await socket.disconnect()


async def close_code(socket: WebsocketCommunicator) -> int:
    while True:
        message = await socket.receive_output(PATIENCE)
        if message["type"] == "websocket.close":
            return int(message["code"])
