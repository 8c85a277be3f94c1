"""Live pages without a browser: a hub and a health that the test moves by hand, and sockets as a browser opens them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import WebsocketCommunicator
from django.test import Client

from dashboard import asgi
from dashboard.health_watch import Health
from temporal_worker.live import Frame


class FakeHub:
    """Hands out the frames that a test puts in; ``None`` ends a watch."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self.watched = 0

    @asynccontextmanager
    async def watch(self, workflow_id: str, source: Any) -> AsyncIterator[AsyncIterator[Frame]]:
        self.watched += 1
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


class Sockets:
    """Opens sockets as the browser of a client would, and closes those that are left."""

    def __init__(self) -> None:
        self._open: list[WebsocketCommunicator] = []

    async def __call__(self, path: str, client: Client | None = None, origin: str = "http://localhost") -> Any:
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        if client is not None:
            headers.append((b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()))
        socket = WebsocketCommunicator(asgi.application, path, headers)
        self._open.append(socket)
        return socket

    async def close(self) -> None:
        for socket in self._open:
            await socket.disconnect()


async def close_code(socket: WebsocketCommunicator) -> int:
    while True:
        message = await socket.receive_output(5)
        if message["type"] == "websocket.close":
            return int(message["code"])
