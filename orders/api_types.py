"""What callers of the API send, and what they get besides an order. Types are strict: ``"12"`` and ``true`` are no numbers.

The order itself, and the limits that hold at every door, are in :mod:`orders.contract`.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from orders.contract import MAX_CENTS, MAX_QUANTITY, MAX_REASON, MAX_TEXT, OrderView

CLOCK_SKEW = timedelta(minutes=5)


def _read_moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a text like 2026-11-19T13:08:10Z")  # noqa: TRY004 - what Pydantic takes for a "no"
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("must carry a time zone, as in 2026-11-19T13:08:10Z")
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error
    if moment > datetime.now(UTC) + CLOCK_SKEW:
        raise ValueError("must not lie in the future")
    return moment


Pieces = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY, examples=[1])]
Sku = Annotated[str, Field(min_length=1, max_length=64, examples=["LAPTOP-001"])]
Moment = Annotated[datetime, BeforeValidator(_read_moment), Field(examples=["2026-11-19T13:08:10Z"])]


class NewLine(BaseModel):
    sku: Sku
    quantity: Pieces


class NewOrder(BaseModel):
    customer_id: str = Field(min_length=1, max_length=64, examples=["CUST-001"])
    customer_email: str = Field(min_length=3, max_length=254, examples=["amara.okafor@example.com"])
    items: list[NewLine] = Field(min_length=1, max_length=500, description="One line for each product.")
    shipping_address: str | None = Field(
        default=None, max_length=MAX_TEXT, examples=["14 Orchard Row, Bristol BS1 4QT"]
    )


class AddedItem(BaseModel):
    sku: Sku
    quantity: Pieces


class Payment(BaseModel):
    payment_method: str = Field(min_length=1, max_length=32, examples=["card"])
    card_token: str = Field(
        min_length=1,
        max_length=200,
        repr=False,
        examples=["tok_visa"],
        description="The payment provider's single-use token. It is handed on and kept nowhere. The sandbox knows "
        "`tok_visa`, `tok_declined`, `tok_flaky` and `tok_timeout_after_charge`.",
    )
    amount_cents: Annotated[int, Field(strict=True, ge=1, le=MAX_CENTS)] = Field(
        examples=[129999], description="Must be the order's total."
    )


class Shipment(BaseModel):
    carrier: str = Field(min_length=1, max_length=64, examples=["UPS"])
    tracking_number: str = Field(min_length=1, max_length=64, examples=["1Z999AA10123456784"])
    address: str | None = Field(
        default=None, max_length=MAX_TEXT, description="Where it goes, if not to the order's address."
    )


class Delivery(BaseModel):
    delivered_at: Moment | None = Field(default=None, description="When it arrived; now, if left out.")
    received_by: str | None = Field(default=None, max_length=150)


class Cancellation(BaseModel):
    reason: str | None = Field(default=None, max_length=MAX_REASON, examples=["The customer changed their mind."])


class OrderPage(BaseModel):
    items: list[OrderView]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")
