"""Samples of what an approver sees: a row of the inbox, levels and rounds of a request."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from dashboard.phrases import strong, text
from dashboard.styleguide.part import Part

_REQUEST = "REQ-20261119-091541-k7q2"


def _row(now: datetime, **changes: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "request_id": _REQUEST,
        "version": 3,
        "state_version": 2,
        "may_decide": True,
        "amount_cents": 129_900,
        "title": "New laptop",
        "blocker": [strong("You"), text(" decide; then it goes to Finance.")],
        "kind": "Purchase",
        "requester": "emil",
        "requester_name": "Emil Novak",
        "submitted_at": now - timedelta(hours=3),
        "amount": "$1,299.00",
        "due_at": now + timedelta(hours=2),
        "then": "then it is escalated",
        "tone": "warn",
        "round": 2,
        "behalf": "",
        "place": "",
        "no": "",
        "is_over": False,
        "status": SimpleNamespace(mark="move", word="Pending"),
    }
    return SimpleNamespace(**{**fields, **changes})


def inbox_row(now: datetime) -> Part:
    return "approvals/_request_row.html", {"row": _row(now), "waits": True, "key": "style-guide"}


def inbox_row_refused(now: datetime) -> Part:
    row = _row(
        now,
        request_id=f"{_REQUEST[:-4]}m3p8",
        title="Trip to Lisbon",
        may_decide=False,
        tone="",
        round=1,
        kind="Travel",
        no="You asked for it yourself.",
        blocker=[text("Waits for "), strong("Marta Kovács"), text(".")],
        behalf="",
    )
    return "approvals/_request_row.html", {"row": row, "waits": True}


def levels(now: datetime) -> Part:
    def voter(name: str, said: str = "", word: str = "", mark: str = "", **more: Any) -> SimpleNamespace:
        at = now - timedelta(hours=1) if said else None
        return SimpleNamespace(username="", name=name, said=said, at=at, word=word, mark=mark, **more)

    levels = [
        SimpleNamespace(
            number=1,
            state="done",
            name="Manager",
            rule="any one of 1",
            voters=[voter("Marta Kovács", "approved", comment="Fine")],
        ),
        SimpleNamespace(
            number=2,
            state="now",
            name="Finance",
            rule="two of 3",
            voters=[voter("Hanna Reyes", word="Waiting", mark="idle", note="since 11:02")],
        ),
        SimpleNamespace(
            number=3, state="", name="Director", rule="any one of 2", voters=[voter("Daniel Osei", word="Later")]
        ),
    ]
    view = SimpleNamespace(version=1, policy_name="Purchases", policy_version=4, left_out=[])
    return "approvals/_request_levels.html", {"page": SimpleNamespace(view=view, levels=levels)}


def rounds(now: datetime) -> Part:
    rows = [
        SimpleNamespace(field="Amount", before="$1,499.00", after="$1,299.00", is_changed=True),
        SimpleNamespace(field="Title", before="New laptop", after="New laptop", is_changed=False),
    ]
    rounds = SimpleNamespace(
        before=1,
        after=2,
        rows=rows,
        wanted="a smaller one",
        wanted_by="Marta Kovács",
        note="Decided anew from the first level.",
    )
    return "approvals/_request_rounds.html", {"page": SimpleNamespace(view=SimpleNamespace(version=1), rounds=rounds)}
