"""Headers that every answer has, whoever gives it: also what no middleware sees – a refusal of the body's limit, a request that
is no request, a static file."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

from csp.utils import build_policy
from django.conf import settings

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


class SafeHeaders:
    """Around an ASGI application. What an answer says itself stays as it is."""

    def __init__(self, application: Any) -> None:
        self._application = application

    @cached_property
    def _headers(self) -> dict[bytes, bytes]:
        return {
            b"content-security-policy": build_policy().encode(),
            b"x-content-type-options": b"nosniff",
            b"x-frame-options": settings.X_FRAME_OPTIONS.encode(),
            b"referrer-policy": settings.SECURE_REFERRER_POLICY.encode(),
        }

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                missing = [(name, value) for name, value in self._headers.items() if name not in names]
                message = {**message, "headers": [*given, *missing]}
            await send(message)

        await self._application(scope, receive, send_with)
