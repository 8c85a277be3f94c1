"""Messages for tests of the channels."""

from typing import Any

from campaigns.channels import Message


def mail(number: int = 1, **fields: Any) -> Message:
    defaults = {
        "grant_id": f"CMP-1:1:USER-{number:03}",
        "channel": "email",
        "user_id": f"USER-{number:03}",
        "address": f"user{number}@example.com",
        "subject": "Spring is here",
        "text": "Hello\n.\nThat dot is alone on its line.",
    }
    return Message(**{**defaults, **fields})


def sms(number: int = 1) -> Message:
    return mail(number, channel="sms", address="+4917012345678", subject="")
