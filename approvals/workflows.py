"""The story of a request, from the question to its answer and what follows from it.

``run`` reads top down. Decisions are made where they come in, in ``approvals.process.messages``; the story waits for them and
for time. No Django here: configuration comes in with the request, effects go out through ``approvals.process.effects``.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import TemporalError

with workflow.unsafe.imports_passed_through():
    from approvals.contract import (
        ApprovalInput,
        ApprovalResult,
        ApprovalStatus,
        By,
        OutcomeRequest,
        TrailKind,
    )
    from approvals.process import effects
    from approvals.process.follow_up import FollowUp, Notices
    from approvals.process.messages import ApprovalMessages
    from temporal_worker.keeper import ProjectionKeeper
    from temporal_worker.progress import carried_through

ANSWERED = 1_000
"""Ids of updates that the next run is told of, so that one asked again is answered and not done again."""


@workflow.defn
class ApprovalWorkflow(ApprovalMessages):
    @workflow.init
    def __init__(self, request: ApprovalInput) -> None:
        super().__init__(request)
        self.saved_entries = request.trail_saved
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
