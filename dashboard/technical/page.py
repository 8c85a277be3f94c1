"""The technical view of one run: asked of Temporal part by part, so that what cannot be had takes nothing else with it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionStatus
from temporalio.envconfig import ClientConfig

from dashboard.technical.steps import Line, Story, Timer, read_story, why, words
from temporal_worker.client import RequestRefused, TemporalUnavailable, WorkflowNotFound
from temporal_worker.inspection import Run, describe, list_runs, read_events, status_word

LINES = 50
"""Lines of a page of the history."""
MOST_EVENTS = 6_000
"""Events that are read of a run; every workflow here continues as new, or ends, long before."""
SUGGESTED_EVENTS, SUGGESTED_BYTES = 4_096, 4 * 1024 * 1024
"""Where the server suggests to continue as new (``limit.historyCount.suggestContinueAsNew``, ``…Size…``)."""
MOST_UPDATES = 2_000
"""Updates that a run takes at all (``history.maxTotalUpdates``)."""


@dataclass(frozen=True)
class Activity:
    name: str
    code: str
    attempt: int
    of: int
    state: str
    next_at: datetime | None
    last_failure: str
    worker: str


@dataclass(frozen=True)
class Gauge:
    """How much of a limit is used: ``used`` of ``limit``, as ``percent``."""

    label: str
    used: int
    limit: int
    note: str
    is_bytes: bool = False

    @property
    def percent(self) -> float:
        return min(100.0, 100 * self.used / self.limit)

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True)
class Technical:
    """``problem`` says why Temporal could not be asked; then only the ids are there. Gone: past its retention, or never begun."""

    workflow_id: str
    problem: str = ""
    is_gone: bool = False
    run_id: str = ""
    type: str = ""
    task_queue: str = ""
    status: str = ""
    mark: str = ""
    started_at: datetime | None = None
    closed_at: datetime | None = None
    activities: list[Activity] = field(default_factory=list)
    children: list[tuple[str, str]] = field(default_factory=list)
    parent: str = ""
    gauges: list[Gauge] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    memo: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    story: Story | None = None
    story_problem: str = ""
    is_whole: bool = True
    etag: str = ""
    clock: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status == "running"

    @property
    def timers(self) -> list[Timer]:
        return self.story.timers if self.story and self.is_open else []

    @property
    def lines(self) -> list[Line]:
        """The newest first."""
        return self.story.lines[::-1] if self.story else []

    @property
    def temporal_url(self) -> str:
        return ui_url(self.workflow_id, self.run_id)


def ui_url(workflow_id: str, run_id: str = "") -> str:
    """Temporal's own page of a run, the newest one if none is named."""
    namespace = ClientConfig.load_client_connect_config().get("namespace") or "default"
    address = f"{settings.TEMPORAL_UI_URL}/namespaces/{namespace}/workflows/{workflow_id}"
    return f"{address}/{run_id}" if run_id else address


async def read_technical(workflow_id: str, run_id: str = "", *, known: str = "") -> Technical | None:
    """The view of a run, the newest one if none is named; None when it is what ``known``, an earlier ``etag``, stands for."""
    try:
        found = await describe(workflow_id, run_id)
    except WorkflowNotFound:
        return Technical(workflow_id, is_gone=True)
    except (TemporalUnavailable, RequestRefused) as error:
        return Technical(workflow_id, problem=str(error))
    etag = _etag(found)
    if etag == known:
        return None
    run_id = found.workflow_execution_info.execution.run_id
    events, runs = await asyncio.gather(
        read_events(workflow_id, run_id, most=MOST_EVENTS), list_runs(workflow_id), return_exceptions=True
    )
    story, problem, is_whole = None, "", True
    if isinstance(events, BaseException):
        problem = str(events)
    else:
        # Thousands of events take their time: not on the loop that all of this process's calls share.
        story = await asyncio.to_thread(read_story, events.events)
        is_whole = events.is_whole
    return _view(workflow_id, found, etag, story, problem, is_whole, [] if isinstance(runs, BaseException) else runs)


def _view(
    workflow_id: str,
    found: DescribeWorkflowExecutionResponse,
    etag: str,
    story: Story | None,
    story_problem: str,
    is_whole: bool,
    runs: list[Run],
) -> Technical:
    info, extended = found.workflow_execution_info, found.workflow_extended_info
    status = status_word(WorkflowExecutionStatus(info.status) if info.status else None)
    return Technical(
        workflow_id=workflow_id,
        run_id=info.execution.run_id,
        type=info.type.name,
        task_queue=info.task_queue,
        status=status,
        mark={"running": "move", "completed": "ok", "continued as new": "ended", "canceled": "ended"}.get(
            status, "bad"
        ),
        started_at=_moment(info.start_time),
        closed_at=_moment(info.close_time),
        activities=[_activity(one) for one in found.pending_activities],
        children=[(one.workflow_id, words(one.workflow_type_name)) for one in found.pending_children],
        parent=info.parent_execution.workflow_id,
        gauges=_gauges(info, story),
        attributes=[(name, _value(payload.data)) for name, payload in info.search_attributes.indexed_fields.items()],
        memo=sorted(info.memo.fields),
        runs=runs,
        story=story,
        story_problem=story_problem,
        is_whole=is_whole,
        etag=etag,
        clock=_moment(extended.time_skipping_info.current_time) if extended.HasField("time_skipping_info") else None,
    )


def _etag(found: DescribeWorkflowExecutionResponse) -> str:
    info = found.workflow_execution_info
    attempts = sum(one.attempt * 10 + one.state for one in found.pending_activities)
    return f"{info.execution.run_id}-{info.history_length}-{info.status}-{attempts}"


def _activity(one: Any) -> Activity:
    waits = one.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    next_at = _moment(one.next_attempt_schedule_time) or _moment(one.scheduled_time)
    return Activity(
        name=words(one.activity_type.name),
        code=one.activity_type.name,
        attempt=one.attempt,
        of=one.maximum_attempts,
        state="paused" if one.paused else "waits" if waits else "running",
        next_at=next_at if waits else None,
        last_failure=why(one.last_failure),
        worker=one.last_worker_identity,
    )


def _gauges(info: Any, story: Story | None) -> list[Gauge]:
    suggested = "until the server suggests to continue as new"
    gauges = [
        Gauge("Events", info.history_length, SUGGESTED_EVENTS, suggested),
        Gauge("History", info.history_size_bytes, SUGGESTED_BYTES, suggested, is_bytes=True),
    ]
    if story is not None:
        gauges.append(Gauge("Updates", story.updates, MOST_UPDATES, "until this run takes no more"))
    return gauges


def _moment(at: Timestamp) -> datetime | None:
    return at.ToDatetime(UTC) if at.seconds else None


def _value(data: bytes) -> str:
    return data.decode(errors="replace").strip('"')[:200]
