"""The story of a request, from the question to its answer and what follows from it.

``run`` reads top down; queries and updates follow. Decisions are made in the updates themselves, in one piece with their
validators, so that of two at once one is first; the story waits for them and for time. No Django here: configuration comes
in with the request, effects go out through ``approvals.process.effects``.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, TemporalError

with workflow.unsafe.imports_passed_through():
    from approvals.contract import (
        ApprovalInput,
        ApprovalResult,
        ApprovalStatus,
        ApprovalView,
        AttachmentInput,
        AuditEntry,
        BulkDecision,
        BulkInput,
        BulkItem,
        BulkResult,
        By,
        ChangesInput,
        CommentInput,
        DecisionInput,
        DelegationEndInput,
        DelegationInput,
        InvalidField,
        OutcomeRequest,
        ResubmitInput,
        TrailKind,
        WithdrawalInput,
    )
    from approvals.process import acts, effects, hand_overs, refusals, room
    from approvals.process.follow_up import FollowUp, Notices
    from approvals.process.state import ApprovalState, Origin
    from temporal_worker.keeper import ProjectionKeeper
    from temporal_worker.progress import LiveWorkflow, carried_through

M = TypeVar("M")

ANSWERED = 1_000
"""Ids of updates that the next run is told of, so that one asked again is answered and not done again."""
BULK_AT_ONCE = 4
"""Decisions of one bulk under way at the same time."""


@workflow.defn
class ApprovalWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, request: ApprovalInput) -> None:
        try:
            request.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        self.state = ApprovalState(request, workflow.now, self.touch, _origin)
        self.resume_version(self.state.it.version)
        self.saved_entries = request.trail_saved
        self.answered: dict[str, None] = dict.fromkeys(request.answered)
        self.projection = ProjectionKeeper(lambda: self.state.it.version, self._save)
        self.notices = Notices(self.state)

    @workflow.run
    async def run(self, request: ApprovalInput) -> ApprovalResult:
        return await carried_through(self._story(), self._on_workflow_cancelled)

    def _on_workflow_cancelled(self) -> None:
        if not self.state.is_final:
            self.state.withdraw(By(), "Cancelled in Temporal.")

    def current_details(self) -> str:
        if not hasattr(self, "state"):  # what is recorded of the asking, while the state is being made
            return ""
        at = self.state.next_timer()
        then = f"\n* {at:%Y-%m-%d %H:%M} UTC: {self.state.next_timer_is()}" if at else ""
        return f"**{self.state.it.status}**, state {self.state.it.state_version}{then}"

    async def _story(self) -> ApprovalResult:
        beside = asyncio.create_task(FollowUp(self.notices, self.projection).keep())
        await self._await_decision()
        await self._carry_out()
        await self._tell_caller()
        await self._settle()
        beside.cancel()
        return self._result()

    # ── The steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _await_decision(self) -> None:
        """Until the request has its outcome, by people or by time."""
        state = self.state
        while not state.is_final:
            timer = state.next_timer()
            left = None if timer is None else max(timer - workflow.now(), timedelta(0))
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    partial(self._is_disturbed, timer), timeout=left, timeout_summary=state.next_timer_is()
                )
            state.let_time_pass()
            if workflow.info().is_continue_as_new_suggested() and not state.is_final:
                await self._continue_as_new()

    def _is_disturbed(self, timer: datetime | None) -> bool:
        """Whether waiting for ``timer`` has no point any more."""
        is_long = workflow.info().is_continue_as_new_suggested()
        return self.state.is_final or is_long or self.state.next_timer() != timer

    async def _carry_out(self) -> None:
        """What the approval is for: the leave is booked, the expense is paid. Our own database; tried until it is done."""
        if self.state.it.status != ApprovalStatus.APPROVED:
            return
        view = self.state.view(trail_after=self.state.it.trail_total)
        if done := await effects.carry_out(OutcomeRequest(view, approved=True)):
            self.state.it.outcome = done
            self.state.record(TrailKind.CARRIED_OUT, done)

    async def _tell_caller(self) -> None:
        """The workflow that asked goes on with the answer."""
        caller = self.state.it.caller
        if caller is None:
            return
        try:
            handle = workflow.get_external_workflow_handle(caller.workflow_id)
            await handle.signal(caller.signal, self._result())
        except TemporalError as error:
            self.state.record(TrailKind.CALLER_LOST, f"{caller.workflow_id} could not be told: {error}"[:500])
        else:
            self.state.record(TrailKind.CALLER_TOLD, f"{caller.workflow_id} was told.")

    async def _settle(self) -> None:
        """All mails are sent or given up, everything is saved, everybody who waits is told."""
        await self.notices.done()
        await self.drain()
        await self.projection.saved()

    async def _continue_as_new(self) -> None:
        """Takes everything along. It does not wait for the rows: in a lively talk they are never quite up to date."""
        await self.notices.done()
        await self.drain()
        if not self.state.is_final:
            workflow.continue_as_new(self._resumed())

    def _resumed(self) -> ApprovalInput:
        state = self.state
        request = state.request
        return ApprovalInput(
            request_id=request.request_id,
            kind=request.kind,
            title=state.it.title,
            requester=request.requester,
            policy=state.policy,
            description=state.it.description,
            amount_cents=state.it.amount_cents,
            currency=request.currency,
            starts_on=state.it.starts_on,
            ends_on=state.it.ends_on,
            caller=request.caller,
            by=request.by,
            resume=state.view(),
            trail_saved=self.saved_entries,
            answered=list(self.answered)[-ANSWERED:],
        )

    def _result(self) -> ApprovalResult:
        it = self.state.it
        decisions = [one for level in it.levels for one in level.decisions]
        return ApprovalResult(
            request_id=it.request_id,
            status=it.status,
            decided_by=list(dict.fromkeys(one.approver for one in decisions)),
            comment=decisions[-1].comment if decisions else "",
            amount_cents=it.amount_cents,
            currency=it.currency,
        )

    async def _save(self) -> int:
        view = self.state.view(trail_after=self.saved_entries)
        await effects.save_request(view)
        self.saved_entries = max(self.saved_entries, view.trail_total)
        return view.version

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


@workflow.defn
class BulkDecisionWorkflow:
    """One person's decision about many requests, each once: pressed twice, or killed in between, it goes on."""

    @workflow.run
    async def run(self, bulk: BulkInput) -> BulkResult:
        room = asyncio.Semaphore(BULK_AT_ONCE)

        async def decide(item: BulkItem) -> bool:
            async with room:
                one = BulkDecision(bulk.job_id, bulk.username, bulk.approved, bulk.comment, item)
                return await effects.decide_bulk_item(one)

        taken = await asyncio.gather(*(decide(item) for item in bulk.items))
        await effects.finish_bulk(bulk.job_id)
        return BulkResult(decided=sum(taken), refused=len(taken) - sum(taken))


def _origin() -> Origin:
    update = workflow.current_update_info()
    return Origin(update.id if update else "", workflow.info().get_current_history_length())


def _mark(update_id: str) -> str:
    """Eight bytes of an id's digest, for a client's id may be as long as it likes."""
    return sha256(update_id.encode()).hexdigest()[:16]
