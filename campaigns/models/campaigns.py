"""Campaigns – first drafts, then the projection of the workflows that run them – and who they are for."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from campaigns.contract import MARKETING, MAX_NAME
from campaigns.models.checks import check_category, check_one_line, check_zone
from campaigns.models.templates import MessageTexts, Template
from campaigns.models.words import CampaignStatus, RecipientState


class Campaign(MessageTexts):
    """One launch of a campaign, or its draft. A later occurrence of a recurring one has a row of its own.

    ``version`` is the workflow's (0 for a draft), and only a newer one ever overwrites the row. ``snapshot`` is the whole
    campaign as its workflow answers. ``change`` is the value of the change counter "campaigns" when the row was written.
    ``audience`` is ``{"user_ids": […]}``, ``{"segment": "…"}`` or ``"all"``.
    """

    STARTING = "starting"  # launched; the workflow may not be there yet

    class Missed(models.TextChoices):
        """What becomes of a run whose time came while nothing was running."""

        SKIP = "skip", "it is left out"
        CATCH_UP = "catch_up", "it runs as soon as possible"

    campaign_id = models.CharField(max_length=80, unique=True)
    first = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="occurrences",
        help_text="Of a later occurrence.",
    )
    occurrence = models.PositiveIntegerField(default=1)
    version = models.PositiveBigIntegerField(default=0)
    draft_version = models.PositiveIntegerField(default=1, help_text="Raised by each change of the draft.")
    change = models.PositiveBigIntegerField(default=0, db_index=True)
    status = models.CharField(
        max_length=20,
        choices=[(STARTING, STARTING), *((s.value, s.value.replace("_", " ")) for s in CampaignStatus)],
        default=CampaignStatus.DRAFT,
    )
    name = models.CharField(max_length=200, validators=[check_one_line])
    category = models.CharField(max_length=MAX_NAME, default=MARKETING, validators=[check_category])
    transactional = models.BooleanField(default=False)
    transactional_by = models.CharField(
        "marked transactional by",
        max_length=150,
        blank=True,
        help_text="Of a recurring one it stands in the first row.",
    )
    transactional_at = models.DateTimeField("marked transactional at", null=True, blank=True)
    template = models.ForeignKey(Template, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    template_version = models.PositiveIntegerField(default=0)
    audience = models.JSONField(default=dict)
    # When
    rate_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1_000_000)]
    )
    starts_at = models.DateTimeField(null=True, blank=True, help_text="Empty: as soon as it is launched.")
    late_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(10_080)],
        help_text="So much later than at its time it is left out; empty: it begins however late it is.",
    )
    planned_at = models.DateTimeField(null=True, blank=True, help_text="When a recurring one's occurrence was due.")
    recurs = models.CharField(max_length=100, blank=True, help_text="A cron expression; empty: once.")
    times_paused_at = models.DateTimeField(null=True, blank=True, help_text="Since when no time of it begins anything.")
    times_paused_why = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text="Who paused them, and why."
    )
    # What was asked for last, so that its repeat is known and done once: see ``campaigns.gateway.acting``.
    times_paused_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    times_resumed_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    times_ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when no further time comes.")
    times_until = models.DateTimeField(
        null=True, blank=True, help_text="The end of a recurring one, once its row has its first time's."
    )
    next_time_at = models.DateTimeField(
        null=True, blank=True, help_text="When a recurring one comes again, as it is known; empty: not any more."
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_zone])
    missed_runs = models.CharField(max_length=10, choices=Missed.choices, default=Missed.SKIP)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Until when deferred recipients are tried again.")
    defers = models.BooleanField("who is not allowed now gets it later", default=True)
    asks_first = models.BooleanField(
        "an approval is asked for however few they are",
        default=False,
        db_default=False,  # a web process of the version before may still be writing
    )
    # What holds for its batches
    gate = models.PositiveIntegerField(default=0, help_text="Messages begin only for batches of this very number.")
    audience_fixed_at = models.DateTimeField(null=True, blank=True, help_text="When all recipients were written down.")
    # How it stands
    audience_count = models.PositiveIntegerField(default=0)
    sent_count = models.PositiveIntegerField(default=0)
    deferred_count = models.PositiveIntegerField(default=0)
    denied_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    unknown_count = models.PositiveIntegerField(default=0)
    pending_count = models.PositiveIntegerField(default=0)
    denied_by_reason = models.JSONField(default=dict)
    recount_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When somebody deferred has opted out of it; empty: its workflow knows of it.",
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is paused or was cancelled.")
    finishes_at = models.DateTimeField(null=True, blank=True, help_text="When it will be done, as it looks now.")
    approval_request_id = models.CharField(max_length=64, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    launched_by = models.CharField(max_length=150, blank=True)
    launched_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)
    snapshot = models.JSONField(default=dict)
    # How the campaign came to be: a repeat with the same key by the same person gets this campaign back.
    idempotency_key = models.CharField(max_length=400, unique=True)
    request_hash = models.CharField(max_length=64, blank=True)
    launch_key = models.CharField(max_length=400, blank=True, help_text="Who launched it, and their key.")
    # What the workflow starts from; a crash between the row and the workflow is made good with it.
    start_input = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["status", "-created_at"]),
            models.Index(
                fields=["next_time_at"], condition=Q(next_time_at__isnull=False), name="campaigns_that_come_again"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["first", "occurrence"], name="one_campaign_per_occurrence"),
            models.UniqueConstraint(fields=["first", "planned_at"], name="one_occurrence_per_time"),
            models.CheckConstraint(
                condition=Q(launched_at=None)
                | Q(
                    audience_count=F("sent_count")
                    + F("deferred_count")
                    + F("denied_count")
                    + F("failed_count")
                    + F("unknown_count")
                    + F("pending_count")
                ),
                name="campaign_counts_add_up",
            ),
        ]
        permissions = [
            ("edit_campaign", "Can write campaigns, texts, segments and contacts, and import contacts"),
            ("send_campaign", "Can launch campaigns, pause, resume and cancel them, and send tests"),
            ("send_transactional", "Can mark a campaign as transactional: it passes caps and quiet hours"),
            ("edit_preferences", "Can change a contact's wishes and own cap"),
            ("erase_contact", "Can erase a contact: forget for ever who somebody is"),
            ("stop_all_campaigns", "Can stop every running campaign at once"),
            ("export_send_log", "Can export the send log"),
        ]

    def __str__(self) -> str:
        return self.campaign_id

    @property
    def series_id(self) -> str:
        """The id that its grants carry, whichever occurrence it is."""
        return self.first.campaign_id if self.first is not None else self.campaign_id

    @property
    def counts(self) -> dict[str, int]:
        """``{audience, sent, deferred, denied, failed, unknown, pending}``; the first is the sum of the others."""
        states = {state.value: getattr(self, f"{state.value}_count") for state in RecipientState}
        return {"audience": self.audience_count, **states}

    def set_counts(self, counts: dict[str, int]) -> None:
        """From ``{state: number}``, what is not named being 0; the audience is their sum."""
        for state in RecipientState:
            setattr(self, f"{state.value}_count", counts.get(state.value, 0))
        self.audience_count = sum(counts.get(state.value, 0) for state in RecipientState)

    def clean(self) -> None:
        self.check_texts()


class CampaignRecipient(models.Model):
    """One person of a campaign's audience, as it was at the launch, and where they stand. ``position`` is a stable order.

    Written in one transaction with the send log's rows, so that the states always add up to the audience.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="recipients")
    position = models.PositiveIntegerField()
    user_id = models.CharField(max_length=64)
    state = models.CharField(
        max_length=10, choices=[(state.value, state.value) for state in RecipientState], default=RecipientState.PENDING
    )
    code = models.CharField(max_length=20, blank=True, help_text="Why it was denied, deferred, or failed.")
    next_at = models.DateTimeField(null=True, blank=True, help_text="When a deferred one is tried again.")
    attempts = models.PositiveIntegerField(default=0, help_text="How often it was asked for.")
    grant_attempt = models.PositiveIntegerField(
        default=1, help_text="The number in its grant id: raised when a grant was given back and no message had begun."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "position"], name="one_recipient_per_position"),
            models.UniqueConstraint(fields=["campaign", "user_id"], name="one_recipient_per_user"),
        ]
        indexes = [
            models.Index(fields=["campaign", "state", "code"]),
            models.Index(fields=["campaign", "next_at"], condition=Q(state="deferred"), name="recipients_deferred"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} #{self.position} {self.user_id}: {self.state}"
