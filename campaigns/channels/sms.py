"""Text messages, by the HTTP provider that ``SMS_WEBHOOK_URL`` names."""

from typing import Any

from django.conf import settings

from campaigns.channels.base import Message
from campaigns.channels.webhook import WebhookProvider


class WebhookSmsProvider(WebhookProvider):
    def __init__(self) -> None:
        super().__init__(settings.SMS_WEBHOOK_URL, settings.SMS_WEBHOOK_TOKEN)

    def body(self, message: Message) -> dict[str, Any]:
        return {"to": message.address, "text": message.text, "reference": message.grant_id}
