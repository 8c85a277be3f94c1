"""How a request gets through Django under ASGI, with as few changes of thread as it can.

Django's own ASGI handler makes a thread for each request and hops between it and the event loop for nearly every
middleware, about twenty times a page. Pages are sync here, so all of a page – signals, middleware, view, template – runs
in one hop, in a thread that is there already. What waits without a thread, a long poll, and static files keep the async
way. (``make bench`` measures it: the no-op update through the whole stack.)
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import IO, Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed, RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.http import HttpResponseBase
from django.urls import Resolver404, resolve, set_script_prefix
from servestatic.middleware import ServeStaticMiddleware

Message = dict[str, Any]


class StaticFilesMiddleware(ServeStaticMiddleware):
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
        loop = asyncio.get_running_loop()

        def send_now(message: Message) -> None:
            asyncio.run_coroutine_threadsafe(send(message), loop).result()

        work = copy_context()
        response = await loop.run_in_executor(self._threads, work.run, self._page, scope, body, send_now)
        if response is not None:
            await self.send_response(response, send)

    def _page(self, scope: Any, body: IO[bytes], send_now: Callable[[Message], None]) -> HttpResponseBase | None:
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
            send_now({"type": "http.response.start", "status": response.status_code, "headers": _headers(response)})
            for piece in response:
                send_now({"type": "http.response.body", "body": piece, "more_body": True})
            send_now({"type": "http.response.body"})
            return None
        finally:
            response.close()
            body.close()


def _headers(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    cookies = [
        (b"Set-Cookie", cookie.output(header="").strip().encode("ascii")) for cookie in response.cookies.values()
    ]
    return [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()] + cookies


def _is_async(path: str) -> bool:
    if path.startswith(settings.STATIC_URL):
        return True
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False
