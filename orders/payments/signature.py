"""The signature of a payment webhook: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<raw body>">[,v1=…]``.

Several ``v1`` and several secrets are there so that a secret can be changed without losing an event.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

HEADER = "Payment-Signature"
TOLERANCE_SECONDS = 300
"""How far ``t`` may lie in the past *and* in the future."""

_MAX_HEADER = 4_096
_TIME = re.compile(r"[0-9]{1,12}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


class BadSignature(Exception):
    """The event is not from the provider, or nobody can tell. The text may be shown to the sender."""

    status = 401


class MalformedSignature(BadSignature):
    """The header cannot be read at all."""

    status = 400


def sign(body: bytes, secret: str, at: int) -> str:
    """The header for a body that is sent at a time (unix seconds)."""
    return f"t={at},v1={_digest(body, secret, at)}"


def check_signature(header: str | None, body: bytes, secrets: Sequence[str], now: float) -> None:
    """Raises :class:`BadSignature` unless one of the header's signatures was made with one of the secrets."""
    if not header:
        raise BadSignature(f"The {HEADER} header is missing.")
    at, digests = _parse(header)
    if abs(int(now) - at) > TOLERANCE_SECONDS:
        raise BadSignature(f"The signature's time is more than {TOLERANCE_SECONDS} s away from ours.")
    expected = [_digest(body, secret, at) for secret in secrets]
    # No early end: how long it takes must not tell which part was right.
    if sum(hmac.compare_digest(mine, theirs) for mine in expected for theirs in digests) == 0:
        raise BadSignature("The signature does not match.")


def _parse(header: str) -> tuple[int, list[str]]:
    if len(header) > _MAX_HEADER or not header.isascii():
        raise MalformedSignature(f"The {HEADER} header is too long or not ASCII.")
    times: list[str] = []
    digests: list[str] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1" and _DIGEST.fullmatch(value):
            digests.append(value.lower())
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise MalformedSignature(f"The {HEADER} header must have exactly one t=<unix seconds>.")
    if not digests:
        raise MalformedSignature(f"The {HEADER} header has no v1=<64 hex digits>.")
    return int(times[0]), digests


def _digest(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
