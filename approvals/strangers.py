"""What comes to the open doors from nobody who has logged in, noted for the auditors: so much a minute and no more."""

from datetime import timedelta

from django.utils import timezone

from approvals import audit
from approvals.contract import Door
from approvals.models import RefusedAttempt

MOST_A_MINUTE = 20
"""Anybody can send a forged press or link, and nobody shall fill the disk with them."""


def note_stranger(door: Door, what: str, code: str, reason: str) -> None:
    """Of all kinds together, or they could take turns."""
    _note(door, what, code, reason)


def note_bearer(door: Door, username: str, request_id: str, what: str, code: str, reason: str) -> None:
    """Of somebody who has what we once signed for ``username``. Whoever finds it can send it as often as they like."""
    _note(door, what, code, reason, who=username, request_id=request_id)


def _note(door: Door, what: str, code: str, reason: str, *, who: str = "", request_id: str = "") -> None:
    alike = RefusedAttempt.objects.filter(who=who, request_id=request_id)
    if who:
        alike = alike.filter(door=door)
    minute_ago = timezone.now() - timedelta(minutes=1)
    latest = alike.order_by("-number").values_list("at", flat=True)
    if sum(at > minute_ago for at in latest[:MOST_A_MINUTE]) < MOST_A_MINUTE:
        audit.record_attempt(request_id=request_id, who=who, door=door, what=what, code=code, reason=reason)
