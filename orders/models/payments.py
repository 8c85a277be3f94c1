"""What the payment provider has told, and the sandbox provider's own books."""

from django.db import models


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
