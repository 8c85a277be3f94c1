"""Configuration that the admin site edits, and the projection of the orders that Temporal runs.

The workflow holds the truth of an order in flight. These rows are what lists, search and reports read, and what is left
when Temporal's retention has passed; they never decide anything for a running order.
"""

from datetime import timedelta
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from orders.contract import OrderPolicy, OrderStage, OrderStatus, PaymentStatus, ShippingStatus, TimelineKind


class Product(models.Model):
    """Something that can be ordered. ``stock`` is what is free: pieces held by orders are taken off it."""

    sku = models.CharField(
        "SKU",
        max_length=64,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "Letters, digits, dot, dash and underscore only.")],
    )
    name = models.CharField(max_length=200)
    unit_price_cents = models.PositiveBigIntegerField(help_text="In the currency's smallest unit: 129999 is 1,299.99.")
    currency = models.CharField(
        max_length=3, default="USD", validators=[RegexValidator(r"^[A-Z]{3}$", "A three-letter ISO 4217 code.")]
    )
    stock = models.PositiveIntegerField(default=0, help_text="Pieces that are free to be ordered.")
    is_active = models.BooleanField("for sale", default=True)
    bought_together = models.ManyToManyField("self", blank=True, help_text="Shown as a recommendation.")

    class Meta:
        ordering = ["sku"]
        constraints = [models.CheckConstraint(condition=models.Q(stock__gte=0), name="stock_never_below_zero")]

    def __str__(self) -> str:
        return f"{self.sku} · {self.name}"


class Customer(models.Model):
    customer_id = models.CharField("customer number", max_length=64, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField("e-mail")
    shipping_address = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["customer_id"]

    def __str__(self) -> str:
        return f"{self.customer_id} · {self.name}"


class StockHold(models.Model):
    """Which request for stock of an order was applied last, with its answer; serialises the changes of one order."""

    order_id = models.CharField(max_length=64, unique=True)
    revision = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.order_id} r{self.revision}"


class Reservation(models.Model):
    """Pieces of one product held by one order, already taken off the product's stock."""

    order_id = models.CharField(max_length=64)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="reservations")
    quantity = models.PositiveIntegerField()
    shipped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order_id", "product"], name="one_reservation_per_line")]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.quantity} × {self.product_id}"


class OrderSettings(models.Model):
    """Windows, limits and retry numbers. One row; each save raises its version, and new orders carry the newest."""

    version = models.PositiveIntegerField(default=1, editable=False)
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
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "order settings"

    def __str__(self) -> str:
        return f"Order settings, version {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.version += 1
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> "OrderSettings":
        """The one row, made with its defaults when there is none yet."""
        return cls.objects.get_or_create(pk=1)[0]

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
            compensation_attempts=self.compensation_attempts,
            packing_days=self.packing_days,
            transit_days_min=self.transit_days_min,
            transit_days_max=self.transit_days_max,
        )


class Order(models.Model):
    """The projection of one order. ``version`` is the workflow's, and only a newer one ever overwrites the row.

    ``snapshot`` is the whole order as ``get_order_details`` answers it (its timeline is in :class:`OrderEvent`).
    ``change`` is the value of the change counter "orders" when the row was written, so that live pages find what is new.
    """

    STARTING = "starting"  # the row is there, the workflow may not be yet

    order_id = models.CharField(max_length=64, unique=True)
    version = models.PositiveIntegerField(default=0)
    change = models.PositiveBigIntegerField(default=0, db_index=True)
    status = models.CharField(
        max_length=20, choices=[(STARTING, STARTING), *((s.value, s.value) for s in OrderStatus)], default=STARTING
    )
    stage = models.CharField(max_length=20, choices=[(s.value, s.value) for s in OrderStage], default=OrderStage.START)
    payment_status = models.CharField(max_length=20, default=PaymentStatus.UNPAID)
    shipping_status = models.CharField(max_length=20, default=ShippingStatus.NOT_SHIPPED)
    customer_id = models.CharField(max_length=64, db_index=True)
    customer_name = models.CharField(max_length=200, blank=True)
    customer_email = models.CharField(max_length=254)
    currency = models.CharField(max_length=3, default="USD")
    total_cents = models.BigIntegerField(default=0)
    skus = models.TextField(blank=True, help_text="The SKUs of its lines, parted and surrounded by spaces; for search.")
    tracking_number = models.CharField(max_length=64, blank=True, db_index=True)
    next_at = models.DateTimeField(null=True, blank=True, help_text="When the soonest running timer ends.")
    is_late = models.BooleanField(default=False)
    placed_at = models.DateTimeField(default=timezone.now, db_index=True)
    updated_at = models.DateTimeField(default=timezone.now)
    snapshot = models.JSONField(default=dict)
    # How the order came to be: a repeat with the same key by the same person gets this order back.
    idempotency_key = models.CharField(max_length=400)
    request_hash = models.CharField(max_length=64, blank=True)
    # What the workflow starts from; a crash between the row and the workflow is made good with it.
    start_input = models.JSONField(default=dict)

    class Meta:
        ordering = ["-placed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["idempotency_key"], name="one_order_per_key")]
        indexes = [
            models.Index(fields=["status", "-placed_at"]),
            models.Index(fields=["next_at"]),
            models.Index(fields=["customer_email"]),
            # What the home page asks once a second while orders move: few rows of many.
            models.Index(fields=["status"], condition=models.Q(is_late=True), name="orders_late"),
            models.Index(
                fields=["updated_at"], condition=models.Q(stage=OrderStage.PAYMENT.value), name="orders_paying"
            ),
        ]
        permissions = [("operate_order", "Can act on orders: take payments, ship, deliver, cancel")]

    def __str__(self) -> str:
        return self.order_id


class OrderEvent(models.Model):
    """One entry of an order's timeline; never changed once written."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    username = models.CharField(max_length=150, blank=True)
    door = models.CharField(max_length=10)
    text = models.TextField()
    amount_cents = models.BigIntegerField(null=True, blank=True)
    saved_at = models.DateTimeField(
        null=True, editable=False, help_text="When it came here: how far the lists are behind."
    )

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["order", "sequence"], name="one_event_per_sequence")]
        indexes = [
            # Deliveries by the day, for the home page.
            models.Index(
                fields=["at"],
                condition=models.Q(kind=TimelineKind.ORDER_DELIVERED.value),
                name="order_events_delivered",
            )
        ]

    def __str__(self) -> str:
        return f"{self.order_id} #{self.sequence} {self.kind}"


class OrderMail(models.Model):
    """A mail about an order. Written before it is sent, so that a repeated activity sends it once."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="mails")
    kind = models.CharField(max_length=40)
    number = models.PositiveIntegerField(default=1)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["order", "kind", "number"], name="one_mail_per_kind")]
        indexes = [models.Index(fields=["id"], condition=models.Q(sent_at=None), name="order_mails_unsent")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"


class WebhookEvent(models.Model):
    """A payment event as it came in with a good signature: kept first, delivered to its order after."""

    class State(models.TextChoices):
        RECEIVED = "received", "received, not delivered yet"
        DELIVERED = "delivered", "delivered to its order"
        UNMATCHED = "unmatched", "on the unmatched list"
        IGNORED = "ignored", "needs nothing"

    event_id = models.CharField(max_length=200, unique=True)
    type = models.CharField(max_length=60)
    order_id = models.CharField(max_length=64, db_index=True)
    payment_id = models.CharField(max_length=200)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created = models.DateTimeField(help_text="When the provider says it happened.")
    received_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVED, db_index=True)
    deliveries = models.PositiveIntegerField(default=1, help_text="How often the provider sent it.")

    class Meta:
        ordering = ["-received_at"]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class UnmatchedEvent(models.Model):
    """A payment event that no order could take, with the reason; a person replays it or settles it by hand."""

    event = models.OneToOneField(WebhookEvent, on_delete=models.CASCADE, related_name="unmatched")
    reason = models.CharField(max_length=300)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    replayed_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True, db_index=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    resolution = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-first_seen_at"]

    def __str__(self) -> str:
        return f"{self.event}: {self.reason}"


class SandboxCharge(models.Model):
    """The sandbox provider's own books: one row per idempotency key, whatever is asked how often."""

    idempotency_key = models.CharField(max_length=200, unique=True)
    payment_id = models.CharField(max_length=64, unique=True)
    order_id = models.CharField(max_length=64, db_index=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    is_charged = models.BooleanField(default=False)
    timeouts = models.PositiveIntegerField(default=0, help_text="How often this key has timed out so far.")
    refunded_cents = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.payment_id


class SandboxRefund(models.Model):
    """Money given back by the sandbox provider: one row per idempotency key, never more in all than was charged."""

    charge = models.ForeignKey(SandboxCharge, on_delete=models.CASCADE, related_name="refunds")
    idempotency_key = models.CharField(max_length=200, unique=True)
    refund_id = models.CharField(max_length=64, unique=True)
    amount_cents = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.refund_id
