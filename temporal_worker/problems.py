"""What can go wrong with a request to a process, in words for people: what the gateways of all areas raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from temporal_worker.contract import InvalidField


class Problem(Exception):
    """Why a request was not done. ``code`` is for machines, ``detail`` a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class NotFound(Problem):
    """There is no such thing, or not for whoever asks."""

    def __init__(self, detail: str) -> None:
        super().__init__("not_found", detail)


class InvalidRequest(Problem):
    """Something in the request cannot be meant; ``field`` names it, as in ``items.0.quantity``."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__("invalid", problem)
        self.field = field


class Refused(Problem):
    """The process says no, and nothing was changed. ``code`` is one of its refusal codes, ``extra`` are its details."""

    def __init__(self, code: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.extra = extra or {}


class NotPermitted(Refused):
    """It is not for whoever asks to do, though they may see it."""


class KeyReused(Refused):
    """The idempotency key stands for another request already."""

    def __init__(self) -> None:
        super().__init__("key_reused", "This idempotency key was used for another request.")


class Unavailable(Problem):
    """Temporal or its worker is out of reach; the same request with the same key is safe to repeat."""

    def __init__(self, detail: str, retry_after: int = 5) -> None:
        super().__init__("unavailable", detail)
        self.retry_after = retry_after


@contextmanager
def naming_the_field() -> Iterator[None]:
    """A message that fails its own check becomes an :class:`InvalidRequest`."""
    try:
        yield
    except InvalidField as error:
        raise InvalidRequest(error.field, error.problem) from error
