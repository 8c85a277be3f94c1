"""Reading a request: its workflow's word when it can be had in time, else the database's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from approvals import projection
from approvals.contract import ApprovalStatus, ApprovalView
from approvals.gateway.problems import RequestNotFound
from approvals.gateway.querying import query_state
from approvals.gateway.rights import require_sight
from approvals.models import ApprovalRequest
from temporal_worker import client
from temporal_worker.client import QueryFailed, TemporalUnavailable, WorkflowNotFound

FINAL = {status for status in ApprovalStatus if status.is_final}
SETTLES_WITHIN = timedelta(minutes=2)
"""A request that has its answer still does what follows from it for a while, and says so."""


@dataclass
class RequestReading:
    """A request, and whether it is its workflow's word or the database's. ``reason`` says why it is not live.

    ``retried`` are notices that are being tried again, which only the database knows.
    """

    view: ApprovalView
    source: str
    as_of: datetime
    reason: str = ""
    retried: dict[str, Any] = field(default_factory=dict)


def read_request(request_id: str, user: User) -> RequestReading:
    """The request as its workflow knows it, or, when that cannot be had in time or is over, as the database does.

    Raises:
        RequestNotFound: there is none, or none that ``user`` may see
    """
    require_sight(user, request_id)
    return read_any(request_id)


def read_any(request_id: str) -> RequestReading:
    """The same without asking who reads. Raises RequestNotFound."""
    row = ApprovalRequest.objects.filter(request_id=request_id).first()
    if row is None:
        raise RequestNotFound(request_id)
    if row.status in FINAL and not _is_settling(row):
        return RequestReading(projection.load_view(row), "database", row.updated_at, retried=row.retried)
    try:
        view = client.call(query_state(request_id))
    except WorkflowNotFound:
        reason = "Its workflow has not started yet." if row.status == ApprovalRequest.STARTING else ""
    except QueryFailed as error:  # a worker with other code than ours, in the middle of a deployment
        reason = f"Its worker could not answer: {error}"
    except TemporalUnavailable as error:
        reason = str(error)
    else:
        return RequestReading(view, "temporal", timezone.now(), retried=row.retried)
    return RequestReading(projection.load_view(row), "database", row.updated_at, reason, row.retried)


def _is_settling(row: ApprovalRequest) -> bool:
    return row.closed_at is not None and timezone.now() - row.closed_at < SETTLES_WITHIN


async def afetch_request(request_id: str, timeout: float) -> ApprovalView:
    """One query of the request's workflow, for the live hub; past retention, or before the start, the database's word.

    Raises:
        RequestNotFound
        TemporalUnavailable
    """
    try:
        return await query_state(request_id, timeout)
    except WorkflowNotFound:
        return await database_sync_to_async(_saved_view, thread_sensitive=False)(request_id)


def _saved_view(request_id: str) -> ApprovalView:
    row = ApprovalRequest.objects.filter(request_id=request_id).first()
    if row is None:
        raise RequestNotFound(request_id)
    return projection.load_view(row)
