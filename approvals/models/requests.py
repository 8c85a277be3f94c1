"""The projection of the requests, and their files."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from approvals.contract import ApprovalStatus, RequestKind, TrailKind


class ApprovalRequest(models.Model):
    """The projection of one request. ``version`` is the workflow's, and only a newer one ever overwrites the row.

    ``snapshot`` is the whole request as ``get_state`` answers it (its trail is in :class:`TrailRow`). ``change`` is the
    value of the change counter "approvals" when the row was written, so that live pages find what is new.
    """

    STARTING = "starting"  # the row is there, the workflow may not be yet

    request_id = models.CharField(max_length=64, unique=True)
    version = models.PositiveIntegerField(default=0)
    state_version = models.PositiveIntegerField(default=0)
    change = models.PositiveBigIntegerField(default=0, db_index=True)
    status = models.CharField(
        max_length=20, choices=[(STARTING, STARTING), *((s.value, s.value) for s in ApprovalStatus)], default=STARTING
    )
    kind = models.CharField(max_length=40, choices=[(kind.value, kind.value.capitalize()) for kind in RequestKind])
    title = models.CharField(max_length=200)
    amount_cents = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    requester = models.CharField(max_length=150, db_index=True)
    requester_name = models.CharField(max_length=300, blank=True)
    round = models.PositiveIntegerField(default=1)
    level = models.PositiveIntegerField(default=1)
    level_name = models.CharField(max_length=100, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When something happens by itself: escalation, else the deadline."
    )
    is_escalated = models.BooleanField(default=False)
    submitted_at = models.DateTimeField(default=timezone.now, db_index=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)
    snapshot = models.JSONField(default=dict)
    retried = models.JSONField(default=dict, blank=True, help_text="Notices that failed and are being tried again.")
    # How the request came to be: a repeat with the same key by the same person gets this request back.
    idempotency_key = models.CharField(max_length=400, unique=True)
    request_hash = models.CharField(max_length=64, blank=True)
    # What the workflow starts from; a crash between the row and the workflow is made good with it.
    start_input = models.JSONField(default=dict)

    class Meta:
        ordering = ["-submitted_at", "-pk"]
        indexes = [
            models.Index(fields=["status", "due_at"]),
            models.Index(fields=["requester", "-submitted_at"]),
            models.Index(fields=["id"], condition=~models.Q(retried={}), name="requests_retried"),
        ]
        permissions = [
            ("ask_approval", "Can ask for approval and take part in it"),
            ("view_all_requests", "Can see every request"),
            ("export_audit", "Can export the audit trail"),
        ]

    def __str__(self) -> str:
        return self.request_id


class Involvement(models.Model):
    """What one person has to do with one request: the inbox reads these, and so does "who may see it".

    A row with ``can_decide`` set is a place that its person may decide now, between ``starts_at`` and ``until`` when these
    are set (covering for ``on_behalf_of``). ``decided_at`` is set on the places that they have taken.
    """

    class Role(models.TextChoices):
        REQUESTER = "requester"
        APPROVER = "approver"
        COVER = "cover"
        ESCALATION = "escalation"
        WATCHER = "watcher"

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="involvements")
    username = models.CharField(max_length=150)
    role = models.CharField(max_length=12, choices=Role.choices)
    level = models.PositiveIntegerField(default=0, help_text="0: the whole request.")
    on_behalf_of = models.CharField(max_length=150, blank=True)
    via = models.CharField(max_length=150, blank=True, help_text="user, manager, or the group that brought them.")
    can_decide = models.BooleanField(default=False)
    starts_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "username", "role", "level", "on_behalf_of", "starts_at"],
                name="one_involvement_of_a_kind",
            )
        ]
        indexes = [
            models.Index(fields=["username", "can_decide", "request"]),
            models.Index(fields=["username", "-decided_at"]),
            models.Index(fields=["via", "can_decide"]),
            # Decisions by the hour, for the home page.
            models.Index(
                fields=["decided_at"], condition=models.Q(decided_at__isnull=False), name="involvements_decided"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.role} of {self.request_id}"


class TrailRow(models.Model):
    """One entry of a request's audit trail; never changed once written.

    ``digest`` chains it to the entry before: HMAC-SHA256, with a key derived from the secret key, over the entry and the
    digest before it. ``approvals.audit`` computes and checks it.
    """

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="trail")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    who = models.CharField(max_length=150, blank=True)
    on_behalf_of = models.CharField(max_length=150, blank=True)
    door = models.CharField(max_length=10)
    what = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    state_version = models.PositiveIntegerField()
    round = models.PositiveIntegerField(default=1)
    level = models.PositiveIntegerField(default=1)
    text = models.TextField(blank=True)
    comment = models.TextField(blank=True)
    update_id = models.CharField(max_length=1000, blank=True)
    event_id = models.PositiveIntegerField(default=0)
    run_id = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    saved_at = models.DateTimeField(
        null=True, editable=False, help_text="When it came here: how far the lists are behind."
    )

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["request", "sequence"], name="one_trail_row_per_sequence")]
        indexes = [
            # Notices that did not get through, for the home page.
            models.Index(
                fields=["at"], condition=models.Q(what=TrailKind.NOTICE_FAILED.value), name="trail_notices_failed"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id} #{self.sequence} {self.what}"


def _attachment_path(attachment: "Attachment", name: str) -> str:
    # Never the sender's own name: it is shown, and never becomes a path.
    return f"attachments/{attachment.attachment_id}"


class Attachment(models.Model):
    """A file of a request, kept by Django's storage; the workflow knows its name, size and digest."""

    attachment_id = models.CharField(max_length=64, unique=True, default=uuid.uuid4)
    request_id = models.CharField(max_length=64, db_index=True)
    file = models.FileField(upload_to=_attachment_path)
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["uploaded_at"]

    def __str__(self) -> str:
        return self.name
