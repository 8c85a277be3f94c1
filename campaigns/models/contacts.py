"""Contacts, and what is known of their wishes. A contact's actor holds the truth of the wishes; opt-outs are known here too."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from campaigns.contract import MARKETING, MAX_NAME, Channel, QuietHours
from campaigns.models.checks import (
    check_attributes,
    check_channels,
    check_locale,
    check_one_line,
    check_phone,
    check_user_id,
    check_zone,
)
from campaigns.models.words import CHANNELS


class Contact(models.Model):
    """Somebody who can be reached. ``user_id`` is their own id, as ``USER-001``, and part of their actor's workflow id.

    ``change`` is the value of the change counter "contacts" when the row was written. ``preferences_version`` is the version
    of the actor whose preferences the row has.
    """

    class Suppressed(models.TextChoices):
        BOUNCED = "bounced", "mails came back"
        COMPLAINED = "complained", "complained of spam"
        BY_HAND = "by_hand", "suppressed by hand"
        ERASED = "erased", "erased at their wish"

    user_id = models.CharField("id", max_length=64, unique=True, validators=[check_user_id])
    name = models.CharField(max_length=200, blank=True, validators=[check_one_line])
    email = models.EmailField("e-mail", blank=True, db_index=True)
    phone = models.CharField(max_length=16, blank=True, validators=[check_phone])
    push_token = models.CharField(max_length=300, blank=True, validators=[check_one_line])
    locale = models.CharField(max_length=35, blank=True, validators=[check_locale])
    time_zone = models.CharField(
        max_length=64, blank=True, validators=[check_zone], help_text="Empty: not known, and the policy's counts."
    )
    attributes = models.JSONField(default=dict, blank=True, validators=[check_attributes])
    paused_until = models.DateTimeField(null=True, blank=True, help_text="They wish nothing before.")
    hours_between = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        help_text="So many hours at least they wish between two messages; empty: as many as the cap allows.",
    )
    quiet_from = models.TimeField(
        null=True, blank=True, editable=False, help_text="From when on they wish nothing, on their own clock, …"
    )
    quiet_to = models.TimeField("quiet until", null=True, blank=True, editable=False, help_text="… and until when.")
    own_cap = models.JSONField(
        null=True, blank=True, editable=False, help_text="A cap of their own, as it was last given to their actor."
    )
    preferences_version = models.PositiveBigIntegerField(default=0, editable=False)
    suppressed_channels = models.JSONField(
        default=list,
        blank=True,
        validators=[check_channels],
        help_text="On which they cannot be reached: mails came back.",
    )
    suppressed_reason = models.CharField("suppressed everywhere", max_length=12, choices=Suppressed.choices, blank=True)
    suppressed_at = models.DateTimeField(null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)
    change = models.PositiveBigIntegerField(default=0, db_index=True, editable=False)

    class Meta:
        ordering = ["user_id"]
        indexes = [
            models.Index(fields=["locale"]),
            models.Index(fields=["time_zone"]),
            # Whom no policy reaches (campaigns.policy_reach).
            models.Index(fields=["user_id"], condition=Q(own_cap__isnull=False), name="contact_with_own_cap"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.name}" if self.name else self.user_id

    def clean(self) -> None:
        if not isinstance(self.attributes, dict):  # an empty list passes by its validator
            raise ValidationError({"attributes": "An object of names and values."})

    def is_suppressed(self, channel: str) -> bool:
        """Whether nothing at all may be sent on this channel, not even what is not marketing."""
        return bool(self.suppressed_reason) or channel in self.suppressed_channels

    @property
    def unreachable_channels(self) -> list[str]:
        return [channel.value for channel in Channel if self.is_suppressed(channel)]

    @property
    def quiet_hours(self) -> QuietHours | None:
        """As they wish, beside those of the cap."""
        if self.quiet_from is None or self.quiet_to is None:
            return None
        return QuietHours(f"{self.quiet_from:%H:%M}", f"{self.quiet_to:%H:%M}")

    @quiet_hours.setter
    def quiet_hours(self, quiet: QuietHours | None) -> None:
        self.quiet_from, self.quiet_to = (quiet.start_time, quiet.end_time) if quiet is not None else (None, None)

    def address_for(self, channel: str) -> str:
        """Where a message of this channel goes; empty when they have none, or the channel is unknown."""
        return {
            Channel.EMAIL.value: self.email,
            Channel.SMS.value: self.phone,
            Channel.PUSH.value: self.push_token,
        }.get(channel, "")

    def erase(self) -> None:
        """Forget who it was: what is left is the id, and that nothing may be sent. Opt-outs stay. Call it in a transaction."""
        self.name = self.email = self.phone = self.push_token = ""
        self.attributes = {}
        self.locale = self.time_zone = ""
        self.paused_until = self.hours_between = self.quiet_hours = None
        self.suppressed_reason = self.Suppressed.ERASED
        self.erased_at = self.suppressed_at = timezone.now()
        self.save()


class OptOut(models.Model):
    """Somebody wishes no messages of a channel, of a category, or of both together; empty stands for every one.

    ``version`` is the version of their actor that has it. None: a door has taken it in, and the actor has not confirmed it
    yet. It counts from the moment that the row is there.
    """

    user_id = models.CharField(max_length=64)
    channel = models.CharField(max_length=10, choices=CHANNELS, blank=True)
    category = models.CharField(max_length=MAX_NAME, blank=True)
    version = models.PositiveBigIntegerField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When their actor was told, if one was running.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "opt-out"
        constraints = [
            models.UniqueConstraint(fields=["user_id", "channel", "category"], name="one_opt_out_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.channel or 'every channel'}, {self.category or 'every category'}"

    @staticmethod
    def against(channel: str, category: str, *, transactional: bool) -> Q:
        """The opt-outs that stand against a message, as :meth:`campaigns.contract.OptOut.holds_back` says of one."""
        of_category = Q(category__in=["", category])
        if transactional:
            of_category &= ~Q(category=MARKETING)
        return Q(channel__in=["", channel]) & of_category


class PreferenceChange(models.Model):
    """One change of somebody's wishes: who made it, by which door, when. Never changed once written."""

    class What(models.TextChoices):
        OPTED_OUT = "opted_out"
        OPTED_IN = "opted_in"
        PREFERENCES = "preferences", "preferences changed"
        SUPPRESSED = "suppressed"
        UNSUPPRESSED = "unsuppressed", "no longer suppressed"
        CAP = "cap", "own cap changed"
        ERASED = "erased"

    user_id = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    who = models.CharField(max_length=150, blank=True, help_text="A username; empty: the contact, or the system.")
    door = models.CharField(max_length=10)
    what = models.CharField(max_length=20, choices=What.choices)
    channel = models.CharField(max_length=10, blank=True)
    category = models.CharField(max_length=MAX_NAME, blank=True)
    campaign_id = models.CharField(max_length=64, blank=True, help_text="Whose message it answered.")
    text = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["user_id", "-at"])]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.what}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValueError("A preference change is never rewritten.")
        super().save(*args, **kwargs)
