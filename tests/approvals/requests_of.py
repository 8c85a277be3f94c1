"""Requests as the gateway would hand them out, for tests of the doors that have no workflow behind them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from approvals import projection
from approvals.contract import (
    ApprovalInput,
    ApprovalView,
    By,
    Cover,
    DecisionInput,
    Door,
    PolicyLevel,
    PolicySnapshot,
    ResubmitInput,
    Seat,
    WorkingHours,
)
from approvals.process import refusals
from approvals.process.state import ApprovalState

REQUEST_ID = "REQ-20261117-091544-c2d8"
NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
NAMES = {
    "employee": "Emil Novak",
    "manager": "Marta Kovács",
    "hr": "Hanna Reyes",
    "director": "Daniel Osei",
    "vp": "Vera Petrov",
    "bo": "Bo Nyman",
}
ALWAYS = WorkingHours(round_the_clock=True)


def level(name: str, *people: str, via: str = "user", **more: Any) -> PolicyLevel:
    return PolicyLevel(name, [Seat(person, via) for person in people], **more)


class Desk:
    """One request and its own bookkeeping, without a workflow around it; ``now`` is its clock."""

    def __init__(
        self, *levels: PolicyLevel, request_id: str = REQUEST_ID, at: datetime = NOON, covers: Any = (), **changes: Any
    ) -> None:
        policy = PolicySnapshot(
            "1", "Contracts", 7, list(levels) or [level("Manager", "manager"), level("HR", "hr")], working_hours=ALWAYS
        )
        fields: dict[str, Any] = {
            "kind": "contract",
            "title": "Contractor extension, data team",
            "requester": "employee",
            "description": "Three more months.",
            "amount_cents": 1_840_000,
            "names": NAMES,
            "covers": list(covers),
            "by": By("employee", Door.WEB),
        }
        self.now = at
        self.state = ApprovalState(
            ApprovalInput(request_id=request_id, policy=policy, **{**fields, **changes}), lambda: self.now, lambda: None
        )

    @property
    def view(self) -> ApprovalView:
        return self.state.view()

    def decide(self, who: str, approved: bool = True, comment: str = "", door: Door = Door.WEB) -> "Desk":
        decision = DecisionInput(approved, self.view.state_version, comment or "No.", By(who, door))
        assert refusals.decision_refusal(self.state, decision) is None
        place = refusals.place_of(self.state, who, "")
        escalated = place not in self.view.current_level.approvers
        self.state.decide(decision.by, approved, comment, place, escalated=escalated)
        return self

    def want_changes(self, who: str, comment: str = "Three days a week?") -> "Desk":
        self.state.want_changes(By(who, Door.WEB), comment)
        return self

    def ask_again(self, **changes: Any) -> "Desk":
        view = self.view
        fields = {"title": view.title, "description": view.description, "amount_cents": view.amount_cents}
        self.state.resubmit(ResubmitInput(**{**fields, **changes}, by=By("employee", Door.WEB)))
        return self

    def wait(self, length: timedelta) -> "Desk":
        self.now += length
        self.state.let_time_pass()
        return self

    def save(self) -> "Desk":
        projection.save(replace(self.view))
        return self


def cover(principal: str, delegate: str, *, since: datetime = NOON - timedelta(days=1), days: int = 4) -> Cover:
    return Cover("out-of-office:1", principal, delegate, since, since + timedelta(days=days), "Holiday")
