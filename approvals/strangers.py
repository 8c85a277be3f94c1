"""What comes to the open doors from nobody we know, noted for the auditors."""

from datetime import timedelta

from django.utils import timezone

from approvals import audit
from approvals.contract import Door
from approvals.models import RefusedAttempt

MOST_A_MINUTE = 20
"""Anybody can send a forged press or link, and nobody shall fill the disk with them."""


def note_stranger(door: Door, what: str, code: str, reason: str) -> None:
    # Of all kinds together, or they could take turns.
    latest = RefusedAttempt.objects.filter(who="", request_id="").order_by("-number").values_list("at", flat=True)
    minute_ago = timezone.now() - timedelta(minutes=1)
    if sum(at > minute_ago for at in latest[:MOST_A_MINUTE]) < MOST_A_MINUTE:
        audit.record_attempt(request_id="", who="", door=door, what=what, code=code, reason=reason)
