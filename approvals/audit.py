"""What makes the records tamper-evident: two chains of keyed digests, and the list of attempts that were refused.

Each digest is an HMAC-SHA256 over the entry and the digest before it, under a key derived from ``AUDIT_KEY``. Who changes
rows by hand, in whatever way, cannot make the digests fit again without that key.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals.models import AttemptChain, RefusedAttempt, TrailRow

TRAIL_FIELDS = (
    "sequence",
    "at",
    "who",
    "on_behalf_of",
    "door",
    "what",
    "version",
    "state_version",
    "round",
    "level",
    "text",
    "comment",
    "update_id",
    "event_id",
    "run_id",
)
ATTEMPT_FIELDS = (
    "number",
    "at",
    "request_id",
    "who",
    "on_behalf_of",
    "door",
    "what",
    "code",
    "reason",
    "state_version",
)


def chain_digest(previous: str, entry: Mapping[str, Any]) -> str:
    """HMAC-SHA256 in hex of an entry behind the digest of the one before it (empty for the first)."""
    text = json.dumps({"previous": previous, **entry}, sort_keys=True, default=_plain, ensure_ascii=False)
    return hmac.new(_key(), text.encode(), hashlib.sha256).hexdigest()


def trail_digest(previous: str, row: TrailRow, request_id: str) -> str:
    return chain_digest(previous, {"request_id": request_id, **{name: getattr(row, name) for name in TRAIL_FIELDS}})


def attempt_digest(previous: str, row: RefusedAttempt) -> str:
    return chain_digest(previous, {name: getattr(row, name) for name in ATTEMPT_FIELDS})


def record_attempt(
    *,
    request_id: str,
    who: str,
    door: str,
    what: str,
    code: str,
    reason: str,
    on_behalf_of: str = "",
    state_version: int | None = None,
) -> RefusedAttempt:
    """Note something that one of our doors refused, at the end of the chain."""
    row = RefusedAttempt(
        at=timezone.now(),
        request_id=request_id[:64],
        who=who[:150],
        on_behalf_of=on_behalf_of[:150],
        door=door[:10],
        what=what[:60],
        code=code[:60],
        reason=reason[:2_000],
        state_version=state_version if state_version is not None and 0 <= state_version < 2**31 else None,
    )
    with transaction.atomic():
        chain = _locked_chain()
        row.number = chain.length + 1
        row.digest = attempt_digest(chain.digest, row)
        row.save()
        chain.length, chain.digest = row.number, row.digest
        chain.save()
    return row


def _locked_chain() -> AttemptChain:
    """The chain's end. Whoever adds next waits for the end of this transaction."""
    try:
        with transaction.atomic():
            AttemptChain.objects.get_or_create(name="attempts")
    except IntegrityError:  # somebody else's first attempt was faster
        pass
    return AttemptChain.objects.select_for_update().get(name="attempts")


def _key() -> bytes:
    return hashlib.sha256(b"callboard.audit:" + settings.AUDIT_KEY.encode()).digest()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
