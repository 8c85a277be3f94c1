"""What comes in with a request: how much may, and that it never lies in memory as a whole.

Twisted writes a body to a file, and then reads all of it into memory to parse forms that nobody here asks it for: a POST of
100 MB, refused or not, took 1.2 GB (``twisted.web.http.Request.requestReceived``, 26.10). After that Daphne puts all of it
into the application's queue at once (``daphne.http_protocol.WebRequest.process``, 4.2). Here nobody but the application
reads the file, a piece at a time, as it goes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, partialmethod
from http.cookies import CookieError, SimpleCookie
from typing import Any

from channels.db import database_sync_to_async
from daphne.http_protocol import WebRequest
from daphne.server import Server
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from dashboard.accounts.sessions import user_of

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PIECE = 64 * 1024


class BodyQueue(asyncio.Queue[Message]):
    """What a request's application receives from: the body out of Daphne's file, then whatever else Daphne tells."""

    def __init__(self, content: Any) -> None:
        super().__init__()
        self._content = content
        self._position = 0
        self._is_read = False

    def put_nowait(self, item: Message) -> None:
        # The body's pieces are left where they are: in the file.
        if item["type"] != "http.request":
            super().put_nowait(item)

    async def get(self) -> Message:
        if self._is_read or not self.empty():
            return await super().get()
        try:
            self._content.seek(self._position)
            piece = self._content.read(PIECE)
        except ValueError:  # the file is closed: the sender has gone, and Daphne is about to say so
            self._is_read = True
            return await super().get()
        self._position += len(piece)
        self._is_read = len(piece) < PIECE
        return {"type": "http.request", "body": piece, "more_body": not self._is_read}


_init_request = WebRequest.__init__
_create_application = Server.create_application


def _create_reading_application(server: Any, protocol: Any, scope: Scope) -> Any:
    """``Server.create_application`` with a queue that reads."""
    if scope["type"] != "http":
        return _create_application(server, protocol, scope)
    queue = BodyQueue(protocol.content)
    scope.setdefault("asgi", {"version": "3.0"})
    application = server.application(scope=scope, receive=queue.get, send=partial(server.handle_reply, protocol))
    if protocol not in server.connections:
        return None
    server.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
    return queue


def read_bodies_from_their_files() -> None:
    """For every Daphne of this process."""
    WebRequest.__init__ = partialmethod(_init_request, parsePOSTFormSubmission=False)
    Server.create_application = _create_reading_application


class BodyTooLarge(Exception):
    """More came in than may."""


class BodyLimit:
    """413 for bodies above a limit: Django's own limits look only at form data.

    ``larger`` are the paths that take more, from who holds a permission: ``{path: (bytes, permission)}``. Who does not gets
    the same limit as everywhere, before a byte of the body is looked at.
    """

    def __init__(self, app: Any, most: int, larger: Mapping[str, tuple[int, str]] | None = None) -> None:
        self._app = app
        self._most = most
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = dict(scope["headers"]).get(b"content-length", b"")
        size = int(declared) if declared.isdigit() and len(declared) < 20 else None
        most = await self._most_of(scope, size)
        if size is not None and size > most:
            await self._refuse(send, most)
            return
        received = 0
        answered = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except BodyTooLarge:
            if not answered:
                await self._refuse(send, most)

    async def _most_of(self, scope: Scope, size: int | None) -> int:
        most, permission = self._larger.get(scope.get("path", ""), (self._most, ""))
        if not permission or scope.get("method") != "POST" or (size is not None and size <= self._most):
            return self._most
        return most if await database_sync_to_async(_has_permission)(scope, permission) else self._most

    async def _refuse(self, send: Send, most: int) -> None:
        body = f'{{"detail": "A request has {most} bytes at most."}}'.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _has_permission(scope: Scope, permission: str) -> bool:
    """Whether the request's session is that of somebody who holds it, looked up as the views do."""
    cookies: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                return False
    session = cookies.get(settings.SESSION_COOKIE_NAME)
    if session is None:
        return False
    user = user_of(SessionStore(session.value))
    return user is not None and user.has_perm(permission)
