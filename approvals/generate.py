"""Made-up requests for measurements: three months of them, most of them long decided."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from approvals.contract import (
    ApprovalInput,
    ApprovalStatus,
    Door,
    PolicyLevel,
    PolicySnapshot,
    RequestKind,
    Seat,
    TrailKind,
)
from approvals.models import ApprovalRequest, Involvement, TrailRow
from approvals.process.state import ApprovalState
from dashboard.generating import MARK, Rows, keys_of, moment
from temporal_worker.snapshots import to_json

OPTION = "requests"
HELP = "requests for approval of the last 90 days, with their trails"
DAYS = 90
_PEOPLE = ("employee", "ops", "marketer")
_APPROVERS = ("manager", "hr", "director", "vp")
_TITLES = ("Contractor extension", "New laptops", "Trade fair in Lisbon", "Team dinner", "Leave in August", "Chairs")


def has_real_rows() -> bool:
    return ApprovalRequest.objects.exclude(idempotency_key__startswith=MARK).exists()


@dataclass(frozen=True)
class _Made:
    request_id: str
    status: ApprovalStatus
    requester: str
    approver: str
    title: str
    asked_at: datetime
    decided_at: datetime | None
    due_at: datetime


def generate(count: int, chance: Random, now: datetime) -> None:
    made = sorted((_make(number, chance, now) for number in range(count)), key=lambda one: one.asked_at)
    common = {"version": 5, "state_version": 1, "kind": RequestKind.PURCHASE, "level_name": "Manager"}
    Rows(ApprovalRequest, **common).write(_row(one, chance) for one in made)
    keys = keys_of(ApprovalRequest.objects.filter(idempotency_key__startswith=MARK), "request_id")
    Rows(Involvement).write(_involvements(made, keys))
    Rows(TrailRow, version=1, state_version=1).write(_trail(made, keys))


def _make(number: int, chance: Random, now: datetime) -> _Made:
    asked_at = moment(chance, now, DAYS)
    dice = chance.random()
    is_open = dice < 0.02 or now - asked_at < timedelta(hours=8)
    decided_at = None if is_open else min(now, asked_at + timedelta(hours=1 + chance.random() * 30))
    return _Made(
        f"REQ-{asked_at:%Y%m%d-%H%M%S}-g{number:07x}",
        ApprovalStatus.PENDING if is_open else ApprovalStatus.REJECTED if dice < 0.15 else ApprovalStatus.APPROVED,
        chance.choice(_PEOPLE),
        chance.choice(_APPROVERS),
        chance.choice(_TITLES),
        asked_at,
        decided_at,
        asked_at + timedelta(days=3) if chance.random() < 0.9 else now + timedelta(hours=5),
    )


def _row(one: _Made, chance: Random) -> dict[str, Any]:
    return {
        "request_id": one.request_id,
        "idempotency_key": f"{MARK}{one.request_id}",
        "status": one.status,
        "title": one.title,
        "amount_cents": 5_000 + chance.randrange(2_000_000),
        "requester": one.requester,
        "requester_name": one.requester.capitalize(),
        "due_at": one.due_at if one.decided_at is None else None,
        "submitted_at": one.asked_at,
        "closed_at": one.decided_at,
        "updated_at": one.decided_at or one.asked_at,
        "snapshot": _snapshot(one),
    }


_kept: dict[str, str] = {}


def _snapshot(one: _Made) -> dict[str, Any]:
    """A whole request as its workflow would have saved it, so that the rows are as heavy as real ones."""
    if one.approver not in _kept:
        policy = PolicySnapshot("1", "Purchases", 1, [PolicyLevel("Manager", [Seat(one.approver, "user")])])
        start = ApprovalInput(
            request_id="@request@", kind=RequestKind.PURCHASE, title="@title@", requester="employee", policy=policy
        )
        view = ApprovalState(start, lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: None).view()
        _kept[one.approver] = json.dumps(to_json(view))
    seen: dict[str, Any] = json.loads(_kept[one.approver])
    closed_at = one.decided_at.isoformat() if one.decided_at else None
    own = {"request_id": one.request_id, "title": one.title, "requester": one.requester, "status": one.status}
    return seen | own | {"trail": [], "version": 5, "submitted_at": one.asked_at.isoformat(), "closed_at": closed_at}


def _involvements(made: list[_Made], keys: dict[str, int]) -> Iterator[dict[str, Any]]:
    for one in made:
        request_id = keys[one.request_id]
        yield {"request_id": request_id, "username": one.requester, "role": Involvement.Role.REQUESTER}
        yield {
            "request_id": request_id,
            "username": one.approver,
            "role": Involvement.Role.APPROVER,
            "level": 1,
            "via": "user",
            "can_decide": one.decided_at is None,
            "decided_at": one.decided_at,
        }


def _trail(made: list[_Made], keys: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Without digests: whoever checks the audit finds that nobody has done any of this."""
    for one in made:
        entries = [(one.asked_at, one.requester, TrailKind.SUBMITTED, "Asked for approval")]
        if one.decided_at is not None:
            approved = one.status == ApprovalStatus.APPROVED
            kind = TrailKind.APPROVED if approved else TrailKind.REJECTED
            entries.append((one.decided_at, one.approver, kind, "Approved" if approved else "Rejected"))
        for sequence, (at, who, what, text) in enumerate(entries, start=1):
            yield {
                "request_id": keys[one.request_id],
                "sequence": sequence,
                "at": at,
                "who": who,
                "door": Door.WEB,
                "what": what,
                "text": text,
                "saved_at": at + timedelta(milliseconds=300),
            }
