"""What callers of the API get when the answer is no, in every area."""

from pydantic import BaseModel, Field


class Trouble(BaseModel):
    """The request cannot be taken."""

    detail: str = Field(description="For people.")


class BadInput(BaseModel):
    """Something in the request cannot be meant."""

    detail: str = Field(
        examples=["items.0.quantity: Input should be a valid integer"], description="For people; names the fields."
    )
    field: str = Field(examples=["items.0.quantity"], description="The first field that is wrong, or `body`.")


class OutOfReach(BaseModel):
    """Temporal or its worker is away, or new orders are switched off.

    The same call with the same key may be repeated after `Retry-After` seconds.
    """

    code: str = Field(examples=["unavailable"], description="For machines.")
    detail: str = Field(examples=["Temporal is out of reach."], description="For people.")


class Refusal(BaseModel):
    """The request is understood and refused; nothing was changed. More fields may tell more."""

    code: str = Field(examples=["already_shipped"], description="For machines.")
    detail: str = Field(examples=["The order has been shipped."], description="For people.")
