"""How many messages a person may get: for everybody, for a segment, for one of them. And the area's settings."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from campaigns.contract import MAX_CAP, MAX_GAP_HOURS, Channel, QuietHours, WindowKind
from campaigns.contract import CapPolicy as CapPolicyMessage
from campaigns.models.checks import check_category_caps, check_channel_caps, check_user_id, check_zone
from campaigns.models.segments import Segment
from dashboard.one_row import OneRowSettings
from temporal_worker.models import ChangeCounter

POLICY_COUNTER = "cap-policies"
"""Counts the changes of all policies together: what an actor compares, whichever policy its person comes under."""


class CapPolicy(models.Model):
    """All rules hold at once. An empty rule is none, 0 allows nothing. Who may use which one: the person's own policy,
    else the first segment's that they are in, by ``priority``, else the default one.

    ``version`` is the counter's value when the row was last changed, so that every change of any policy is newer than all
    that actors know.
    """

    name = models.CharField(max_length=100, unique=True)
    is_default = models.BooleanField("for everybody", default=False)
    segment = models.ForeignKey(
        Segment,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="cap_policies",
        verbose_name="for a segment",
    )
    user_id = models.CharField("for one person", max_length=64, blank=True, validators=[check_user_id])
    priority = models.PositiveIntegerField(
        default=100, help_text="Among the segments that a person is in, the lowest number decides."
    )
    max_per_day = models.PositiveIntegerField(
        "messages a day, at most", null=True, blank=True, validators=[MaxValueValidator(MAX_CAP)]
    )
    min_hours_between = models.FloatField(
        "hours between two, at least",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_GAP_HOURS)],
    )
    window = models.CharField(
        "a day is",
        max_length=10,
        choices=[
            (WindowKind.ROLLING.value, "the last 24 hours"),
            (WindowKind.CALENDAR.value, "a calendar day in the person's time zone"),
        ],
        default=WindowKind.ROLLING.value,
    )
    per_channel = models.JSONField(
        "a day per channel, at most", default=dict, blank=True, validators=[check_channel_caps], help_text='{"sms": 1}'
    )
    per_category = models.JSONField(
        "a day per category, at most",
        default=dict,
        blank=True,
        validators=[check_category_caps],
        help_text='{"newsletter": 1}',
    )
    quiet_from = models.TimeField("quiet from", null=True, blank=True, help_text="In the person's time zone.")
    quiet_to = models.TimeField("quiet until", null=True, blank=True)
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_zone], help_text="Of people whose own is not known."
    )
    count_transactional = models.BooleanField(
        "transactional messages count", default=False, help_text="They are never held back; they may use up the cap."
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-is_default", "priority", "name"]
        verbose_name_plural = "cap policies"
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_cap_policy"),
            models.UniqueConstraint(fields=["user_id"], condition=~Q(user_id=""), name="one_cap_policy_per_user"),
            models.UniqueConstraint(fields=["segment"], name="one_cap_policy_per_segment"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            self.version = ChangeCounter.bump(POLICY_COUNTER)
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version", "changed_at"}
            super().save(*args, **kwargs)

    def to_message(self, version: int | None = None) -> CapPolicyMessage:
        """The policy as requests bring it. ``version`` is the counter's when it is the request's, else the row's own."""
        quiet_hours = None
        if self.quiet_from is not None and self.quiet_to is not None:
            quiet_hours = QuietHours(f"{self.quiet_from:%H:%M}", f"{self.quiet_to:%H:%M}")
        return CapPolicyMessage(
            version=self.version if version is None else version,
            max_per_day=self.max_per_day,
            min_hours_between=self.min_hours_between,
            window=self.window,
            per_channel=self.per_channel or None,
            per_category=self.per_category or None,
            quiet_hours=quiet_hours,
            count_transactional=self.count_transactional,
            time_zone=self.time_zone,
        )

    def clean(self) -> None:
        """Raises ValidationError, naming the field."""
        for field in ("per_channel", "per_category"):
            if not isinstance(getattr(self, field), dict):  # an empty list passes by its validator
                raise ValidationError({field: "An object of names and numbers."})
        if sum((self.is_default, self.segment is not None, bool(self.user_id))) > 1:
            raise ValidationError("It is for everybody, for a segment or for one person.")
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValidationError({"quiet_to": "Quiet hours have a beginning and an end."})
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValidationError({"quiet_to": "Quiet hours must not last all day."})


@receiver(post_delete, sender=CapPolicy)
def _on_policy_deleted(**kwargs: Any) -> None:
    """Whichever way it goes, with its segment or with others at once: its people come under another policy."""
    with transaction.atomic():
        ChangeCounter.bump(POLICY_COUNTER)


@receiver(post_save, sender=Segment)
def _on_segment_saved(instance: Segment, created: bool, **kwargs: Any) -> None:
    """With other filters others are in it, and come under its policy."""
    if not created and CapPolicy.objects.filter(segment=instance).exists():
        with transaction.atomic():
            ChangeCounter.bump(POLICY_COUNTER)


class CampaignSettings(OneRowSettings):
    """Limits of all campaigns. One row; each save raises its version, and new launches carry the newest."""

    approval_above = models.PositiveIntegerField(
        "approval above", default=1_000, help_text="A launch to more recipients than this has to be approved."
    )
    max_audience = models.PositiveIntegerField(
        "recipients at most", default=1_000_000, validators=[MinValueValidator(1), MaxValueValidator(10_000_000)]
    )
    rate_per_minute = models.PositiveIntegerField(
        "messages a minute", default=6_000, validators=[MinValueValidator(1), MaxValueValidator(1_000_000)]
    )
    shard_size = models.PositiveIntegerField(
        default=1_000,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="Recipients of one shard.",
    )
    batch_size = models.PositiveIntegerField(
        default=500,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="Recipients of one activity.",
    )
    pause_error_percent = models.PositiveIntegerField(
        "pause at failures of", default=10, validators=[MaxValueValidator(100)], help_text="Per cent; 0: never."
    )
    pause_error_least = models.PositiveIntegerField(
        "and at least", default=20, help_text="So many failures before a campaign pauses by itself."
    )
    deferred_for_days = models.PositiveIntegerField(
        "deferred for, at most",
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text="Days after its launch on which a campaign ends, when it names no end itself.",
    )
    email_on = models.BooleanField("e-mail", default=True)
    sms_on = models.BooleanField("text messages", default=True)
    push_on = models.BooleanField("push", default=True)

    class Meta:
        verbose_name = verbose_name_plural = "campaign settings"

    @property
    def channels_on(self) -> list[str]:
        switches = {Channel.EMAIL: self.email_on, Channel.SMS: self.sms_on, Channel.PUSH: self.push_on}
        return [channel.value for channel, is_on in switches.items() if is_on]
