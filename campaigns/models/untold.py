"""What was set for somebody here and has to come to their actor yet: the outbox of contacts' settings."""

from django.db import models
from django.utils import timezone


class UntoldSetting(models.Model):
    """A door – an import, a suppression – has set something in a contact's row, and their actor, if one runs, has not heard
    of it yet. Written in the transaction that changes the row, and deleted when the actor has answered or none runs.

    ``field`` and ``value`` are of ``set_preferences``; ``at`` is when it was said: a later word stands.
    """

    user_id = models.CharField(max_length=64)
    field = models.CharField(max_length=30)
    value = models.JSONField(null=True)
    at = models.DateTimeField()
    who = models.CharField(max_length=150, blank=True)
    door = models.CharField(max_length=10)
    due_at = models.DateTimeField(default=timezone.now, db_index=True, help_text="Told at this time, at the earliest.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "field"], name="one_untold_setting_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.field}"
