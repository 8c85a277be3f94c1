"""What can be ordered, by whom, and what of it is held for which order."""

from django.core.validators import RegexValidator
from django.db import models


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
