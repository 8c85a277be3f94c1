"""The story of a campaign, from its launch to the last recipient.

``run`` reads top down; what may be said to it meanwhile is in :mod:`campaigns.process.messages`. Who gets what is decided
elsewhere – by each person's actor – and written down by the batches; the story knows positions and counts, so that it never
holds more than a range. A pause is exact by the gate, see :mod:`campaigns.contract.batches`. No Django here: configuration
comes in with the launch.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from campaigns.contract import (
        ApprovalAsk,
        ApprovalWithdrawal,
        CampaignInput,
        CampaignPhase,
        CampaignResult,
        CloseInput,
        InvalidField,
        Positions,
    )
    from campaigns.process import effects, refusals
    from campaigns.process.messages import CampaignMessages
    from temporal_worker.contract import By
    from temporal_worker.keeper import ProjectionKeeper
    from temporal_worker.progress import carried_through


@workflow.defn
class CampaignWorkflow(CampaignMessages):
    @workflow.init
    def __init__(self, request: CampaignInput) -> None:
        try:
            request.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        super().__init__(request)
        self.projection = ProjectionKeeper(lambda: self.version, self._save)
        self.found_left_over = 0
        self.is_renewing = False
        self.saves_under_way = 0

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
                state.pause_by_itself(refusals.why_not_fixed(error.cause or error))
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
        state, counted_for = self.state, self.recounts
        await self.stock.count()
        if state.is_over or state.it.paused or self.fleet.has_more:
            return
        if state.pending:
            self._look_again(state.pending)
        elif late_at := self.fleet.late_at:
            state.enter(CampaignPhase.DEFERRED)
            if self._left_to(late_at):
                await self._wait(late_at, counted_for=counted_for)
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

    async def _wait(
        self, until: datetime | None = None, *, shard: bool = False, counted_for: int | None = None
    ) -> None:
        """Until that moment, the campaign's end date, or anything that people do; with ``shard`` also until one ends.

        ``counted_for`` are the calls for a count that one has been taken for: it ends with the next.
        """
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
            is_behind = counted_for is not None and self.recounts > counted_for
            return self._marks(shard) != before or is_behind or self._is_long()

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
        # The last count, or a stop that nobody waits for, may have raised the gate: the next run takes it for written.
        while not self._leaves_nothing_behind():
            await workflow.wait_condition(self._leaves_nothing_behind)
        state = self.state
        if state.is_over:
            self.is_renewing = False
            return
        workflow.continue_as_new(state.of_the_next_run(self.version))

    def _leaves_nothing_behind(self) -> bool:
        is_busy = self.saves_under_way or self.stock.is_counting or not workflow.all_handlers_finished()
        return self.gate.is_closed and not is_busy

    async def _save(self) -> int:
        # While it continues as new the next run saves: this one leaves no activity behind.
        await workflow.wait_condition(lambda: not self.is_renewing)
        view = self._view()
        self.begun_save = view.version
        self.saves_under_way += 1
        await effects.save_campaign(view)
        self.saves_under_way -= 1
        return view.version
