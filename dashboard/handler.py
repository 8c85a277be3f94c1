"""How a request gets through Django under ASGI, with as few changes of thread as it can.

Django's own ASGI handler runs each middleware on the event loop and hops to a thread and back for nearly every one of them,
about twenty times a page. Pages are sync here, so all of a page – middleware, view, template – runs in one hop, in the
request's own thread. What waits without a thread, a long poll, and static files keep the async way.
(``make bench`` measures it: the no-op update through the whole stack.)
"""

from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from servestatic.middleware import ServeStaticMiddleware


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

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if _is_async(request.path_info):
            return await super().get_response_async(request)
        # Thread-sensitive: the thread in which Django closes the request's database connection afterwards.
        return await sync_to_async(self._pages.get_response, thread_sensitive=True)(request)


def _is_async(path: str) -> bool:
    if path.startswith(settings.STATIC_URL):
        return True
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False
