"""The ASGI application: pages, API and webhooks by Django, live pages by Channels."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
# The handler and the consumers import what needs the settings and the models.
django.setup(set_prefix=False)

from approvals.consumers import InboxConsumer, RequestConsumer  # noqa: E402
from campaigns.consumer_actor import ActorConsumer, StampedeConsumer  # noqa: E402
from campaigns.consumer_imports import ImportConsumer, ImportListConsumer  # noqa: E402
from campaigns.consumers import CampaignConsumer, CampaignListConsumer  # noqa: E402
from dashboard.accounts.sessions import SocketUser  # noqa: E402
from dashboard.bodies import BodyLimit, read_bodies_from_their_files  # noqa: E402
from dashboard.consumers import NoSuchPage, ShellConsumer  # noqa: E402
from dashboard.handler import PageHandler  # noqa: E402
from dashboard.home.consumers import HomeConsumer  # noqa: E402
from dashboard.safe_headers import SafeHeaders  # noqa: E402
from orders.consumers import OrderConsumer, OrderListConsumer  # noqa: E402

read_bodies_from_their_files()

websocket_urls = URLRouter(
    [
        # No page has it in its name, and PostgreSQL would not even look for it.
        re_path(r"\x00", NoSuchPage.as_asgi()),
        path("ws/orders/", OrderListConsumer.as_asgi()),
        path("ws/orders/<str:order_id>/", OrderConsumer.as_asgi()),
        path("ws/approvals/", InboxConsumer.as_asgi()),
        path("ws/approvals/<str:request_id>/", RequestConsumer.as_asgi()),
        path("ws/campaigns/", CampaignListConsumer.as_asgi()),
        path("ws/campaigns/imports/", ImportListConsumer.as_asgi()),
        path("ws/campaigns/imports/<str:import_id>/", ImportConsumer.as_asgi()),
        path("ws/campaigns/users/<str:user_id>/", ActorConsumer.as_asgi()),
        path("ws/campaigns/users/<str:user_id>/stampede/", StampedeConsumer.as_asgi()),
        path("ws/campaigns/<str:campaign_id>/", CampaignConsumer.as_asgi()),
        path("ws/home/", HomeConsumer.as_asgi()),
        path("ws/shell/", ShellConsumer.as_asgi()),
        re_path(r"", NoSuchPage.as_asgi()),
    ]
)

application = ProtocolTypeRouter(
    {
        "http": SafeHeaders(BodyLimit(PageHandler(), settings.MAX_REQUEST_BODY, settings.LARGER_REQUEST_BODIES)),
        # A foreign origin is refused before its cookies are looked at.
        "websocket": AllowedHostsOriginValidator(SessionMiddlewareStack(SocketUser(websocket_urls))),
    }
)
