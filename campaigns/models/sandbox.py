"""The sandbox provider's own books."""

from django.db import models


class SandboxMessage(models.Model):
    """A message that the sandbox has taken: one row for each grant id, whatever is sent how often."""

    grant_id = models.CharField(max_length=200, unique=True)
    reference = models.CharField(max_length=64, unique=True)
    channel = models.CharField(max_length=10)
    address = models.CharField(max_length=300)
    user_id = models.CharField(max_length=64, db_index=True)
    campaign_id = models.CharField(max_length=80, blank=True, db_index=True)
    subject = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True)
    is_delivered = models.BooleanField(default=False)
    refusals = models.PositiveIntegerField(default=0, help_text="How often it was refused or not answered so far.")
    calls = models.PositiveIntegerField(default=0, help_text="How often it was sent.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.reference
