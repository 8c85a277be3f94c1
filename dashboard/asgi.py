"""The ASGI application: pages, API and webhooks by Django, live pages by Channels."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
# The handler and the consumers import what needs the settings and the models.
django.setup(set_prefix=False)

from approvals.consumers import InboxConsumer, RequestConsumer, ShellConsumer  # noqa: E402
from campaigns.consumer_actor import ActorConsumer, StampedeConsumer  # noqa: E402
from campaigns.consumers import CampaignConsumer, CampaignListConsumer  # noqa: E402
from dashboard.consumers import NoSuchPage  # noqa: E402
from dashboard.handler import PageHandler  # noqa: E402
from orders.consumers import OrderConsumer, OrderListConsumer  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class BodyTooLarge(Exception):
    """More came in than ``MAX_REQUEST_BODY`` bytes."""


class BodyLimit:
    """413 for bodies above a limit, before they are spooled to disk: Django's own limits look only at form data."""

    def __init__(self, app: Any, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._most:
            await self._refuse(send)
            return
        received = 0
        answered = False

        async def counted() -> dict[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise BodyTooLarge
            return message

        async def noted(message: dict[str, Any]) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except BodyTooLarge:
            if not answered:
                await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        body = f'{{"detail": "A request has {self._most} bytes at most."}}'.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


websocket_urls = URLRouter(
    [
        path("ws/orders/", OrderListConsumer.as_asgi()),
        path("ws/orders/<str:order_id>/", OrderConsumer.as_asgi()),
        path("ws/approvals/", InboxConsumer.as_asgi()),
        path("ws/approvals/<str:request_id>/", RequestConsumer.as_asgi()),
        path("ws/campaigns/", CampaignListConsumer.as_asgi()),
        path("ws/campaigns/users/<str:user_id>/", ActorConsumer.as_asgi()),
        path("ws/campaigns/users/<str:user_id>/stampede/", StampedeConsumer.as_asgi()),
        path("ws/campaigns/<str:campaign_id>/", CampaignConsumer.as_asgi()),
        path("ws/shell/", ShellConsumer.as_asgi()),
        re_path(r"", NoSuchPage.as_asgi()),
    ]
)

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(PageHandler(), settings.MAX_REQUEST_BODY),
        # A foreign origin is refused before its cookies are looked at.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(websocket_urls)),
    }
)
