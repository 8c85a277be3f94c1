"""What the shell keeps of a person beside Django's user: how they like their pages, and where they are logged in."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

AT_ONCE = 500
"""Sessions that are deleted in one transaction: SQLite lets nobody else write meanwhile."""


class Profile(models.Model):
    """How somebody likes their pages; who has no row has the defaults."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "As the system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    time_zone = models.CharField(max_length=64, blank=True, help_text="Empty: UTC, where the browser does not say.")
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)
    single_key_shortcuts = models.BooleanField(
        default=True, help_text="Letters and signs act by themselves, outside of fields (WCAG 2.2, 2.1.4)."
    )
    tour_dismissed_at = models.DateTimeField(
        null=True, editable=False, help_text="When they put the home page's tour away."
    )

    def __str__(self) -> str:
        return f"Profile of {self.user}"

    @classmethod
    def zone_of(cls, user: Any) -> ZoneInfo | None:
        """The zone that somebody has chosen; None when they have chosen none, or one that is not known any more."""
        name = cls.objects.filter(user=user).values_list("time_zone", flat=True).first()
        try:
            return ZoneInfo(name) if name else None
        except (ZoneInfoNotFoundError, ValueError):
            return None


class OpenSession(models.Model):
    """Whose a session is: Django's own row keeps that inside, where nobody can look for it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="open_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    since = models.DateTimeField(auto_now_add=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"Session of {self.user} since {self.since}"

    @classmethod
    def of(cls, user: Any) -> models.QuerySet["OpenSession"]:
        """Where somebody is logged in. A session that has run out tells nobody, and its row stays for a while."""
        return cls.objects.filter(Exists(_sessions(expire_date__gt=timezone.now())), user=user)

    @classmethod
    def forget_expired(cls) -> None:
        """Deletes the sessions that have run out, which Django leaves to whoever runs it, and what was known of them."""
        expired = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date")
        while keys := list(expired.values_list("pk", flat=True)[:AT_ONCE]):
            # Asked once more: one that was saved meanwhile has another end.
            expired.filter(pk__in=keys).delete()
        cls.objects.filter(~Exists(_sessions())).delete()

    @classmethod
    def end_all(cls, user: Any, *, but: str | None = None) -> int:
        """Logs somebody out everywhere, but for the session with this key. Returns how many sessions ended."""
        keys = list(cls.objects.filter(user=user).exclude(session_key=but or "").values_list("session_key", flat=True))
        return Session.objects.filter(session_key__in=keys).delete()[0]


def _sessions(**wanted: Any) -> models.QuerySet[Session]:
    """Django's row of an open session, for a condition on that one."""
    return Session.objects.filter(session_key=OuterRef("session_key"), **wanted)
