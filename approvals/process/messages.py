"""What may be said to a request while it lives, and what it answers: queries and updates.

A decision is made in its update, in one piece with the validator, so that of two at once one is first. What the request does
by itself is in ``approvals.workflows``.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from approvals.contract import (
    ApprovalInput,
    ApprovalView,
    AttachmentInput,
    AuditEntry,
    By,
    ChangesInput,
    CommentInput,
    DecisionInput,
    DelegationEndInput,
    DelegationInput,
    InvalidField,
    ResubmitInput,
    TrailKind,
    WithdrawalInput,
)
from approvals.process import acts, hand_overs, refusals, room
from approvals.process.bookkeeping import Origin, Since
from approvals.process.state import ApprovalState
from temporal_worker.progress import LiveWorkflow

M = TypeVar("M")

ESCALATION_COVERS = "who-covers-is-told-of-escalations"
COVERS_BEGIN = "who-covers-is-told-when-it-begins"


class ApprovalMessages(LiveWorkflow):
    """What is known of a request, and the messages that reach it."""

    def __init__(self, request: ApprovalInput) -> None:
        try:
            request.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        since = Since(
            escalations_reach_covers=lambda: workflow.patched(ESCALATION_COVERS),
            covers_begin=lambda: workflow.patched(COVERS_BEGIN),
        )
        self.state = ApprovalState(request, workflow.now, self.touch, _origin, since)
        self.resume_version(self.state.it.version)
        self.answered: dict[str, None] = dict.fromkeys(request.answered)

    # ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def get_state(self) -> ApprovalView:
        return self.state.view()

    @workflow.query
    def get_audit_trail(self) -> list[AuditEntry]:
        return [
            AuditEntry(
                entry.at,
                entry.who,
                entry.on_behalf_of,
                entry.door,
                entry.what,
                entry.version,
                entry.text,
                entry.comment,
                entry.sequence,
            )
            for entry in self.state.it.trail
        ]

    # ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────────
    # None of them awaits: validator and handler are one piece, so no two can pass the same validator for one place.

    def _refuse(self, question: Callable[[ApprovalState, M], ApplicationError | None], message: M) -> None:
        """Raises the refusal. What a run before has done is answered again, whatever has become of the request since."""
        update = workflow.current_update_info()
        if update and _mark(update.id) in self.answered:
            return
        if refusal := question(self.state, message):
            raise refusal

    def _once(self, act: Callable[[ApprovalState, M], None], message: M) -> ApprovalView:
        """Does it and answers with the entries that it added; what a run before has done is answered and not done again."""
        before = self.state.it.trail_total
        if self._comes_first():
            act(self.state, message)
        return self.state.view(trail_after=before)

    def _comes_first(self) -> bool:
        """Within a run the server itself does one id once; it forgets them as the next run begins."""
        update = workflow.current_update_info()
        if update is None:
            return True
        mark = _mark(update.id)
        if mark in self.answered:
            return False
        self.answered[mark] = None
        return True

    @workflow.update
    async def submit_decision(self, decision: DecisionInput) -> ApprovalView:
        return self._once(acts.decide, decision)

    @submit_decision.validator
    def validate_submit_decision(self, decision: DecisionInput) -> None:
        self._refuse(refusals.decision_refusal, decision)

    @workflow.update
    async def request_changes(self, wanted: ChangesInput) -> ApprovalView:
        return self._once(acts.want_changes, wanted)

    @request_changes.validator
    def validate_request_changes(self, wanted: ChangesInput) -> None:
        self._refuse(refusals.changes_refusal, wanted)

    @workflow.update
    async def resubmit(self, new: ResubmitInput) -> ApprovalView:
        return self._once(ApprovalState.resubmit, new)

    @resubmit.validator
    def validate_resubmit(self, new: ResubmitInput) -> None:
        self._refuse(refusals.resubmission_refusal, new)

    @workflow.update
    async def withdraw(self, withdrawal: WithdrawalInput) -> ApprovalView:
        return self._once(acts.withdraw, withdrawal)

    @withdraw.validator
    def validate_withdraw(self, withdrawal: WithdrawalInput) -> None:
        self._refuse(refusals.withdrawal_refusal, withdrawal)

    @workflow.update
    async def add_comment(self, comment: CommentInput) -> ApprovalView:
        return self._once(acts.comment, comment)

    @add_comment.validator
    def validate_add_comment(self, comment: CommentInput) -> None:
        self._refuse(refusals.comment_refusal, comment)

    @workflow.update
    async def attach(self, file: AttachmentInput) -> ApprovalView:
        return self._once(acts.attach, file)

    @attach.validator
    def validate_attach(self, file: AttachmentInput) -> None:
        self._refuse(refusals.attachment_refusal, file)

    @workflow.update
    async def delegate(self, wish: DelegationInput) -> ApprovalView:
        return self._once(acts.hand_over, wish)

    @delegate.validator
    def validate_delegate(self, wish: DelegationInput) -> None:
        self._refuse(hand_overs.delegation_refusal, wish)

    @workflow.update
    async def end_delegation(self, end: DelegationEndInput) -> ApprovalView:
        return self._once(acts.end_hand_over, end)

    @end_delegation.validator
    def validate_end_delegation(self, end: DelegationEndInput) -> None:
        self._refuse(hand_overs.delegation_end_refusal, end)

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        words = room.cut(f"Message {name} ignored: {problem}"[:500], room.SHORT)
        self.state.record(TrailKind.MESSAGE_REFUSED, words, by=By())


def _origin() -> Origin:
    update = workflow.current_update_info()
    return Origin(update.id if update else "", workflow.info().get_current_history_length())


def _mark(update_id: str) -> str:
    """Eight bytes of an id's digest, for a client's id may be as long as it likes."""
    return sha256(update_id.encode()).hexdigest()[:16]
