"""An agency in memory that answers a campaign's activities: it keeps the recipients and counts what was sent to whom."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import (
    TASK_QUEUE,
    ApprovalAsk,
    ApprovalWithdrawal,
    BatchInput,
    BatchResult,
    By,
    CampaignInput,
    CampaignLimits,
    CampaignProgress,
    CampaignResult,
    CampaignView,
    CloseInput,
    GateInput,
    HoldInput,
    Mailing,
    OccurrenceRequest,
    Stock,
    StopEntry,
    StopReason,
    StopState,
    campaign_workflow_id,
)
from campaigns.shard import CampaignShardWorkflow
from campaigns.stopping import CampaignOccurrenceWorkflow, StopEverythingWorkflow
from campaigns.workflows import CampaignWorkflow
from temporal_worker.registry import AreaWorker
from temporal_worker.testing import running_worker

WORKFLOWS = [CampaignWorkflow, CampaignShardWorkflow, StopEverythingWorkflow, CampaignOccurrenceWorkflow]
_numbers = count(1)


@dataclass
class Recipient:
    state: str = "pending"
    code: str = ""
    next_at: datetime | None = None
    sends: int = 0


@dataclass
class FakeAgency:
    """Positions are people. What a test sets applies to all campaigns; what happened is kept by campaign."""

    audience: int = 10
    deferred: dict[int, list[timedelta]] = field(default_factory=dict)
    """Position → for how long it is deferred, once for each time it is asked for."""
    opted_out: set[int] = field(default_factory=set)
    fails: set[int] = field(default_factory=set)
    breaks: list[str] = field(default_factory=list)
    """Failures of the next activities of that kind: ``<activity>:<type>``."""
    dies_after: list[int] = field(default_factory=list)
    """Messages after which the next batches break off, without an answer."""
    silent: Counter[int] = field(default_factory=Counter)
    """Position → how many times its actor does not answer."""
    slow: asyncio.Event | None = None
    """While set and not fired, a batch stands still before each message until it is let go or cancelled."""
    counts: asyncio.Event | None = None
    """While set and not fired, nobody is counted."""
    approval_id: str = "REQ-1"

    people: dict[str, dict[int, Recipient]] = field(default_factory=dict)
    gates: Counter[str] = field(default_factory=Counter)
    sent_at: list[tuple[int, datetime]] = field(default_factory=list)
    saved: dict[str, CampaignView] = field(default_factory=dict)
    saves: list[CampaignView] = field(default_factory=list)
    batches: list[BatchInput] = field(default_factory=list)
    asked: list[ApprovalAsk] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    occurrences: list[OccurrenceRequest] = field(default_factory=list)
    paused_times: list[str] = field(default_factory=list)
    starting: dict[str, CampaignInput] = field(default_factory=dict)
    """By workflow id, campaigns that are launched and have no workflow yet."""
    comes_meanwhile: dict[str, CampaignInput] = field(default_factory=dict)
    """The same, of occurrences whose time comes just before their series is paused."""
    server: Any = None
    """Temporal's client; set by the desk."""
    clock: Any = None
    """The time that the server tells; set by the desk."""

    def activities(self) -> list[Any]:
        return [
            getattr(self, name)
            for name in dir(type(self))
            if hasattr(getattr(type(self), name), "__temporal_activity_definition")
        ]

    def _break(self, name: str) -> None:
        for broken in self.breaks:
            if broken.split(":")[0] == name:
                self.breaks.remove(broken)
                raise ApplicationError("it broke", type=broken.split(":")[1])

    @property
    def most_to_one(self) -> int:
        return max((one.sends for people in self.people.values() for one in people.values()), default=0)

    @property
    def sends(self) -> int:
        return sum(one.sends for people in self.people.values() for one in people.values())

    @activity.defn
    async def snapshot_audience(self, mailing: Mailing) -> Stock:
        self._break("snapshot_audience")
        people = {position: Recipient() for position in range(1, self.audience + 1)}
        self.people.setdefault(mailing.campaign_id, people)
        return self._stock(mailing.campaign_id)

    @activity.defn
    async def ask_launch_approval(self, ask: ApprovalAsk) -> str:
        self._break("ask_launch_approval")
        self.asked.append(ask)
        return self.approval_id

    @activity.defn
    async def withdraw_launch_approval(self, withdrawal: ApprovalWithdrawal) -> None:
        self.withdrawn.append(withdrawal.request_id)

    @activity.defn
    async def close_gate(self, gate: GateInput) -> int:
        self._break("close_gate")
        self.gates[gate.campaign_id] = max(self.gates[gate.campaign_id], gate.gate)
        return self.gates[gate.campaign_id]

    @activity.defn
    async def send_batch(self, batch: BatchInput) -> BatchResult:
        self._break("send_batch")
        self.batches.append(batch)
        people = self.people[batch.mailing.campaign_id]
        now = await self.clock()
        attempted = failed = settled = 0
        dies_after = self.dies_after.pop(0) if self.dies_after else None
        next_send_at = batch.next_send_at or now
        wanted = self._wanted(batch)
        for position in wanted:
            if next_send_at > now + timedelta(seconds=batch.seconds):
                return self._answer(batch, position, StopReason.TIME, next_send_at=next_send_at)
            if self.slow is not None and not self.slow.is_set() and await self._stand_still():
                return self._answer(batch, position, StopReason.ASKED)
            if self.gates[batch.mailing.campaign_id] != batch.gate:
                return self._answer(batch, position, StopReason.HALTED)
            if dies_after is not None and attempted == dies_after:
                raise ApplicationError("the worker is gone")
            if self.silent[position]:
                self.silent[position] -= 1
                continue
            settled += 1
            if self._ask(batch, people[position], position, now):
                attempted += 1
                failed += position in self.fails
                next_send_at = max(next_send_at, now) + timedelta(seconds=60 / batch.rate_per_minute)
            if failed >= batch.pause_error_least and failed * 100 >= batch.pause_error_percent * attempted > 0:
                return self._answer(batch, position + 1, StopReason.ERRORS, f"{failed} of {attempted} failed")
        if wanted and not settled:
            raise ApplicationError("nobody answers", type="Unavailable")
        left = self._wanted(batch, all_of_them=True)
        stopped = StopReason.UNREACHED if set(left) & set(wanted) else ""
        result = self._answer(
            batch,
            min(left, default=batch.positions.last + 1),
            stopped,
            next_send_at=next_send_at if attempted else None,
        )
        return replace(result, settled=settled)

    def _wanted(self, batch: BatchInput, *, all_of_them: bool = False) -> list[int]:
        people, found = self.people[batch.mailing.campaign_id], []
        for position in range(batch.positions.first, batch.positions.last + 1):
            one = people[position]
            is_due = one.next_at is not None and batch.due_by is not None and one.next_at <= batch.due_by
            if is_due if batch.due_by else one.state == "pending":
                found.append(position)
        return found if all_of_them else found[: batch.limit]

    def _ask(self, batch: BatchInput, one: Recipient, position: int, now: datetime) -> bool:
        """Whether a message went out."""
        one.next_at = None
        if position in self.opted_out:
            one.state, one.code = "denied", "opted_out"
            return False
        if spans := self.deferred.get(position):
            ends_at = batch.mailing.ends_at
            one.next_at = now + spans.pop(0)
            one.state, one.code = "deferred", "quiet_hours"
            if not batch.mailing.defers or (ends_at and one.next_at >= ends_at):
                one.state, one.next_at = "denied", None
            return False
        one.sends += 1
        one.state = "failed" if position in self.fails else "sent"
        self.sent_at.append((position, now))
        return True

    async def _stand_still(self) -> bool:
        """True when the batch was cancelled meanwhile."""
        assert self.slow is not None
        try:
            while not self.slow.is_set():
                activity.heartbeat()
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self.slow.wait()), 0.05)
        except asyncio.CancelledError:
            return True
        return False

    def _answer(
        self,
        batch: BatchInput,
        next_position: int,
        stopped: str,
        reason: str = "",
        next_send_at: datetime | None = None,
    ) -> BatchResult:
        gate = self.gates[batch.mailing.campaign_id]
        return BatchResult(next_position, stopped, reason, gate, next_send_at)

    def _stock(self, campaign_id: str) -> Stock:
        people = self.people.get(campaign_id, {}).values()
        counts = Counter(one.state for one in people)
        denied = Counter(one.code for one in people if one.state == "denied")
        moments = [one.next_at for one in people if one.next_at]
        return Stock(dict(counts), dict(denied), min(moments, default=None), max(moments, default=None))

    @activity.defn
    async def count_recipients(self, campaign_id: str) -> Stock:
        if self.counts is not None:
            await self.counts.wait()
        return self._stock(campaign_id)

    @activity.defn
    async def close_recipients(self, close: CloseInput) -> Stock:
        for one in self.people.get(close.campaign_id, {}).values():
            if one.state in ("pending", "deferred"):
                one.state, one.code, one.next_at = "denied", close.code, None
        return self._stock(close.campaign_id)

    @activity.defn
    async def save_campaign(self, campaign: CampaignView) -> None:
        self.saved[campaign.campaign_id] = campaign
        self.saves.append(campaign)

    @activity.defn
    async def list_running_campaigns(self) -> list[str]:
        return list(self.running)

    @activity.defn
    async def hold_campaign(self, hold: HoldInput) -> bool:
        start = self.starting.pop(hold.workflow_id, None)
        if start is not None:
            await self.server.start_workflow(
                "CampaignWorkflow",
                start,
                id=hold.workflow_id,
                task_queue=TASK_QUEUE,
                start_signal="stop",
                start_signal_args=[hold.stop],
            )
        return start is not None

    @activity.defn
    async def pause_recurring(self, reason: str) -> list[StopEntry]:
        self.starting |= self.comes_meanwhile
        self.running += self.comes_meanwhile
        self.paused_times.append(reason)
        return [StopEntry("campaign-weekly", StopState.TIMES_PAUSED)]

    @activity.defn
    async def start_occurrence(self, occurrence: OccurrenceRequest) -> str:
        self.occurrences.append(occurrence)
        return f"campaign-{occurrence.series_id}-2"


class Refusal(Exception):
    """What a campaign answered with a no. ``code`` is its type."""

    def __init__(self, error: ApplicationError) -> None:
        super().__init__(error.message)
        self.code = error.type


class CampaignDesk:
    """Launches campaigns on a Temporal server, and talks to them as any client would."""

    def __init__(self, env: WorkflowEnvironment, agency: FakeAgency) -> None:
        self.env, self.agency = env, agency
        agency.clock, agency.server = env.get_current_time, env.client
        self.handles: list[WorkflowHandle[Any, Any]] = []

    async def launch(self, **more: Any) -> "RunningCampaign":
        start = self.launched(**more)
        workflow_id = campaign_workflow_id(start.mailing.campaign_id)
        handle = await self.env.client.start_workflow(
            CampaignWorkflow.run, start, id=workflow_id, task_queue=TASK_QUEUE
        )
        self.handles.append(handle)
        return self.campaign(workflow_id)

    def launched(self, **more: Any) -> CampaignInput:
        """What a campaign starts from that nobody has started yet."""
        campaign_id = f"CMP-20261121-120000-{next(_numbers):04x}"
        fields = {name: more.pop(name) for name in list(more) if name in CampaignLimits.__dataclass_fields__}
        about = {name: more.pop(name) for name in list(more) if name in Mailing.__dataclass_fields__}
        return CampaignInput(
            mailing=Mailing(campaign_id, campaign_id, "email", "marketing", **about),
            rate_per_minute=more.pop("rate_per_minute", 60_000),
            name="Autumn sale",
            limits=CampaignLimits(**{"shard_size": 10, "batch_size": 4, **fields}),
            by=By("marketer", "web"),
            **more,
        )

    def campaign(self, workflow_id: str) -> "RunningCampaign":
        handle = self.env.client.get_workflow_handle_for(CampaignWorkflow.run, workflow_id)
        return RunningCampaign(self.env, handle, workflow_id.removeprefix("campaign-"))

    async def now(self) -> datetime:
        return (await self.env.get_current_time()).astimezone(UTC)

    async def skip(self, **span: float) -> None:
        await self.env.sleep(timedelta(**span))

    async def close(self) -> None:
        """No campaign outlives its test."""
        if self.agency.slow is not None:
            self.agency.slow.set()
        for handle in self.handles:
            with suppress(RPCError):
                await handle.terminate()


class RunningCampaign:
    def __init__(self, env: WorkflowEnvironment, handle: WorkflowHandle[Any, Any], campaign_id: str) -> None:
        self.env, self.handle, self.campaign_id = env, handle, campaign_id

    async def view(self) -> CampaignView:
        view = await self.handle.query("get_state", result_type=CampaignView)
        assert adds_up(view.counts)
        return view

    async def progress(self) -> CampaignProgress:
        return await self.handle.query("get_progress", result_type=CampaignProgress)

    async def act(self, update: str, *, id: str | None = None, **message: Any) -> CampaignView:
        """Asks again, under the same id, when the update came just as a run was continuing as new."""
        update_id, message = id or str(uuid4()), {"by": {"username": "marketer", "door": "web"}, **message}
        while True:
            try:
                view = await self.handle.execute_update(update, message, id=update_id, result_type=CampaignView)
            except WorkflowUpdateFailedError as error:
                raise Refusal(cast(ApplicationError, error.cause)) from None
            except RPCError as error:
                if error.status != RPCStatusCode.FAILED_PRECONDITION and "closing workflow" not in error.message:
                    raise
            else:
                assert adds_up(view.counts)
                return view

    async def until(self, met: Any) -> CampaignView:
        """Looks until the view fulfils ``met``, in real time: the clock of the server stands still meanwhile."""
        async with asyncio.timeout(15):
            while not met(view := await self.view()):
                await asyncio.sleep(0.02)
            return view

    async def until_status(self, status: str) -> CampaignView:
        return await self.until(lambda view: view.status == status)

    async def result(self) -> CampaignResult:
        """Its result, with the clock moved on whenever nothing happens: by seconds first, then by hours and days.

        Not by the environment's own skipping: that server takes a shard that is just being started for nothing to do,
        and then jumps over everything to the end of the run, in ten years.
        """
        step = 2.0
        with self.env.auto_time_skipping_disabled():
            async with asyncio.timeout(30):
                while (seen := await self._mark())[0] == WorkflowExecutionStatus.RUNNING:
                    await asyncio.sleep(0.05)
                    if await self._mark() != seen:
                        continue
                    await asyncio.sleep(0.1)
                    if await self._mark() == seen:
                        await self.env.sleep(timedelta(seconds=step))
                        step = min(step * 2, 43_200.0)
                result = await self.handle.result()
        assert adds_up(result.counts)
        return cast(CampaignResult, result)

    async def _mark(self) -> tuple[Any, ...]:
        now = await self.handle.describe()
        return now.status, now.run_id, now.history_length


def adds_up(counts: dict[str, int]) -> bool:
    return counts["audience"] == sum(number for state, number in counts.items() if state != "audience")


def whats(view: CampaignView) -> list[str]:
    return [entry.what for entry in view.timeline]


@asynccontextmanager
async def open_campaign_desk(env: WorkflowEnvironment, agency: FakeAgency) -> AsyncIterator[CampaignDesk]:
    async with running_worker(env.client, AreaWorker(TASK_QUEUE, WORKFLOWS, agency.activities())):
        desk = CampaignDesk(env, agency)
        yield desk
        await desk.close()
