"""What Temporal's own history proves about a request: the trail that its workflow wrote, and the updates it accepted."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType

from approvals.contract import approval_workflow_id
from approvals.gateway.problems import RequestNotFound, Unavailable
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowNotFound, aget_client, temporal_errors

READ_TIMEOUT = 60.0


@dataclass(frozen=True)
class Accepted:
    """An update that the workflow took: its name and its argument as it came in."""

    name: str
    message: Mapping[str, Any]


@dataclass
class History:
    """``entries`` by sequence, as they were handed to the database; ``saved`` are those that it has said it took.

    ``done`` names the accepted updates that ended well, each of which has to be in the trail; ``covers`` are those that
    the request started with.
    """

    requester: str = ""
    covers: list[dict[str, Any]] = field(default_factory=list)
    entries: dict[int, dict[str, Any]] = field(default_factory=dict)
    saved: set[int] = field(default_factory=set)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


def read_history(request_id: str) -> History:
    """All runs of a request's workflow, oldest first.

    Raises:
        RequestNotFound: Temporal has none (any more: its retention has passed)
        Unavailable
    """
    try:
        return client.call(_read(approval_workflow_id(request_id)), timeout=READ_TIMEOUT)
    except WorkflowNotFound as error:
        raise RequestNotFound(request_id) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


async def _read(workflow_id: str) -> History:
    async with asyncio.timeout(READ_TIMEOUT):
        temporal = await aget_client()
        runs: list[list[Any]] = []
        run_id: str | None = None
        with temporal_errors(workflow_id):
            while True:
                handle = temporal.get_workflow_handle(workflow_id, run_id=run_id)
                runs.append([event async for event in handle.fetch_history_events()])
                run_id = runs[-1][0].workflow_execution_started_event_attributes.continued_execution_run_id
                if not run_id:
                    break
    history = History()
    for events in reversed(runs):
        _add(history, events)
    return history


def _add(history: History, events: list[Any]) -> None:
    handed_over: dict[int, list[int]] = {}
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                start = _first(event.workflow_execution_started_event_attributes.input)
                history.requester = history.requester or str(start.get("requester", ""))
                if not start.get("resume"):  # else it goes on from a run before, with what that one knew
                    history.covers += start.get("covers") or []
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                scheduled = event.activity_task_scheduled_event_attributes
                if scheduled.activity_type.name == "save_request":
                    trail = _first(scheduled.input).get("trail") or []
                    for entry in trail:
                        history.entries.setdefault(entry["sequence"], entry)
                    handed_over[event.event_id] = [entry["sequence"] for entry in trail]
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                completed = event.activity_task_completed_event_attributes
                history.saved.update(handed_over.get(completed.scheduled_event_id, ()))
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                request = event.workflow_execution_update_accepted_event_attributes.accepted_request
                history.accepted[request.meta.update_id] = Accepted(request.input.name, _first(request.input.args))
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
                ended = event.workflow_execution_update_completed_event_attributes
                if ended.outcome.HasField("success"):
                    history.done.add(ended.meta.update_id)


def _first(payloads: Any) -> Mapping[str, Any]:
    """The first payload as a JSON object; an empty one for anything else."""
    if not payloads.payloads:
        return {}
    try:
        value = json.loads(payloads.payloads[0].data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
