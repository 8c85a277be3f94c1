"""The story of a request, from the question to its answer and what follows from it.

``run`` reads top down; queries and updates follow. Decisions are made in the updates themselves, in one piece with their
validators, so that of two at once one is first; the story waits for them and for time. No Django here: configuration comes
in with the request, effects go out through ``approvals.process.effects``.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError, TemporalError

with workflow.unsafe.imports_passed_through():
    from approvals.contract import (
        ApprovalInput,
        ApprovalResult,
        ApprovalStatus,
        ApprovalView,
        AttachmentInput,
        AttachmentView,
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
        Notice,
        OutcomeRequest,
        ResubmitInput,
        TrailKind,
        WithdrawalInput,
        mentioned,
    )
    from approvals.process import effects, refusals
    from approvals.process.follow_up import FollowUp, Notices
    from approvals.process.state import ApprovalState, Origin
    from temporal_worker.keeper import ProjectionKeeper
    from temporal_worker.progress import LiveWorkflow

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
        self.projection = ProjectionKeeper(lambda: self.state.it.version, self._save)
        self.notices = Notices(self.state)

    @workflow.run
    async def run(self, request: ApprovalInput) -> ApprovalResult:
        story = asyncio.create_task(self._story())
        while True:
            try:
                # Shielded: a cancellation of the workflow withdraws the request, and everybody is told.
                return await asyncio.shield(story)
            except asyncio.CancelledError:
                if story.done():
                    raise
                if not self.state.is_final:
                    self.state.withdraw(By(), "Cancelled in Temporal.")

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
                    partial(self._is_disturbed, timer), timeout=left, timeout_summary="Next timer"
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

    @workflow.update
    async def submit_decision(self, decision: DecisionInput) -> ApprovalView:
        state, by, before = self.state, decision.by, self.state.it.trail_total
        place = refusals.place_of(state, by.username, decision.on_behalf_of)
        escalated = place not in state.level.approvers
        state.decide(by, decision.approved, decision.comment, place, escalated=escalated)
        return state.view(trail_after=before)

    @submit_decision.validator
    def validate_submit_decision(self, decision: DecisionInput) -> None:
        _raise(refusals.decision_refusal(self.state, decision))

    @workflow.update
    async def request_changes(self, wanted: ChangesInput) -> ApprovalView:
        before = self.state.it.trail_total
        self.state.want_changes(wanted.by, wanted.comment)
        return self.state.view(trail_after=before)

    @request_changes.validator
    def validate_request_changes(self, wanted: ChangesInput) -> None:
        _raise(refusals.changes_refusal(self.state, wanted))

    @workflow.update
    async def resubmit(self, new: ResubmitInput) -> ApprovalView:
        before = self.state.it.trail_total
        self.state.resubmit(new)
        return self.state.view(trail_after=before)

    @resubmit.validator
    def validate_resubmit(self, new: ResubmitInput) -> None:
        _raise(refusals.resubmission_refusal(self.state, new))

    @workflow.update
    async def withdraw(self, withdrawal: WithdrawalInput) -> ApprovalView:
        before = self.state.it.trail_total
        self.state.withdraw(withdrawal.by, withdrawal.reason)
        return self.state.view(trail_after=before)

    @withdraw.validator
    def validate_withdraw(self, withdrawal: WithdrawalInput) -> None:
        _raise(refusals.withdrawal_refusal(self.state, withdrawal))

    @workflow.update
    async def add_comment(self, comment: CommentInput) -> ApprovalView:
        """People whom the gateway found among the mentions may see the request from now on, and are told."""
        state, before = self.state, self.state.it.trail_total
        named = [name for name in mentioned(comment.text) if name in {*comment.names, *state.involved()}]
        state.know(comment.names)
        newcomers = [name for name in [comment.by.username, *named] if name and name not in state.it.participants]
        state.it.participants += list(dict.fromkeys(newcomers))
        who = state.name(comment.by.username) or "Somebody at Temporal's command line"
        state.record(TrailKind.COMMENTED, f"{who} commented.", by=comment.by, comment=comment.text)
        state.tell(Notice.MENTIONED, [name for name in named if name != comment.by.username], comment.text)
        return state.view(trail_after=before)

    @add_comment.validator
    def validate_add_comment(self, comment: CommentInput) -> None:
        _raise(refusals.comment_refusal(self.state, comment))

    @workflow.update
    async def attach(self, file: AttachmentInput) -> ApprovalView:
        state, before = self.state, self.state.it.trail_total
        state.it.attachments.append(
            AttachmentView(file.attachment_id, file.name, file.size, file.sha256, file.by.username, state.now)
        )
        text = f"{state.name(file.by.username)} attached {file.name} (SHA-256 {file.sha256})."
        state.record(TrailKind.ATTACHED, text, by=file.by)
        return state.view(trail_after=before)

    @attach.validator
    def validate_attach(self, file: AttachmentInput) -> None:
        _raise(refusals.attachment_refusal(self.state, file))

    @workflow.update
    async def delegate(self, wish: DelegationInput) -> ApprovalView:
        state, before = self.state, self.state.it.trail_total
        cover = refusals.cover_of(state, wish)
        if cover in state.it.covers:  # an absence that is told twice
            return state.view(trail_after=before)
        state.it.covers = [one for one in state.it.covers if one.cover_id != cover.cover_id] + [cover]
        if wish.to_name:
            state.know({wish.to: wish.to_name})
        until = f"{cover.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        text = f"{state.name(cover.delegate)} decides for {state.name(cover.principal)} until {until}."
        state.record(TrailKind.DELEGATED, text, by=wish.by, on_behalf_of=cover.principal, comment=cover.reason)
        if cover.principal in state.level.undecided:
            state.tell(Notice.DELEGATED, [cover.delegate], cover.reason)
        state.show_in_slack()
        return state.view(trail_after=before)

    @delegate.validator
    def validate_delegate(self, wish: DelegationInput) -> None:
        _raise(refusals.delegation_refusal(self.state, wish))

    @workflow.update
    async def end_delegation(self, end: DelegationEndInput) -> ApprovalView:
        state, before = self.state, self.state.it.trail_total
        cover = next(one for one in state.it.covers if one.cover_id == end.cover_id)
        state.it.covers = [one for one in state.it.covers if one.cover_id != end.cover_id]
        text = f"{state.name(cover.delegate)} no longer decides for {state.name(cover.principal)}."
        state.record(TrailKind.DELEGATION_ENDED, text, by=end.by, on_behalf_of=cover.principal)
        state.show_in_slack()
        return state.view(trail_after=before)

    @end_delegation.validator
    def validate_end_delegation(self, end: DelegationEndInput) -> None:
        _raise(refusals.delegation_end_refusal(self.state, end))

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.state.record(TrailKind.MESSAGE_REFUSED, f"Message {name} ignored: {problem}"[:500], by=By())


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


def _raise(refusal: ApplicationError | None) -> None:
    if refusal is not None:
        raise refusal
