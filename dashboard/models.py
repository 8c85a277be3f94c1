"""What the doors of all areas keep: the API's tokens, and the keys of requests that may be repeated."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from dashboard.accounts.models import OpenSession, Profile

__all__ = ["ApiToken", "OpenSession", "Profile", "RequestKey", "TechnicalView"]


class RequestKey(models.Model):
    """An ``Idempotency-Key`` seen by the API, with a hash of what was asked, so that its reuse for something else is found."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_request_per_key")]

    def __str__(self) -> str:
        return self.key


class ApiToken(models.Model):
    """A bearer token of a Django user, with that user's rights. Only its SHA-256 is stored; the token is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    is_demo = models.BooleanField(default=False, editable=False, help_text="Refused outside the demo.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Refused from then on. Empty: it does not expire."
    )
    tail = models.CharField(max_length=4, editable=False, default="", help_text="Its last letters, to tell it by.")

    class Meta:
        ordering = ["user", "name"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.user})"

    @staticmethod
    def digest_of(token: str) -> str:
        """SHA-256 in hex. A token has 256 random bits, so no salt or slow hash is needed."""
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def issue(
        cls,
        user: Any,
        name: str,
        *,
        token: str | None = None,
        is_demo: bool = False,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a token and return it; it cannot be read again."""
        token = token or secrets.token_urlsafe(32)
        kept = {"user": user, "name": name, "is_demo": is_demo, "expires_at": expires_at, "tail": token[-4:]}
        cls.objects.update_or_create(digest=cls.digest_of(token), defaults=kept)
        return token


class TechnicalView(models.Model):
    """Nothing is kept here: it is what the right to look behind the curtain hangs on."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_technical", "Can look behind the curtain: Temporal's own view of a process")]

    def __str__(self) -> str:
        return "Technical view"
