"""Bearer tokens: whose is this one?"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from dashboard.models import ApiToken

LONGEST_TOKEN = 200
NOTED_EVERY = timedelta(minutes=1)
"""How exact ``last_used_at`` is: a busy token does not cost a write for each request."""


def user_of_token(token: str) -> User | None:
    """The active user that a token belongs to. The demo's tokens belong to nobody outside the demo."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    found = ApiToken.objects.select_related("user").filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()), digest=ApiToken.digest_of(token), user__is_active=True
    )
    row = found.first()
    if row is None or (row.is_demo and not settings.DEMO):
        return None
    _note_use(row)
    return row.user


def _note_use(row: ApiToken) -> None:
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - NOTED_EVERY:
        is_stale = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED_EVERY)
        ApiToken.objects.filter(is_stale, pk=row.pk).update(last_used_at=now)
