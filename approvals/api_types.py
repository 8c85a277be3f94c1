"""What callers of the API send, and what they get besides a request. Types are strict: ``"12"`` is no number, ``1`` no yes.

The request itself, and the limits that hold at every door, are in :mod:`approvals.contract`.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from approvals.contract import (
    MAX_CENTS,
    MAX_COMMENT,
    MAX_DESCRIPTION,
    MAX_REASON,
    MAX_TITLE,
    ApprovalView,
    RequestKind,
)


def _read_moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a text like 2027-01-12T17:00:00Z")  # noqa: TRY004 - what Pydantic takes for a "no"
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("must carry a time zone, as in 2027-01-12T17:00:00Z")
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error


Moment = Annotated[datetime, BeforeValidator(_read_moment), Field(examples=["2027-01-12T17:00:00Z"])]
Cents = Annotated[int, Field(strict=True, ge=1, le=MAX_CENTS, examples=[450_000])]
Day = Annotated[str, Field(max_length=10, examples=["2027-01-12"])]
StateVersion = Annotated[
    int,
    Field(
        strict=True, ge=0, le=10**9, examples=[1], description="The `state_version` of the request that was looked at."
    ),
]
Comment = Annotated[str, Field(max_length=MAX_COMMENT, examples=["Enjoy the mountains."])]


class Inbox(StrEnum):
    """Whose requests a list holds."""

    MINE = "mine"
    """Those that I can decide now, in my own name or for somebody."""
    REQUESTED = "requested"
    """Those that I have asked."""
    DECIDED = "decided"
    """Those that I have decided."""
    ALL = "all"
    """Everything that I may see."""


class NewRequest(BaseModel):
    kind: RequestKind = Field(examples=["leave"])
    title: str = Field(min_length=1, max_length=MAX_TITLE, examples=["Two weeks in May"])
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    amount_cents: Cents | None = None
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    starts_on: Day | None = None
    ends_on: Day | None = None


class Decision(BaseModel):
    approved: Annotated[bool, Field(strict=True)]
    comment: Comment = ""
    state_version: StateVersion
    on_behalf_of: str = Field(
        default="",
        max_length=150,
        description="In whose name: your own, or theirs whom you cover for. Left out, the request finds it for the first "
        "decision that you make of a level; a second one has to say it.",
    )


class NewComment(BaseModel):
    text: str = Field(min_length=1, max_length=MAX_COMMENT, description="`@username` lets somebody see the request.")


class Withdrawal(BaseModel):
    reason: str | None = Field(default=None, max_length=MAX_REASON)


class WantedChanges(BaseModel):
    comment: str = Field(min_length=1, max_length=MAX_COMMENT, examples=["Can it be a week later?"])
    state_version: StateVersion


class Resubmission(BaseModel):
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    amount_cents: Cents | None = None
    starts_on: Day | None = Field(default=None, description="Left out, it stays what it was.")
    ends_on: Day | None = Field(default=None, description="Left out, it stays what it was.")
    comment: Comment = ""


class Delegation(BaseModel):
    to: str = Field(min_length=1, max_length=150, examples=["hr"], description="Username.")
    until: Moment
    reason: str | None = Field(default=None, max_length=MAX_REASON)


class ApprovalPage(BaseModel):
    items: list[ApprovalView]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")
