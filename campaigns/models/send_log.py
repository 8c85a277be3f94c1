"""Each decision about a message, and what came of it. :mod:`campaigns.send_log` writes it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from campaigns.contract import MAX_ID, MAX_NAME
from campaigns.models.words import CHANNELS, COUNTED, Outcome


class SendLog(models.Model):
    """One decision about one message, and its outcome. ``grant_id`` and ``attempt`` name it.

    The row of an allowed message is committed before it is sent. Times are UTC; ``at`` is when it was decided – for a grant,
    when the actor gave it – and ``settled_at`` when the outcome was known.
    """

    grant_id = models.CharField(max_length=MAX_ID)
    attempt = models.PositiveIntegerField(default=1, help_text="The n-th decision under this grant id.")
    campaign_id = models.CharField(max_length=80, blank=True, help_text="Empty: a program asked by the API.")
    occurrence = models.PositiveIntegerField(default=1)
    user_id = models.CharField(max_length=64)
    channel = models.CharField(max_length=10, choices=CHANNELS)
    category = models.CharField(max_length=MAX_NAME, blank=True)
    transactional = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False, help_text="A test send: it counts for nobody.")
    outcome = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Outcome])
    code = models.CharField(max_length=20, blank=True)
    rule = models.CharField(max_length=100, blank=True, help_text="The rule that decided.")
    limit = models.FloatField(null=True, blank=True)
    count = models.PositiveIntegerField(default=0)
    used_by = models.JSONField(default=list, help_text="The grant ids that used the cap up.")
    next_allowed_at = models.DateTimeField(null=True, blank=True)
    changes = models.JSONField(
        null=True, blank=True, help_text="The smallest changes that would have let it pass: field, current, needed."
    )
    policy_version = models.PositiveBigIntegerField(default=0)
    detail = models.CharField(max_length=500, blank=True, help_text="The reason or the provider's error, in words.")
    provider_reference = models.CharField(max_length=200, blank=True)
    run_id = models.CharField(
        max_length=36,
        blank=True,
        default="",
        db_default="",  # a worker of the version before may still be writing
        help_text="Of what was granted: the actor's run whose history has it, as the update whose id is the grant id. What "
        "was refused leaves no event behind.",
    )
    holds_slot = models.BooleanField(
        default=False,
        db_default=False,  # a worker of the version before may still be writing
        editable=False,
        help_text="It did not go out, and its actor has not answered yet that it knows.",
    )
    at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "send"
        verbose_name_plural = "send log"
        constraints = [
            models.UniqueConstraint(fields=["grant_id", "attempt"], name="one_decision_per_attempt"),
            models.UniqueConstraint(
                fields=["grant_id"],
                condition=~Q(outcome__in=[Outcome.DENIED.value, Outcome.DEFERRED.value]),
                name="one_intent_per_grant",
            ),
            # Whatever becomes of grants: a campaign reaches a person once at most in each occurrence.
            models.UniqueConstraint(
                fields=["campaign_id", "occurrence", "user_id"],
                condition=Q(outcome__in=[one.value for one in COUNTED], is_test=False) & ~Q(campaign_id=""),
                name="one_message_per_campaign_and_user",
            ),
        ]
        indexes = [
            models.Index(fields=["user_id", "-at"]),
            models.Index(fields=["campaign_id", "id"]),
            # What everybody has had of late: who would be over another cap (campaigns.over_cap).
            models.Index(fields=["at"]),
            # Whose slots are to be given back (campaigns.gateway.giving_back).
            models.Index(fields=["at"], condition=Q(holds_slot=True), name="send_log_holds_slot"),
            # How many went out, counted from the index alone (campaigns.totals).
            models.Index(
                fields=["at"],
                condition=Q(outcome__in=[one.value for one in COUNTED], is_test=False),
                name="send_log_counted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grant_id}: {self.outcome}"


class SendHour(models.Model):
    """How many messages went out in one hour, UTC, written once the hour is over for good. :mod:`campaigns.totals` does it.

    Nothing is decided by it: it is what a million rows of the log add up to, for whoever wants to see a trend.
    """

    hour = models.DateTimeField(unique=True)
    number = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["hour"]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00: {self.number}"
