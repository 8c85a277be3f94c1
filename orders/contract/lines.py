"""The lines of an order: what is asked for, and what of it is short."""

from dataclasses import dataclass

from orders.contract.words import MAX_CENTS, MAX_QUANTITY
from temporal_worker.contract import check_number, check_text


@dataclass(frozen=True)
class OrderLine:
    """One line of an order. A name left empty, or a price left at None, is taken from the product when the order starts."""

    sku: str
    quantity: int
    name: str = ""
    unit_price_cents: int | None = None

    @property
    def amount_cents(self) -> int:
        return self.quantity * (self.unit_price_cents or 0)

    def check(self) -> None:
        check_text("sku", self.sku, most=64, required=True)
        check_number("quantity", self.quantity, least=1, most=MAX_QUANTITY)
        check_text("name", self.name)
        if self.unit_price_cents is not None:
            check_number("unit_price_cents", self.unit_price_cents, least=0, most=MAX_CENTS)


@dataclass(frozen=True)
class Shortage:
    sku: str
    wanted: int
    available: int
