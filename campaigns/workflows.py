"""The story of a campaign, from its launch to the last recipient.

``run`` reads top down; queries, updates and signals follow. Who gets what is decided elsewhere – by each person's actor – and
written down by the batches; the story knows positions and counts, so that it never holds more than a range. A pause is exact
by the gate, see :mod:`campaigns.contract.batches`. No Django here: configuration comes in with the launch.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TemporalError

with workflow.unsafe.imports_passed_through():
    from approvals.contract import ApprovalResult, ApprovalStatus
    from campaigns.contract import (
        ApprovalAsk,
        ApprovalWithdrawal,
        CampaignEvent,
        CampaignInput,
        CampaignPhase,
        CampaignProgress,
        CampaignResult,
        CampaignView,
        CancelInput,
        CloseInput,
        DashboardData,
        InvalidField,
        PauseInput,
        Positions,
        RateInput,
        RecipientState,
        ResumeInput,
        StopInput,
        StoppedReply,
    )
    from campaigns.process import effects, refusals
    from campaigns.process.fleet import Fleet
    from campaigns.process.state import CampaignState
    from campaigns.process.watch import Gate, Stocktaker
    from temporal_worker.contract import By
    from temporal_worker.keeper import ProjectionKeeper
    from temporal_worker.progress import LiveWorkflow, carried_through


@workflow.defn
class CampaignWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, request: CampaignInput) -> None:
        try:
            request.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        self.state = CampaignState(request, workflow.now, self.touch)
        self.resume_version(self.state.it.version)
        self.fleet = Fleet(self.state, lambda: self.begun_save >= self.version)
        self.gate = Gate(self.state)
        self.stock = Stocktaker(self.state, lambda: len(self.fleet) > 0)
        self.projection = ProjectionKeeper(lambda: self.version, self._save)
        self.early_decisions: list[ApprovalResult] = []
        self.found_left_over = 0
        self.is_renewing = False
        self.saves_under_way = self.begun_save = 0

    @workflow.run
    async def run(self, request: CampaignInput) -> CampaignResult:
        return await carried_through(self._story(), self._on_workflow_cancelled)

    def _on_workflow_cancelled(self) -> None:
        if not self.state.is_over:
            self.state.cancel(By(), "Cancelled in Temporal.")

    def current_details(self) -> str:
        if not hasattr(self, "state"):  # what is recorded of the launch, while the state is being made
            return ""
        return f"**{self.state.status}**, at the step {self.state.it.phase}"

    async def _story(self) -> CampaignResult:
        keepers = (self.gate.keep(), self.stock.keep(), self.projection.keep())
        beside = [asyncio.create_task(keeper) for keeper in keepers]
        await self._await_its_time()
        await self._fix_audience()
        await self._await_approval()
        await self._send()
        await self._close()
        await self._settle()
        for task in beside:
            task.cancel()
        return self._result()

    # ── The steps ────────────────────────────────────────────────────────────────────────────────────────────────────
    # Each returns when it is done, at once when it was done in a run before, and when the campaign is over.

    async def _await_its_time(self) -> None:
        state = self.state
        if state.it.phase != CampaignPhase.WAITING:
            return
        if state.is_missed:
            state.skip()
        is_held = state.it.paused
        while not state.is_over and (state.it.paused or self._left_to(state.request.starts_at)):
            is_held = state.it.paused
            await self._wait(None if state.it.paused else state.request.starts_at)
        # Whom people have held, and let go on late, they want to be sent.
        if state.begins_too_late and not (is_held or state.is_over):
            state.skip()
        if not state.is_over:
            state.enter(CampaignPhase.AUDIENCE)

    async def _fix_audience(self) -> None:
        """Who the recipients are is written down once, at the start."""
        state = self.state
        while state.it.phase == CampaignPhase.AUDIENCE and not state.is_over:
            if state.it.paused:
                await self._wait()
                continue
            try:
                stock = await effects.snapshot_audience(state.mailing, state.limits.batch_attempts)
            except ActivityError as error:
                state.pause_by_itself(f"The audience could not be fixed: {error.cause or error}")
                continue
            state.fix_audience(stock)
            if not state.is_over:
                state.enter(CampaignPhase.APPROVAL if state.needs_approval else CampaignPhase.SENDING)

    async def _await_approval(self) -> None:
        """More people than may be reached without being asked: an approval decides."""
        state = self.state
        while state.it.phase == CampaignPhase.APPROVAL and not state.is_over:
            if state.it.approval is None and not state.it.paused:
                await self._ask_for_approval()
            elif state.needs_approval or state.it.paused:
                await self._wait()
            else:
                state.enter(CampaignPhase.SENDING)

    async def _ask_for_approval(self) -> None:
        state = self.state
        ask = ApprovalAsk(
            campaign_id=state.mailing.campaign_id,
            workflow_id=workflow.info().workflow_id,
            username=state.request.by.username,
            audience=state.it.audience,
            name=state.request.name,
            approval_above=state.limits.approval_above or 0,
        )
        try:
            request_id = await effects.ask_launch_approval(ask)
        except ActivityError as error:
            state.pause_by_itself(f"Its approval could not be asked for: {error.cause or error}")
            return
        state.approval_asked(request_id)
        for result in self.early_decisions:
            self.approval_decided(result)

    async def _send(self) -> None:
        """Shard by shard, and whoever is deferred when their moment comes, until everybody is through."""
        state = self.state
        if state.is_over:
            return
        if state.it.started_at is None:
            state.begin()
        while not state.is_over:
            if state.it.paused:
                await self.fleet.wind_up(at_once=True)
                await self.stock.count()
                if state.it.paused:
                    await self._wait()
                continue
            await self.gate.closed()
            if state.it.paused or state.is_over:
                continue
            self.fleet.fill()
            if len(self.fleet):
                await self._wait(self.fleet.late_at, shard=True)
            else:
                await self._take_up_what_is_left()

    async def _take_up_what_is_left(self) -> None:
        """No shard runs: either somebody is deferred, or everybody is through."""
        state = self.state
        await self.stock.count()
        if state.is_over or state.it.paused or self.fleet.has_more:
            return
        if state.pending:
            self._look_again(state.pending)
        elif late_at := self.fleet.late_at:
            state.enter(CampaignPhase.DEFERRED)
            if self._left_to(late_at):
                await self._wait(late_at)
        else:
            state.complete()

    def _look_again(self, pending: int) -> None:
        """Rows that are pending though every range is done: once more, and if that does not help, people have to look."""
        if self.found_left_over == pending:
            self.found_left_over = 0
            self.state.pause_by_itself(f"{pending:,} recipients could not be taken up.")
            return
        self.found_left_over = pending
        self.state.it.left.append(Positions(1, self.state.it.audience))

    async def _close(self) -> None:
        """It is over: what is under way ends, and whoever has not got it is told why not."""
        state = self.state
        await self.fleet.wind_up(at_once=True)
        await self.gate.closed()
        await self._withdraw_approval()
        close = CloseInput(state.mailing.campaign_id, state.it.outcome_code)
        state.it.stock = await effects.close_recipients(close)
        self.stock.overtaken()
        state.close()

    async def _withdraw_approval(self) -> None:
        """An approval that nobody needs any more is nobody's to decide. Best effort."""
        approval = self.state.it.approval
        if approval is None or approval.status:
            return
        reason = f"The campaign is over: {self.state.it.reason or self.state.status}"
        with suppress(ActivityError):
            await effects.withdraw_launch_approval(
                ApprovalWithdrawal(approval.request_id, self.state.request.by.username, reason[:500])
            )

    async def _settle(self) -> None:
        """Everything is saved and everybody who waits is told."""
        await self.drain()
        await self.stock.ended()
        await self.gate.ended()
        await self.projection.saved()

    def _result(self) -> CampaignResult:
        it = self.state.it
        return CampaignResult(
            self.state.mailing.campaign_id,
            self.state.status,
            self.state.counts,
            dict(it.stock.denied_by_reason),
            it.reason,
        )

    # ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _wait(self, until: datetime | None = None, *, shard: bool = False) -> None:
        """Until that moment, the campaign's end date, or anything that people do; with ``shard`` also until one ends."""
        state = self.state
        before = self._marks(shard)
        ends_at = state.mailing.ends_at
        moments = [moment for moment in (until, ends_at) if moment is not None]
        timeout = max(min(moments) - workflow.now(), timedelta(0)) if moments else None
        what = (
            "End date: who is left is left out"
            if moments and min(moments) == ends_at
            else "Next start, or deferred ones"
        )

        def is_disturbed() -> bool:
            return self._marks(shard) != before or self._is_long()

        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(is_disturbed, timeout=timeout, timeout_summary=what)
        if state.is_past_its_end and not state.is_over:
            state.expire()
        if self._is_long() and not state.is_over:
            await self._continue_as_new()

    def _marks(self, shard: bool) -> tuple[int, int, datetime | None]:
        """What changes when something happens that a wait has to end for."""
        version, fleet = self.state.it.actions_version, self.fleet
        return (version, fleet.ended, fleet.late_at) if shard else (version, 0, None)

    def _left_to(self, moment: datetime | None) -> bool:
        return moment is not None and moment > workflow.now()

    def _is_long(self) -> bool:
        info, bound = workflow.info(), self.state.limits.renew_after
        return info.is_continue_as_new_suggested() or 0 < bound <= info.get_current_history_length()

    async def _continue_as_new(self) -> None:
        """Takes everything along. No shard outlives a run: each ends after its batch, and goes on in the next one."""
        await self.fleet.wind_up(at_once=False)
        await self.gate.closed()
        self.is_renewing = True
        await workflow.wait_condition(lambda: not (self.saves_under_way or self.stock.is_counting))
        await self.drain()
        state = self.state
        if state.is_over:
            self.is_renewing = False
            return
        memory = state.it
        memory.version, memory.run = self.version, memory.run + 1
        request = state.request
        workflow.continue_as_new(
            CampaignInput(
                mailing=request.mailing,
                rate_per_minute=memory.rate_per_minute,
                name=request.name,
                limits=request.limits,
                starts_at=request.starts_at,
                planned_at=request.planned_at,
                by=request.by,
                resume=memory,
            )
        )

    async def _save(self) -> int:
        # While it continues as new the next run saves: this one leaves no activity behind.
        await workflow.wait_condition(lambda: not self.is_renewing)
        view = self._view()
        self.begun_save = view.version
        self.saves_under_way += 1
        await effects.save_campaign(view)
        self.saves_under_way -= 1
        return view.version

    def _view(self) -> CampaignView:
        return self.state.view(self.version, len(self.fleet))

    # ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def get_state(self) -> CampaignView:
        return self._view()

    @workflow.query
    def get_progress(self) -> CampaignProgress:
        return self.state.progress(self.version)

    @workflow.query
    def get_dashboard_data(self) -> DashboardData:
        state = self.state
        return DashboardData(
            total_processed=state.it.audience - state.count(RecipientState.PENDING, RecipientState.DEFERRED),
            total_failed=state.count(RecipientState.FAILED),
            current_batch=state.it.shards_started,
            average_processing_time=state.seconds_each,
            estimated_completion=state.finishes_at(),
        )

    # ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────────
    # Validator and change are one piece; then the gate is waited for, so that nothing begins after the answer.

    @workflow.update
    async def pause(self, wish: PauseInput) -> CampaignView:
        if self._comes_first():
            self.state.pause(wish.by, wish.reason)
        await self.gate.closed()
        return self._view()

    @pause.validator
    def validate_pause(self, wish: PauseInput) -> None:
        self._raise(refusals.pause_refusal(self.state))

    @workflow.update
    async def resume(self, wish: ResumeInput) -> CampaignView:
        if self._comes_first():
            self.state.resume(wish.by, wish.reason)
        return self._view()

    @resume.validator
    def validate_resume(self, wish: ResumeInput) -> None:
        self._raise(refusals.resume_refusal(self.state))

    @workflow.update
    async def cancel(self, wish: CancelInput) -> CampaignView:
        if self._comes_first():
            self.state.cancel(wish.by, wish.reason)
        await self.gate.closed()
        return self._view()

    @cancel.validator
    def validate_cancel(self, wish: CancelInput) -> None:
        self._raise(refusals.over_refusal(self.state))

    @workflow.update
    async def set_rate(self, wish: RateInput) -> CampaignView:
        if self._comes_first():
            self.state.set_rate(wish.by, wish.per_minute)
            self.fleet.share_rate()
        return self._view()

    @set_rate.validator
    def validate_set_rate(self, wish: RateInput) -> None:
        self._raise(refusals.over_refusal(self.state))

    def _comes_first(self) -> bool:
        update = workflow.current_update_info()
        return update is None or self.state.first_time(update.id)

    def _raise(self, refusal: ApplicationError | None) -> None:
        """An action that was answered in a run before is answered again, whatever has become of it since."""
        update = workflow.current_update_info()
        if refusal is not None and not (update and update.id in self.state.it.answered):
            raise refusal

    # ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.signal
    async def stop(self, wish: StopInput) -> None:
        """The button that stops everything. A campaign that is over or paused stays what it is, and says so."""
        if not (self.state.is_over or self.state.it.paused):
            self.state.stop(wish.requested_by, wish.reason)
        if not wish.reply_to:
            return
        await self.gate.closed()
        reply = StoppedReply(workflow.info().workflow_id, self.state.status, self.state.pending)
        with suppress(TemporalError):  # whoever asked no longer waits
            await workflow.get_external_workflow_handle(wish.reply_to).signal("campaign_stopped", reply)

    @workflow.signal
    def approval_decided(self, result: ApprovalResult) -> None:
        """By the approval that was asked for; it may be faster than the answer to the asking."""
        state = self.state
        if result.status not in {status for status in ApprovalStatus if status.is_final}:
            self.on_dropped_signal("approval_decided", f"{result.request_id} is {result.status}.")
        elif state.it.approval is None and state.it.phase == CampaignPhase.APPROVAL:
            self.early_decisions = [*self.early_decisions, result][-10:]
        elif state.it.approval is None or state.it.approval.request_id != result.request_id:
            self.on_dropped_signal("approval_decided", f"{result.request_id} is not this campaign's.")
        elif not (state.it.approval.status or state.is_over):
            state.decided(result)

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.state.record(CampaignEvent.MESSAGE_REFUSED, f"Message {name} ignored: {problem}")
