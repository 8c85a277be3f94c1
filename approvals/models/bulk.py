"""Many decisions at once, by one person: what was asked, and how each ended."""

import uuid

from django.conf import settings
from django.db import models


class BulkJob(models.Model):
    """The form's key is the job's id, so that a form sent twice is one job."""

    job_id = models.CharField(max_length=64, unique=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bulk_jobs")
    approved = models.BooleanField()
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started = models.BooleanField(default=False, help_text="Its workflow has been started.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.job_id


class BulkItemRow(models.Model):
    class Outcome(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        REFUSED = "refused"

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    request_id = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    amount_cents = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, default="USD")
    state_version = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    code = models.CharField(max_length=60, blank=True)
    detail = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["job", "request_id"], name="one_item_per_request_and_job")]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.outcome}"
