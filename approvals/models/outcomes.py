"""What an approval leads to: once for each request, whatever is repeated."""

from django.db import models


class LeaveBooking(models.Model):
    request_id = models.CharField(max_length=64, unique=True)
    username = models.CharField(max_length=150, db_index=True)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    booked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-booked_at"]

    def __str__(self) -> str:
        return f"{self.username}: {self.starts_on} to {self.ends_on}"


class Payout(models.Model):
    """Money that an approval has released: an expense to be paid back, a purchase or a contract to be ordered."""

    request_id = models.CharField(max_length=64, unique=True)
    reference = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=40)
    username = models.CharField(max_length=150, db_index=True)
    amount_cents = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)
    released_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-released_at"]

    def __str__(self) -> str:
        return f"{self.reference}: {self.kind} of {self.username}"
