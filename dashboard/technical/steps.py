"""A workflow's history as the steps that people mean by it: one line for an activity with its attempts, one for an update with
who asked, one for a timer with what it was for. Names, ids and summaries only; what messages hold is not shown.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from dashboard.technical.masking import without_tokens

MOST_DETAIL = 400
_FAILED_TASKS = ("workflow_task_failed", "workflow_task_timed_out")


@dataclass
class Line:
    """``mark`` is one of the status marks of the page; ``events`` the numbers of the events that the line stands for."""

    icon: str
    kind: str
    name: str
    at: datetime
    summary: str = ""
    mark: str = "move"
    word: str = "running"
    ended_at: datetime | None = None
    attempt: int = 0
    detail: str = ""
    id: str = ""
    who: str = ""
    workflow_id: str = ""
    events: list[int] = field(default_factory=list)

    @property
    def took(self) -> timedelta | None:
        return self.ended_at - self.at if self.ended_at else None

    def end(self, event: HistoryEvent, mark: str, word: str, detail: str = "") -> None:
        self.mark, self.word = mark, word
        self.ended_at = _at(event)
        self.detail = detail or self.detail
        self.events.append(event.event_id)


@dataclass(frozen=True)
class Timer:
    summary: str
    started_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Story:
    """The lines, the oldest first; ``tasks`` are the workflow tasks that went well and are left out."""

    lines: list[Line]
    timers: list[Timer]
    tasks: int
    updates: int


def read_story(events: Iterable[HistoryEvent]) -> Story:
    reader = _Reader()
    for event in events:
        reader.read(event)
    running = sorted(reader.timers.values(), key=lambda timer: timer.ends_at)
    return Story(reader.lines, running, reader.tasks, reader.updates)


class _Reader:
    """Joins the events of one thing, which name the event that began it."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.open: dict[int, Line] = {}
        self.timers: dict[int, Timer] = {}
        self.tasks = 0
        self.updates = 0

    def read(self, event: HistoryEvent) -> None:
        name = (event.WhichOneof("attributes") or "").removesuffix("_event_attributes")
        attributes = getattr(event, f"{name}_event_attributes", None)
        known = getattr(self, f"_on_{name}", None)
        if known is not None:
            known(event, attributes)
        elif name.startswith("workflow_task_"):
            self._task(event, name, attributes)
        elif not self._ends(event, name, attributes):
            self._add(event, Line("more", "event", words(name), _at(event), mark="idle", word=""))

    def _add(self, event: HistoryEvent, line: Line) -> Line:
        line.events.append(event.event_id)
        line.summary = line.summary or _text(event.user_metadata.summary)
        self.lines.append(line)
        self.open[event.event_id] = line
        return line

    def _task(self, event: HistoryEvent, name: str, attributes: Any) -> None:
        self.tasks += name == "workflow_task_completed"
        if name not in _FAILED_TASKS:
            return
        failure = getattr(attributes, "failure", None)
        detail = why(failure) or "No worker answered in time."
        line = Line(
            "attention", "task", "The workflow's own code", _at(event), mark="bad", word="failed", detail=detail
        )
        self._add(event, line)

    # ── Activities, timers ───────────────────────────────────────────────────────────────────────────────────────────

    def _on_activity_task_scheduled(self, event: HistoryEvent, attributes: Any) -> None:
        name = attributes.activity_type.name
        self._add(event, Line("check", "activity", words(name), _at(event), id=name, word="scheduled"))

    def _on_activity_task_started(self, event: HistoryEvent, attributes: Any) -> None:
        if line := self.open.get(attributes.scheduled_event_id):
            line.attempt, line.word = attributes.attempt, "running"
            line.events.append(event.event_id)
            if attributes.attempt > 1:
                line.detail = f"Before that: {why(attributes.last_failure) or 'no answer in time'}"

    def _on_timer_started(self, event: HistoryEvent, attributes: Any) -> None:
        lasts = attributes.start_to_fire_timeout.ToTimedelta()
        line = self._add(event, Line("clock", "timer", "Timer", _at(event), id=attributes.timer_id))
        line.name, line.summary = line.summary or "Timer", ""
        self.timers[event.event_id] = Timer(line.name, line.at, line.at + lasts)

    def _on_timer_fired(self, event: HistoryEvent, attributes: Any) -> None:
        self._end_timer(event, attributes.started_event_id, "ok", "fired")

    def _on_timer_canceled(self, event: HistoryEvent, attributes: Any) -> None:
        self._end_timer(event, attributes.started_event_id, "ended", "no longer needed")

    def _end_timer(self, event: HistoryEvent, started: int, mark: str, word: str) -> None:
        self.timers.pop(started, None)
        if line := self.open.pop(started, None):
            line.end(event, mark, word)

    # ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _on_workflow_execution_update_accepted(self, event: HistoryEvent, attributes: Any) -> None:
        request = attributes.accepted_request
        self.updates += 1
        line = Line(
            "right", "update", words(request.input.name), _at(event), id=request.meta.update_id, word="accepted"
        )
        line.who = who_of(request.input.args.payloads)
        self._add(event, line)

    def _on_workflow_execution_update_completed(self, event: HistoryEvent, attributes: Any) -> None:
        if line := self.open.pop(attributes.accepted_event_id, None):
            if attributes.outcome.HasField("failure"):
                line.end(event, "warn", "refused", why(attributes.outcome.failure))
            else:
                line.end(event, "ok", "answered")

    def _on_workflow_execution_signaled(self, event: HistoryEvent, attributes: Any) -> None:
        line = Line("mail", "signal", words(attributes.signal_name), _at(event), mark="ok", word="received")
        line.workflow_id = attributes.external_workflow_execution.workflow_id
        line.who = who_of(attributes.input.payloads)
        self._add(event, line)

    def _on_marker_recorded(self, event: HistoryEvent, attributes: Any) -> None:
        name = "Version of the code" if attributes.marker_name == "core_patch" else words(attributes.marker_name)
        self._add(event, Line("code", "marker", name, _at(event), mark="ok", word="noted"))

    # ── Children, other workflows, its own beginning and end ─────────────────────────────────────────────────────────

    def _on_start_child_workflow_execution_initiated(self, event: HistoryEvent, attributes: Any) -> None:
        line = Line("code", "child", words(attributes.workflow_type.name), _at(event), word="starting")
        line.workflow_id = attributes.workflow_id
        self._add(event, line)

    def _on_child_workflow_execution_started(self, event: HistoryEvent, attributes: Any) -> None:
        if line := self.open.get(attributes.initiated_event_id):
            line.word = "running"
            line.events.append(event.event_id)

    def _on_signal_external_workflow_execution_initiated(self, event: HistoryEvent, attributes: Any) -> None:
        line = Line("mail", "signal", f"Tell: {words(attributes.signal_name)}", _at(event), word="on its way")
        line.workflow_id = attributes.workflow_execution.workflow_id
        self._add(event, line)

    def _on_workflow_execution_started(self, event: HistoryEvent, attributes: Any) -> None:
        again = bool(attributes.continued_execution_run_id)
        name = "Continued from the run before" if again else "Started"
        line = Line("code", "workflow", name, _at(event), id=attributes.workflow_type.name, mark="ok", word="")
        line.workflow_id = attributes.parent_workflow_execution.workflow_id
        self._add(event, line)

    def _on_workflow_execution_time_skipping_transitioned(self, event: HistoryEvent, attributes: Any) -> None:
        to = attributes.target_time.ToDatetime(UTC)
        line = Line(
            "clock", "time", f"Its clock was put forward to {to:%d %b %H:%M} UTC", _at(event), mark="warn", word=""
        )
        self._add(event, line)

    def _ends(self, event: HistoryEvent, name: str, attributes: Any) -> bool:
        """Whether the event ends something that began before, and did."""
        started = getattr(attributes, "scheduled_event_id", 0) or getattr(attributes, "initiated_event_id", 0)
        line = self.open.get(started)
        end = next((one for one in _ENDS if name.endswith(one)), "")
        if line is None or not end:
            return False
        mark, word = _ENDS[end]
        failure = getattr(attributes, "failure", None)
        line.end(event, mark, word, why(failure))
        return True


_ENDS = {
    "_completed": ("ok", "completed"),
    "_failed": ("bad", "failed"),
    "_timed_out": ("bad", "timed out"),
    "_cancel_requested": ("warn", "asked to stop"),
    "_canceled": ("ended", "cancelled"),
    "_terminated": ("bad", "terminated"),
    "_signaled": ("ok", "told"),
}


def words(name: str) -> str:
    """``hold_stock`` and ``OrderWorkflow`` in words: ``Hold stock``, ``Order workflow``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip()
    return parted[:1].upper() + parted[1:].lower() if parted else "Unnamed"


def who_of(payloads: Iterable[Payload]) -> str:
    """Who sent a message, and by which door: the one thing that is read from what it holds."""
    for payload in payloads:
        try:
            by = json.loads(payload.data)["by"]
            return f"{by['username'] or 'somebody'}, {by['door']}"
        except (ValueError, TypeError, KeyError):
            continue
    return ""


def _text(payload: Payload) -> str:
    try:
        return str(json.loads(payload.data)) if payload.data else ""
    except ValueError:
        return ""


def why(failure: Failure | None) -> str:
    """The message of a failure, of the innermost one: those around it say only that something failed."""
    while failure is not None and failure.HasField("cause"):
        failure = failure.cause
    message = failure.message if failure is not None else ""
    return without_tokens(message if len(message) <= MOST_DETAIL else message[:MOST_DETAIL] + " …")


def _at(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(UTC)
