"""Windows, limits and retry numbers, which the admin site edits."""

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from dashboard.one_row import OneRowSettings
from orders.contract import MAX_CENTS, OrderPolicy


class OrderSettings(OneRowSettings):
    """Windows, limits and retry numbers. One row; each save raises its version, and new orders carry the newest."""

    takes_orders = models.BooleanField(
        "new orders are taken",
        default=True,
        help_text="Switched off – for maintenance, for stocktaking – nobody can place an order, on the pages and by the API. "
        "Orders under way go on, and can be acted on.",
    )
    closed_note = models.CharField(
        "what is said meanwhile",
        max_length=200,
        blank=True,
        help_text="Why, and until when: people and programs read it who want to place an order.",
    )
    review_above_cents = models.PositiveBigIntegerField(
        "reviewed above",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_CENTS)],
        help_text="A paid order whose total is above this is not shipped before a person has released it, against fraud. "
        "In the smallest unit of the order's currency, 100000 for $1,000.00; empty: none is held, 0: each is.",
    )
    payment_window = models.DurationField(
        default=timedelta(hours=24),
        help_text="How long an order waits for its payment before it cancels itself. Days, hours:minutes:seconds.",
    )
    shipment_window = models.DurationField(
        default=timedelta(hours=24), help_text="How long after the payment an order may take to ship."
    )
    shipment_reminder = models.DurationField(
        default=timedelta(hours=24), help_text="How often operations are reminded of an order that ships late."
    )
    max_lines = models.PositiveIntegerField(
        "lines per order", default=50, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    payment_attempts = models.PositiveIntegerField(
        default=6,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="Tries of one charge before it stops and waits for a person.",
    )
    payment_retry_initial_seconds = models.PositiveIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(600)], help_text="Doubles with each try."
    )
    payment_retry_maximum_seconds = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(1), MaxValueValidator(3600)]
    )
    compensation_attempts = models.PositiveIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="Tries of a refund or a release before it stops and waits for a person.",
    )
    packing_days = models.PositiveIntegerField(default=1, validators=[MaxValueValidator(60)], help_text="Working days.")
    transit_days_min = models.PositiveIntegerField(
        "days in transit, at least", default=1, validators=[MaxValueValidator(60)], help_text="Working days."
    )
    transit_days_max = models.PositiveIntegerField(
        "days in transit, at most", default=3, validators=[MaxValueValidator(60)], help_text="Working days."
    )

    class Meta:
        verbose_name = verbose_name_plural = "order settings"

    def to_policy(self) -> OrderPolicy:
        """The settings as the workflow gets them, durations in whole seconds."""
        return OrderPolicy(
            version=self.version,
            payment_window_seconds=max(1, int(self.payment_window.total_seconds())),
            shipment_window_seconds=max(1, int(self.shipment_window.total_seconds())),
            shipment_reminder_seconds=max(1, int(self.shipment_reminder.total_seconds())),
            max_lines=self.max_lines,
            payment_attempts=self.payment_attempts,
            payment_retry_initial_seconds=self.payment_retry_initial_seconds,
            payment_retry_maximum_seconds=self.payment_retry_maximum_seconds,
            review_above_cents=self.review_above_cents,
            compensation_attempts=self.compensation_attempts,
            packing_days=self.packing_days,
            transit_days_min=self.transit_days_min,
            transit_days_max=self.transit_days_max,
        )
