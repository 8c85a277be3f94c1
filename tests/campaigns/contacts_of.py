"""Contacts for tests."""

from typing import Any

from campaigns.models import Contact


def contact(user_id: str = "USER-001", **fields: Any) -> Contact:
    """A contact that can be reached on every channel."""
    number = user_id.rpartition("-")[2]
    defaults = {
        "name": "Amara Okafor",
        "email": f"{user_id.lower()}@example.com",
        "phone": f"+49170{int(number):07}" if number.isdigit() else "+491700000000",
        "push_token": f"token-{user_id}",
        "locale": "en",
        "time_zone": "Europe/Berlin",
    }
    return Contact.objects.create(user_id=user_id, **{**defaults, **fields})
