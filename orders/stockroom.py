"""The stock of products, and who holds what of it. Never below zero, whatever happens at once."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from orders.contract import OrderLine, ProductFacts, Shortage, StockRequest, StockResult
from orders.models import Product, Reservation, StockHold


class _Short(Exception):
    """Rolls back what was taken for the lines before the short one."""


def product_facts(skus: list[str], currency: str = "") -> list[ProductFacts]:
    """Name, price and free pieces of each product that is for sale, in that currency if it is given; others are left out."""
    products = _for_sale(skus, currency)
    return [ProductFacts(p.sku, p.name, p.unit_price_cents, p.currency, p.stock) for p in products]


def _for_sale(skus: Collection[str], currency: str) -> QuerySet[Product]:
    products = Product.objects.filter(sku__in=skus, is_active=True)
    return products.filter(currency=currency) if currency else products


def hold(request: StockRequest) -> StockResult:
    """Make what the order holds exactly the lines asked for; all of them, or no change at all.

    The order's :class:`StockHold` row serialises its requests. One that is not newer than the last one applied gets the
    stored answer, so a repeated or a late activity changes nothing.
    """
    with transaction.atomic():
        StockHold.objects.get_or_create(order_id=request.order_id)
        row = StockHold.objects.select_for_update().get(order_id=request.order_id)
        if request.revision <= row.revision:
            return _load(row.result)
        result = _apply(request)
        row.revision, row.result = request.revision, asdict(result)
        row.save()
        return result


def _apply(request: StockRequest) -> StockResult:
    wanted = {line.sku: line.quantity for line in request.lines}
    # In the order of the SKUs, so that two orders never wait for each other's rows.
    held = {
        reservation.product.sku: reservation
        for reservation in Reservation.objects.filter(order_id=request.order_id).select_related("product")
    }
    known = set(_for_sale(wanted, request.currency).values_list("sku", flat=True)) | set(held)
    unknown = sorted(set(wanted) - known)
    shortages = [Shortage(sku, wanted[sku], 0) for sku in unknown]
    try:
        with transaction.atomic():
            for sku in sorted(set(wanted) | set(held) - set(unknown)):
                if sku in unknown:
                    continue
                has = held[sku].quantity if sku in held else 0
                more = wanted.get(sku, 0) - has
                if more and not Product.objects.filter(sku=sku, stock__gte=more).update(stock=F("stock") - more):
                    free = Product.objects.values_list("stock", flat=True).get(sku=sku)
                    shortages.append(Shortage(sku, wanted[sku], free + has))
            if shortages:
                raise _Short
            _reserve(request.order_id, request.lines)
    except _Short:
        pass
    products = product_facts(list(wanted), request.currency)
    return StockResult(held=not shortages, shortages=shortages, products=products, unknown_skus=unknown)


def _reserve(order_id: str, lines: list[OrderLine]) -> None:
    products = {product.sku: product for product in Product.objects.filter(sku__in=[line.sku for line in lines])}
    Reservation.objects.filter(order_id=order_id).exclude(product__in=products.values()).delete()
    for line in lines:
        Reservation.objects.update_or_create(
            order_id=order_id, product=products[line.sku], defaults={"quantity": line.quantity}
        )


def ship(order_id: str) -> None:
    """The pieces have left the house; they are not given back any more."""
    Reservation.objects.filter(order_id=order_id, shipped_at=None).update(shipped_at=timezone.now())


def _load(stored: dict[str, Any]) -> StockResult:
    return StockResult(
        held=stored["held"],
        shortages=[Shortage(**shortage) for shortage in stored["shortages"]],
        products=[ProductFacts(**product) for product in stored["products"]],
        unknown_skus=stored["unknown_skus"],
    )
