"""How a request gets through Django under ASGI, with as few changes of thread as it can.

Django's own ASGI handler makes a thread for each request and hops between it and the event loop for nearly every
middleware, about twenty times a page. Pages are sync here, so all of a page – signals, middleware, view, template – runs
in one hop, in a thread that is there already. What waits without a thread, a long poll, and static files keep the async
way. (``make bench`` measures it: the no-op update through the whole stack.)
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import IO, Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed, RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.http import HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve, set_script_prefix

from dashboard.static_files import CompressingMiddleware

Message = dict[str, Any]
Send = Callable[[Message], Coroutine[Any, Any, None]]


class StaticFilesMiddleware(CompressingMiddleware):
    """ServeStatic's, which is for async stacks only; a sync one does without, and never sees a static file's path."""

    sync_capable = True

    def __init__(self, get_response: Any, *args: Any, **options: Any) -> None:
        if not iscoroutinefunction(get_response):
            raise MiddlewareNotUsed
        super().__init__(get_response, *args, **options)


class PageHandler(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self._pages = BaseHandler()
        self._pages.load_middleware(is_async=False)
        # More requests than this wait for a thread: better than more database connections than the database has.
        self._threads = ThreadPoolExecutor(settings.PAGE_THREADS, thread_name_prefix="page")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if _is_async(scope["path"].removeprefix(get_script_prefix(scope))):
            await super().__call__(scope, receive, send)
        else:
            await self._serve_page(scope, receive, send)

    async def _serve_page(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        line = _Line(receive, send)
        work = copy_context()
        try:
            response = await line.loop.run_in_executor(self._threads, work.run, self._page, scope, body, line)
        finally:
            line.close()  # a server that stops cancels us: the thread must not go on with what nobody gets
        if response is not None:
            await self.send_response(response, send)

    def _page(self, scope: Any, body: IO[bytes], line: "_Line") -> HttpResponseBase | None:
        """The whole request, in its thread, whose database connection it uses and gives back. What streams is sent here
        too, a piece at a time; anything else is returned, closed and complete."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self._pages.get_response(request)
        response._handler_class = self.__class__
        try:
            if not response.streaming:
                return response
            with suppress(RequestAborted):
                line.wait_for(line.listen())
                line.wait_for(self._send_head(response, line.send))
                for piece in response:
                    line.wait_for(line.send({"type": "http.response.body", "body": piece, "more_body": True}))
                line.wait_for(line.send({"type": "http.response.body"}))
            return None
        finally:
            response.close()
            body.close()

    async def _send_head(self, response: HttpResponseBase, send: Send) -> None:
        """Django's own, of a response without a body."""

        async def send_start(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                await send(dict(message))

        head = HttpResponse(status=response.status_code)
        head.headers, head.cookies = response.headers, response.cookies
        await self.send_response(head, send_start)


class _Line:
    """To whoever asked, from the thread of their page. It ends when they have gone, or when the server stops."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        self.send = send
        self._receive = receive
        self._closing = threading.Lock()
        self._is_closed = False
        self._waiting: Future[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    def wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it on the loop, from the page's thread.

        Raises:
            RequestAborted: nobody is there any more.
        """
        with self._closing:
            if self._is_closed:
                work.close()
                raise RequestAborted
            self._waiting = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            self._waiting.result()
        except CancelledError:
            raise RequestAborted from None

    async def listen(self) -> None:
        """From now on a hang-up is heard. Only what streams lasts long enough to need it."""
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        if (await self._receive())["type"] == "http.disconnect":
            self.close()

    def close(self) -> None:
        """Also ends a piece that is just being sent."""
        with self._closing:
            self._is_closed = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self._listening is not None:
            self._listening.cancel()


def _is_async(path: str) -> bool:
    if path.startswith(settings.STATIC_URL):
        return True
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False
