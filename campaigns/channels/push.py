"""Push messages, by the HTTP provider that ``PUSH_WEBHOOK_URL`` names."""

from typing import Any

from django.conf import settings

from campaigns.channels.base import Message
from campaigns.channels.webhook import WebhookProvider


class WebhookPushProvider(WebhookProvider):
    def __init__(self) -> None:
        super().__init__(settings.PUSH_WEBHOOK_URL, settings.PUSH_WEBHOOK_TOKEN)

    def body(self, message: Message) -> dict[str, Any]:
        return {
            "token": message.address,
            "title": message.subject,
            "body": message.text,
            "reference": message.grant_id,
        }
