"""What a change of the orders' configuration leads to for orders that run."""

from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from dashboard.admin_effects import Effect
from orders.contract import OrderStatus
from orders.models import Order, OrderSettings, Product, Reservation

OVER = [status.value for status in OrderStatus if status.is_final]

LATELY = timedelta(days=30)


def of_settings(form: Any) -> Effect:
    """New orders carry the new version, running ones their own."""
    settings: OrderSettings = form.instance
    asks, said = [], before_settings()
    if "takes_orders" in form.changed_data:
        if settings.takes_orders:
            said.append("New orders are taken again.")
        else:
            asks.append(
                "No new orders are taken from now on, on the pages and by the API, until this is switched on again."
            )
    if "review_above_cents" in form.changed_data:
        said += _reviewed(settings.review_above_cents)
    return Effect(said, asks)


def _reviewed(limit: int | None) -> list[str]:
    if limit is None:
        return ["No order that is placed from now on waits for a person's release."]
    lately = Order.objects.filter(placed_at__gte=timezone.now() - LATELY)
    above = lately.filter(total_cents__gt=limit).count()
    return [
        f"Of the {lately.count():,} orders of the last 30 days, {above:,} would have waited for a person's release."
    ]


def before_settings() -> list[str]:
    running = Order.objects.exclude(status__in=OVER)
    version: int = OrderSettings.objects.values_list("version", flat=True).get(pk=1)
    number = running.count()
    words = f"Version {version + 1} holds for orders that are placed from now on."
    if number:
        words += f" {_orders(number)} under way and {'keeps' if number == 1 else 'keep'} what they were placed with."
    return [words]


def of_product(form: Any) -> Effect:
    product: Product = form.instance
    held = Reservation.objects.filter(product_id=product.pk, shipped_at=None)
    pieces: int = held.aggregate(pieces=Sum("quantity"))["pieces"] or 0
    if not product.pk or not pieces:
        return Effect()
    orders = held.count()
    asks, said = [], []
    left = product.stock + (form.cleaned_data.get("adjust_stock_by") or 0)
    if left < pieces and left < product.stock:
        asks.append(
            f"{left:,} pieces would be free, while {_orders(orders)} holding {pieces:,} that have still to be shipped. "
            "What they hold stays theirs: should it not be on the shelf, somebody has to cancel."
        )
    if "is_active" in form.changed_data and not product.is_active:
        said.append(f"It is off sale. {_orders(orders)} holding {pieces:,} pieces of it and go on.")
    if {"unit_price_cents", "currency"} & set(form.changed_data):
        said.append(
            f"The new price is for lines that are added from now on; {_orders(orders)} holding it at the old one."
        )
    return Effect(said, asks)


def _orders(number: int) -> str:
    return f"{number:,} order is" if number == 1 else f"{number:,} orders are"
