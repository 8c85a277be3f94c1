"""The lines of an order that is being written: read from a form, priced and held against the stock, never trusted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orders.contract import MAX_QUANTITY
from orders.models import Product
from orders.presentation import money

MOST_LINES = 500
"""More are not even read; the order's own limit is in the settings and is checked when it is placed."""


class Fields(Protocol):
    """A ``QueryDict``."""

    def getlist(self, key: str) -> list[str]: ...


@dataclass
class DraftLine:
    """``key`` names the line in the page; ``quantity`` is as it was typed."""

    key: str
    sku: str = ""
    quantity: str = "1"
    product: Product | None = None
    sku_error: str = ""
    quantity_error: str = ""

    @property
    def pieces(self) -> int | None:
        text = self.quantity.strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            return None
        return int(text) if 1 <= int(text) <= MAX_QUANTITY else None

    @property
    def amount_cents(self) -> int | None:
        return self.pieces * self.product.unit_price_cents if self.product and self.pieces else None

    @property
    def amount(self) -> str:
        if self.amount_cents is None or self.product is None:
            return "–"
        return money(self.amount_cents, self.product.currency)

    @property
    def warning(self) -> str:
        """The stock does not forbid an order: one that is short waits for a person."""
        if self.product is None or self.pieces is None or self.pieces <= self.product.stock:
            return ""
        stock = self.product.stock
        have = "None is" if stock == 0 else "Only 1 is" if stock == 1 else f"Only {stock:,} are"
        return f"{have} in stock. The order would wait until its lines are amended."


@dataclass
class Draft:
    lines: list[DraftLine]
    products: Sequence[Product]

    @property
    def total(self) -> str:
        amounts = [line for line in self.lines if line.amount_cents is not None and line.product]
        currencies = {line.product.currency for line in amounts if line.product}
        if len(currencies) > 1:
            return "several currencies"
        currency = currencies.pop() if currencies else "USD"
        return money(sum(line.amount_cents or 0 for line in amounts), currency)

    @property
    def items(self) -> list[tuple[str, int]]:
        return [(line.sku, line.pieces or 0) for line in self.lines]

    @property
    def is_valid(self) -> bool:
        return bool(self.lines) and not any(line.sku_error or line.quantity_error for line in self.lines)

    def check(self) -> None:
        """Put what is wrong beside each line."""
        seen: set[str] = set()
        for line in self.lines:
            if line.product is None:
                line.sku_error = "Choose a product." if not line.sku else f"There is no product {line.sku} for sale."
            elif line.sku in seen:
                line.sku_error = f"{line.sku} is in the order twice. Put the pieces into one line."
            if line.pieces is None:
                line.quantity_error = f"Give a whole number from 1 to {MAX_QUANTITY:,}."
            seen.add(line.sku)


def new_line() -> DraftLine:
    return DraftLine(key=secrets.token_hex(4))


def products_for_sale() -> list[Product]:
    return list(Product.objects.filter(is_active=True).order_by("sku"))


def read_draft(fields: Fields, products: Sequence[Product]) -> Draft:
    """The lines of a form: ``line``, ``sku`` and ``quantity`` are given once for each. Empty ones are left out."""
    by_sku = {product.sku: product for product in products}
    keys, skus, quantities = (fields.getlist(name)[:MOST_LINES] for name in ("line", "sku", "quantity"))
    lines = []
    for number, sku in enumerate(skus):
        quantity = quantities[number] if number < len(quantities) else ""
        key = keys[number] if number < len(keys) and keys[number].isalnum() and len(keys[number]) <= 16 else ""
        sku = sku.strip()[:64]
        lines.append(DraftLine(key or secrets.token_hex(4), sku, quantity[:20], by_sku.get(sku)))
    return Draft(lines, products)
