"""What may be said to a campaign while it lives, and what it answers: queries, updates, signals.

Each update refuses in its validator, which costs no history. What the campaign does by itself is in ``campaigns.workflows``.
"""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError, TemporalError

from approvals.contract import ApprovalResult, ApprovalStatus
from campaigns.contract import (
    CampaignEvent,
    CampaignInput,
    CampaignPhase,
    CampaignProgress,
    CampaignView,
    CancelInput,
    DashboardData,
    PauseInput,
    RateInput,
    RecipientState,
    RecountInput,
    ResumeInput,
    StopInput,
    StoppedReply,
)
from campaigns.process import refusals
from campaigns.process.fleet import Fleet
from campaigns.process.state import CampaignState
from campaigns.process.watch import Gate, Stocktaker
from temporal_worker.progress import LiveWorkflow


class CampaignMessages(LiveWorkflow):
    """The parts of a campaign, and the messages that reach them."""

    def __init__(self, request: CampaignInput) -> None:
        self.state = CampaignState(request, workflow.now, self.touch)
        self.resume_version(self.state.it.version)
        self.gate = Gate(self.state)
        self.fleet = Fleet(self.state, lambda: self.begun_save >= self.version, self.gate.found_open)
        self.stock = Stocktaker(self.state, lambda: len(self.fleet) > 0)
        self.early_decisions: list[ApprovalResult] = []
        self.recounts = 0
        self.begun_save = 0

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
            current_batch=state.current_batch,
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

    @workflow.signal
    def recount(self, wish: RecountInput) -> None:
        """Somebody who was deferred is not any more, for they have opted out: nobody waits for them."""
        self.recounts += 1

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.state.record(CampaignEvent.MESSAGE_REFUSED, f"Message {name} ignored: {problem}")
