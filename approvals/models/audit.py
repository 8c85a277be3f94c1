"""Attempts that our own doors refused, in one chain. The accepted changes are in the trail and in Temporal's history."""

from django.db import models


class RefusedAttempt(models.Model):
    """Somebody tried something that was not taken. ``digest`` chains it to the one before; see ``approvals.audit``."""

    number = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    request_id = models.CharField(max_length=64, blank=True, db_index=True)
    who = models.CharField(max_length=150, blank=True, help_text="A username, or what the door knew instead of one.")
    on_behalf_of = models.CharField(max_length=150, blank=True)
    door = models.CharField(max_length=10)
    what = models.CharField(max_length=60, help_text="The update that was asked for, or what came in.")
    code = models.CharField(max_length=60)
    reason = models.TextField()
    state_version = models.PositiveIntegerField(null=True, blank=True, help_text="The one that they had seen.")
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"#{self.number} {self.who} {self.what}: {self.code}"


class AttemptChain(models.Model):
    """The chain's end: how many there are, and the last digest. Its row is locked while one is added."""

    name = models.CharField(max_length=40, unique=True, default="attempts")
    length = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.length}"
