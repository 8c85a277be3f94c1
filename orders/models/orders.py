"""The projection: an order, its timeline, its mails."""

from django.db import models
from django.utils import timezone

from orders.contract import OrderStage, OrderStatus, PaymentStatus, ShippingStatus, TimelineKind


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
    pays_again_at = models.DateTimeField(
        null=True, blank=True, help_text="When its payment, which has failed, is tried again by itself."
    )
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
                fields=["status", "pays_again_at"],
                condition=models.Q(pays_again_at__isnull=False),
                name="orders_paying_again",
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
