"""Policies: for which requests they are, and who decides on each level. Edited in the admin, copied into each request."""

from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from approvals.contract import AtExpiry, LevelRule, MailMode, RequestKind, SlackMode


def _check_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(f"There is no time zone {value}; an example of one is Europe/Berlin.")


class WhenNobodyElse(models.TextChoices):
    """What becomes of a level that nobody but the requester, or who decides another level already, could decide."""

    REFUSE = "refuse", "the request is refused when it is asked, with the reason"
    LEAVE_OUT = "leave_out", "the level is left out, which the request and its trail say"


class Policy(models.Model):
    """Who decides about requests of a kind and an amount. Each save raises its version; running requests keep theirs."""

    name = models.CharField(max_length=200)
    is_active = models.BooleanField("in force", default=True)
    kind = models.CharField(max_length=40, choices=[(kind.value, kind.value.capitalize()) for kind in RequestKind])
    department = models.CharField(max_length=100, blank=True, help_text="Left empty, it is for every department.")
    min_amount_cents = models.PositiveBigIntegerField(
        "from", null=True, blank=True, help_text="In cents, this amount included; empty: no lower bound."
    )
    max_amount_cents = models.PositiveBigIntegerField(
        "below", null=True, blank=True, help_text="In cents, this amount left out; empty: no upper bound."
    )
    currency = models.CharField(
        max_length=3, default="USD", validators=[RegexValidator(r"^[A-Z]{3}$", "A three-letter ISO 4217 code.")]
    )
    distinct_levels = models.BooleanField(
        "one person, one level", default=True, help_text="Who has decided one level may not decide another."
    )
    when_nobody_else = models.CharField(
        "when nobody else could decide a level",
        max_length=20,
        choices=WhenNobodyElse.choices,
        default=WhenNobodyElse.REFUSE,
    )
    comment_to_reject = models.BooleanField("a rejection needs a reason", default=True)
    max_rounds = models.PositiveIntegerField(
        "rounds at most", default=5, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    expires_after = models.DurationField(
        null=True,
        blank=True,
        help_text="Days and hours until a request expires; empty: 7 days with one level, 14 with more.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[_check_zone])
    working_hours_only = models.BooleanField(
        default=True, help_text="Reminders and escalations wait for working hours: Monday to Friday."
    )
    working_from = models.PositiveIntegerField("work starts at", default=9, validators=[MaxValueValidator(23)])
    working_to = models.PositiveIntegerField(
        "work ends at", default=17, validators=[MinValueValidator(1), MaxValueValidator(24)]
    )
    slack = models.CharField(
        "Slack",
        max_length=10,
        choices=[
            (SlackMode.OFF.value, "nothing"),
            (SlackMode.NOTIFY.value, "a message with a link"),
            (SlackMode.BUTTONS.value, "a message with buttons that decide"),
        ],
        default=SlackMode.OFF.value,
    )
    slack_channel = models.CharField("Slack channel", max_length=80, blank=True, help_text="Its id, as in C0123456789.")
    mail = models.CharField(
        "mail to approvers",
        max_length=10,
        choices=[
            (MailMode.OFF.value, "nothing"),
            (MailMode.LINK.value, "a link to the page, behind the log-in"),
            (MailMode.DECIDE.value, "a signed link to a page that decides, without log-in"),
        ],
        default=MailMode.LINK.value,
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind", F("min_amount_cents").asc(nulls_first=True), "pk"]
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(min_amount_cents=None)
                | Q(max_amount_cents=None)
                | Q(min_amount_cents__lt=F("max_amount_cents")),
                name="policy_range_is_not_empty",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.version += 1
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Raises ValidationError, naming the field; levels are checked by the admin's formset."""
        low, high = self.min_amount_cents, self.max_amount_cents
        if low is not None and high is not None and low >= high:
            raise ValidationError({"max_amount_cents": "The upper bound has to be above the lower one."})
        if self.working_to <= self.working_from:
            raise ValidationError({"working_to": "Work has to end after it starts."})
        if self.slack != SlackMode.OFF and not self.slack_channel:
            raise ValidationError({"slack_channel": "Into which channel?"})
        if self.is_active and (other := self._overlapping()):
            raise ValidationError(f"“{other}” is for some of the same requests: same kind, department and amounts.")

    def _overlapping(self) -> "Policy | None":
        others = Policy.objects.filter(
            is_active=True, kind=self.kind, department=self.department, currency=self.currency
        ).exclude(pk=self.pk)
        if self.max_amount_cents is not None:
            others = others.filter(Q(min_amount_cents=None) | Q(min_amount_cents__lt=self.max_amount_cents))
        if self.min_amount_cents is not None:
            others = others.filter(Q(max_amount_cents=None) | Q(max_amount_cents__gt=self.min_amount_cents))
        return others.first()


class PolicyLevel(models.Model):
    """One level of a policy: its approvers are the users, the groups' members and, if asked, the requester's manager."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="levels")
    position = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=100)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    requesters_manager = models.BooleanField("the requester's manager", default=False)
    rule = models.CharField(
        max_length=10,
        choices=[
            (LevelRule.ANY.value, "any one of them"),
            (LevelRule.ALL.value, "all of them"),
            (LevelRule.N_OF_M.value, "a number of them"),
        ],
        default=LevelRule.ANY.value,
    )
    needed = models.PositiveIntegerField(
        "how many", default=1, validators=[MinValueValidator(1)], help_text="For “a number of them”."
    )
    rejections = models.PositiveIntegerField(
        "rejections that reject", default=1, validators=[MinValueValidator(1)], help_text="1: any one rejects."
    )
    reminder_every = models.DurationField(null=True, blank=True, help_text="Days, hours:minutes:seconds; empty: never.")
    escalate_after = models.DurationField(null=True, blank=True, help_text="Days, hours:minutes:seconds; empty: never.")
    escalate_to = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name="escalate to"
    )
    escalate_to_managers = models.BooleanField(
        "escalate to the approvers' managers", default=False, help_text="Beside whom “escalate to” names."
    )
    at_expiry = models.CharField(
        "at the deadline",
        max_length=10,
        choices=[
            (AtExpiry.EXPIRE.value, "the request expires"),
            (AtExpiry.REJECT.value, "it is rejected"),
            (AtExpiry.ESCALATE.value, "it is escalated once, then expires"),
            (AtExpiry.APPROVE.value, "it is approved by waiting"),
        ],
        default=AtExpiry.EXPIRE.value,
    )

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
