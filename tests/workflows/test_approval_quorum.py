"""any, all and n of m against a model of ten lines: whatever parallel approvers do, the level ends as it says."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from temporalio.exceptions import ApplicationError

from approvals.contract import ApprovalInput, By, DecisionInput, InvalidField, LevelRule
from approvals.process import refusals
from approvals.process.state import ApprovalState
from tests.workflows.office import level, policy

PEOPLE = ["ann", "bo", "cy", "dee", "eve"]


class Model:
    """The ten lines."""

    def __init__(self, people: list[str], needed: int, rejections: int) -> None:
        self.votes: dict[str, bool] = {}
        self.people, self.needed, self.rejections = people, needed, rejections

    @property
    def outcome(self) -> str:
        count = Counter(self.votes.values())
        if count[True] >= self.needed:
            return "approved"
        out_of_reach = count[False] and len(self.people) - count[False] < self.needed
        return "rejected" if count[False] >= self.rejections or out_of_reach else "pending"


class Quorum(RuleBasedStateMachine):
    """Drives the very code of the workflow: refusal, then decision, as validator and handler do."""

    @initialize(size=st.integers(1, 5), rule_name=st.sampled_from(LevelRule), data=st.data())
    def ask(self, size: int, rule_name: LevelRule, data: st.DataObject) -> None:
        people = PEOPLE[:size]
        needed = data.draw(st.integers(1, size)) if rule_name == LevelRule.N_OF_M else 1
        rejections = data.draw(st.integers(1, size))
        rules = level("Level", *people, rule=rule_name, needed=needed, rejections=rejections)
        request = ApprovalInput(
            "REQ-20261121-120000-aaaa", "leave", "Leave", "employee", policy(rules), by=By("employee", "web")
        )
        request.check()
        self.state = ApprovalState(request, lambda: datetime(2026, 11, 21, tzinfo=UTC), lambda: None)
        self.model = Model(people, rules.approvals_needed, rejections)

    @precondition(lambda self: hasattr(self, "model"))
    @rule(who=st.sampled_from([*PEOPLE, "employee", "stranger"]), approved=st.booleans())
    def decide(self, who: str, approved: bool) -> None:
        decision = DecisionInput(approved, self.state.it.state_version, "because", By(who, "web"))
        refusal: Exception | None
        try:
            refusal = refusals.decision_refusal(self.state, decision)
        except InvalidField as problem:
            refusal = problem
        allowed = who in self.model.people and who not in self.model.votes and self.model.outcome == "pending"
        assert (refusal is None) == allowed
        if refusal is None:
            place = refusals.place_of(self.state, who, "")
            self.state.decide(decision.by, approved, "because", place, escalated=False)
            self.model.votes[who] = approved
        else:
            assert isinstance(refusal, ApplicationError)

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def agrees_with_the_model(self) -> None:
        if hasattr(self, "model"):
            assert self.state.it.status == self.model.outcome
            assert {d.approver: d.approved for d in self.state.it.levels[0].decisions} == self.model.votes


TestQuorum = Quorum.TestCase
TestQuorum.settings = settings(max_examples=150, stateful_step_count=12, deadline=None)
