"""Imports of contacts: the file, its rows on their way to becoming contacts, and what is wrong with some of them."""

import uuid

from django.db import models
from django.utils import timezone


def _import_path(audience_import: "AudienceImport", name: str) -> str:
    # Never the sender's own name: it is shown, and never becomes a path.
    return f"imports/{uuid.uuid4()}.csv"


class AudienceImport(models.Model):
    """One file. ``version`` and ``change`` are as of :class:`campaigns.models.Campaign`; its counter is "imports".

    ``columns`` are what the file's columns mean, in their order: ``["user_id", "email", "attributes.plan", …]``.
    """

    UPLOADED = "uploaded"
    """A status before all others: somebody is asked what the file's columns mean, and its workflow has not begun."""

    class Status(models.TextChoices):
        STARTING = "starting"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Stage(models.TextChoices):
        UPLOAD = "upload"
        VALIDATE = "validate"
        TRANSFORM = "transform"
        FINALISE = "finalise"
        DONE = "done"

    import_id = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.STARTING)
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.UPLOAD)
    version = models.PositiveBigIntegerField(default=0)
    change = models.PositiveBigIntegerField(default=0, db_index=True)
    file = models.FileField(upload_to=_import_path, blank=True)
    name = models.CharField(max_length=200, blank=True, help_text="As its sender called it.")
    size = models.PositiveBigIntegerField(default=0)
    delimiter = models.CharField(max_length=1, blank=True)
    columns = models.JSONField(default=list)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    rows_rejected = models.PositiveIntegerField(default=0)
    actions = models.JSONField(default=dict, help_text="How many rows are new, changed and unchanged.")
    problem = models.CharField(max_length=500, blank=True, help_text="Why the whole file could not be taken.")
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)
    snapshot = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=400, unique=True)
    request_hash = models.CharField(max_length=64, blank=True)
    start_input = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.import_id


class StagedContact(models.Model):
    """One good row of a file, not in the contacts yet. ``row`` counts as a spreadsheet does: the header is 1."""

    class Action(models.TextChoices):
        CREATE = "create"
        UPDATE = "update"
        UNCHANGED = "unchanged"

    audience_import = models.ForeignKey(AudienceImport, on_delete=models.CASCADE, related_name="staged")
    row = models.PositiveIntegerField()
    user_id = models.CharField(max_length=64)
    values = models.JSONField(default=dict, help_text="Only what the file says: an empty cell changes nothing.")
    opts_out = models.BooleanField(default=False)
    action = models.CharField(max_length=10, choices=Action.choices, blank=True)
    is_applied = models.BooleanField(default=False)

    class Meta:
        ordering = ["row"]
        constraints = [
            models.UniqueConstraint(fields=["audience_import", "row"], name="one_staged_contact_per_row"),
            models.UniqueConstraint(fields=["audience_import", "user_id"], name="one_staged_contact_per_user"),
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.user_id}"


class ImportProblem(models.Model):
    """What is wrong with one cell; its row is left out. ``value`` is the cell as it was, cut.

    ``user_id`` is whose row it is, as the row itself says; empty when that is what is wrong, or it was not kept yet.
    """

    audience_import = models.ForeignKey(AudienceImport, on_delete=models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField()
    column = models.CharField(max_length=100, blank=True, help_text="As the file calls it; empty: the whole row.")
    problem = models.CharField(max_length=300)
    value = models.CharField(max_length=100, blank=True)
    user_id = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False, db_index=True
    )  # db_default: a worker of the version before may still be writing

    class Meta:
        ordering = ["row", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["audience_import", "row", "column"], name="one_problem_per_cell"),
        ]

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.problem}"
