"""What is about several campaigns: the button that stops everything, and the times of a recurring one."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, TemporalError

with workflow.unsafe.imports_passed_through():
    from campaigns.contract import (
        CampaignStatus,
        HoldInput,
        OccurrenceInput,
        OccurrenceRequest,
        StopEntry,
        StopEverythingInput,
        StopInput,
        StoppedReply,
        StopReport,
        StopState,
    )
    from campaigns.process import effects
    from temporal_worker.progress import LiveWorkflow

ROUNDS = 5
"""How often it looks for campaigns that were launched while it told the others."""
AT_ONCE = 20
"""Campaigns that are told at the same time."""
HOLDS = "those-that-start-are-held"
"""Patch: a campaign that is launched and has no workflow yet is started stopped; and what came of a recurring one while its
times were being paused is told too."""
SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""When the Schedule meant to start the workflow; the server sets it."""


@workflow.defn
class StopEverythingWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, stop: StopEverythingInput) -> None:
        self.request = stop
        self.entries: dict[str, StopEntry] = {}
        self.times: list[StopEntry] = []
        self.is_done = False

    @workflow.run
    async def run(self, stop: StopEverythingInput) -> StopReport:
        pauses = workflow.patched("pause-recurring")
        pausing = asyncio.create_task(self._pause_times()) if pauses else None
        for _ in range(ROUNDS):
            running = await effects.list_running_campaigns()
            if not (new := [each for each in running if each not in self.entries]):
                break
            await self._tell(new)
        if pausing is not None and workflow.patched(HOLDS):
            await pausing
            # A time that came before its series was paused has an occurrence now, or a workflow where there was none.
            await self._tell([each for each in await effects.list_running_campaigns() if self._is_untold(each)])
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                self._have_all_answered,
                timeout=timedelta(seconds=stop.wait_seconds),
                timeout_summary="Report without who has not answered",
            )
        if pausing is not None:
            await pausing
        self.is_done = True
        self.touch()
        await self.drain()
        return self.get_report()

    def current_details(self) -> str:
        answered = sum(entry.state != StopState.TOLD for entry in self.entries.values())
        return f"**{'done' if self.is_done else 'stopping'}**: {answered} of {len(self.entries)} have answered"

    async def _pause_times(self) -> None:
        """What comes again and again begins nothing, as long as nobody resumes it."""
        why = self.request.reason or "Everything was stopped."
        self.times = await effects.pause_recurring(f"{self.request.by.username}: {why}"[:500])
        self.touch()

    async def _tell(self, workflow_ids: list[str]) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def tell(workflow_id: str) -> None:
            async with room:
                await self._tell_one(workflow_id)

        for workflow_id in workflow_ids:
            self.entries[workflow_id] = StopEntry(workflow_id, StopState.TOLD)
        await asyncio.gather(*(tell(workflow_id) for workflow_id in workflow_ids))

    def _is_untold(self, workflow_id: str) -> bool:
        entry = self.entries.get(workflow_id)
        return entry is None or entry.state == StopState.ENDED

    async def _tell_one(self, workflow_id: str) -> None:
        stop = self.request
        message = StopInput(stop.reason, stop.by.username, reply_to=workflow.info().workflow_id)
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal("stop", message)
        except TemporalError as error:
            # The server does not tell one that has ended from one that never was, nor from one that is just starting.
            if workflow.patched(HOLDS) and await effects.hold_campaign(HoldInput(workflow_id, message)):
                self.touch()
                return
            self.entries[workflow_id] = StopEntry(workflow_id, StopState.ENDED, problem=str(error)[:500])
        self.touch()

    def _have_all_answered(self) -> bool:
        return all(entry.state != StopState.TOLD for entry in self.entries.values())

    @workflow.signal
    def campaign_stopped(self, reply: StoppedReply) -> None:
        if reply.workflow_id in self.entries:
            is_over = reply.status in (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)
            state = StopState.ENDED if is_over else StopState.STOPPED
            self.entries[reply.workflow_id] = StopEntry(reply.workflow_id, state, reply.status)
            self.touch()

    @workflow.query
    def get_report(self) -> StopReport:
        stop = self.request
        entries = list(self.entries.values())
        return StopReport(stop.stop_id, stop.reason, stop.by.username, entries, self.is_done, self.times)


@workflow.defn
class CampaignOccurrenceWorkflow:
    """What a Schedule starts: it has the next occurrence of a recurring campaign started, by its own id."""

    @workflow.run
    async def run(self, recurring: OccurrenceInput) -> str:
        """Returns the id of the campaign's workflow; empty when the series has ended."""
        info = workflow.info()
        due = info.typed_search_attributes.get(SCHEDULED_AT) or info.start_time
        try:
            return await effects.start_occurrence(OccurrenceRequest(recurring.series_id, due))
        except TemporalError as error:
            raise ApplicationError(f"The occurrence could not be started: {error.cause or error}") from error
