"""Messages of the tests' small area."""

from dataclasses import dataclass, field
from enum import StrEnum

QUEUE = "parcel-queue"


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class NegativeWeight(ValueError):
    def __init__(self) -> None:
        super().__init__("grams: must not be negative")
        self.field = "grams"


@dataclass
class Label:
    text: str
    copies: int = 1


@dataclass
class ParcelInput:
    parcel_id: str
    grams: int = 0


@dataclass
class Weigh:
    grams: int
    fragile: bool = False
    size: Size = Size.SMALL
    labels: list[Label] = field(default_factory=list)
    note: str | None = None

    def check(self) -> None:
        if self.grams < 0:
            raise NegativeWeight


@dataclass
class Parcel:
    version: int
    grams: int
    dropped: list[list[str]]


@dataclass
class EndInput:
    continue_as_new: bool = False
    linger_seconds: float = 0.0
