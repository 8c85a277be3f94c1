"""How much of everything: ``SOAK=short`` for each change, ``SOAK=full`` (the default) for a release."""

import os
from typing import TypeVar

T = TypeVar("T")

SOAK = os.environ.get("SOAK", "full")
if SOAK not in {"short", "full"}:
    raise ValueError(f"SOAK is {SOAK!r}; it must be short or full.")


def pick(*, short: T, full: T) -> T:
    return full if SOAK == "full" else short
