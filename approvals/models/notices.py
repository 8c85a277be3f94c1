"""What was told to whom: written before it is sent, so that a repeated activity sends it once."""

from django.conf import settings
from django.db import models

from approvals.models.requests import ApprovalRequest


class ApprovalMail(models.Model):
    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="mails")
    kind = models.CharField(max_length=40)
    recipient = models.CharField(max_length=150, help_text="Username.")
    number = models.PositiveIntegerField(default=1)
    address = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["request", "kind", "recipient", "number"], name="one_approval_mail")
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(sent_at=None), name="approval_mails_unsent")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"


class SlackMessage(models.Model):
    """The message of one level in one round. ``POSTING`` left behind by a crash is looked up in Slack, never repeated."""

    class State(models.TextChoices):
        POSTING = "posting"
        POSTED = "posted"

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="slack_messages")
    round = models.PositiveIntegerField()
    level = models.PositiveIntegerField()
    channel = models.CharField(max_length=80)
    ts = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.POSTING)
    shown_version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "round", "level"], name="one_slack_message")]

    def __str__(self) -> str:
        return f"{self.request_id}, round {self.round}, level {self.level}"


class SlackIdentity(models.Model):
    """Which Slack user is which user of ours. Nobody else can decide in Slack."""

    team_id = models.CharField("workspace", max_length=40)
    slack_user_id = models.CharField("Slack user", max_length=40)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="slack_identities")

    class Meta:
        verbose_name_plural = "Slack identities"
        constraints = [models.UniqueConstraint(fields=["team_id", "slack_user_id"], name="one_user_per_slack_user")]

    def __str__(self) -> str:
        return f"{self.slack_user_id} is {self.user}"


class SlackPress(models.Model):
    """A button press or sent form from Slack that was taken in: once for each, whatever Slack sends again."""

    class State(models.TextChoices):
        RECEIVED = "received"
        DONE = "done"

    press_id = models.CharField(max_length=200, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    request_id = models.CharField(max_length=64)
    approved = models.BooleanField()
    comment = models.TextField(blank=True)
    on_behalf_of = models.CharField(max_length=150, blank=True, help_text="The approver in whose name it decides.")
    state_version = models.PositiveIntegerField()
    channel = models.CharField(max_length=80, blank=True)
    slack_user_id = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED, db_index=True)
    outcome = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "Slack presses"

    def __str__(self) -> str:
        return f"{self.user} on {self.request_id}"
