"""Filters of the order area's templates."""

from django import template

from orders.models import Product
from orders.presentation import money

register = template.Library()


@register.filter
def price(product: Product) -> str:
    """The price of one piece, with its currency."""
    return money(product.unit_price_cents, product.currency)


@register.filter(name="money")
def money_filter(cents: int, currency: str) -> str:
    return money(cents, currency)
