"""One update of a request: done once for each key, and noted for the auditors when it is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from django.contrib.auth.models import User
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from approvals import audit
from approvals.contract import (
    FORBIDDEN,
    ApprovalStatus,
    ApprovalView,
    By,
    DecisionInput,
    RefusalCode,
    approval_workflow_id,
)
from approvals.gateway.problems import (
    ApprovalProblem,
    InvalidRequest,
    NotPermitted,
    RequestNotFound,
    RequestRefused,
    Unavailable,
    naming_the_field,
)
from approvals.gateway.rights import require_part, require_sight
from approvals.models import ApprovalRequest
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import update_id

UPDATE_TIMEOUT = 10.0
"""Seconds within which an update has its answer, or is unavailable."""


class Message(Protocol):
    @property
    def by(self) -> By: ...

    def check(self) -> None: ...


@contextmanager
def noting_refusals(
    request_id: str, by: By, what: str, *, on_behalf_of: str = "", state_version: int | None = None
) -> Iterator[None]:
    """Round one attempt: whatever is refused in it is noted, once, whoever refuses it. What could not be asked is not."""
    try:
        yield
    except Unavailable:
        raise
    except ApprovalProblem as problem:
        audit.record_attempt(
            request_id=request_id,
            who=by.username,
            on_behalf_of=on_behalf_of,
            door=by.door,
            what=what,
            code=problem.code,
            reason=problem.detail,
            state_version=state_version,
        )
        raise


def noted_update(
    request_id: str, update: str, message: Message, user: User, key: str, *, timeout: float = UPDATE_TIMEOUT
) -> ApprovalView:
    """One update in ``user``'s name; refused or not seen, it is noted."""
    with noting_refusals(
        request_id,
        message.by,
        _what(update, message),
        on_behalf_of=getattr(message, "on_behalf_of", ""),
        state_version=getattr(message, "state_version", None),
    ):
        return permitted_update(request_id, update, message, user, key, timeout=timeout)


def _what(update: str, message: Message) -> str:
    if isinstance(message, DecisionInput):
        return "approve" if message.approved else "reject"
    return update


def permitted_update(
    request_id: str, update: str, message: Message, user: User, key: str, *, timeout: float = UPDATE_TIMEOUT
) -> ApprovalView:
    """The same within an attempt that is noted already."""
    require_part(user)
    require_sight(user, request_id)
    with naming_the_field():
        message.check()
    return send_update(request_id, update, message, key, timeout=timeout)


def send_update(
    request_id: str, update: str, message: Message, key: str, *, timeout: float = UPDATE_TIMEOUT
) -> ApprovalView:
    """The update itself, in the name of ``message.by``.

    Raises:
        InvalidRequest, NotPermitted, RequestRefused, RequestNotFound, Unavailable
    """
    by = message.by
    try:
        return client.call(
            client.execute_update(
                approval_workflow_id(request_id),
                update,
                message,
                update_id=update_id(by, key, update, message),
                result_type=ApprovalView,
                timeout=timeout,
            ),
            timeout=timeout + 2,
        )
    except ApplicationError as error:
        raise _problem(error) from error
    except (WorkflowCompleted, WorkflowNotFound) as error:
        raise _over(request_id) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def _problem(error: ApplicationError) -> ApprovalProblem:
    details = dict(error.details[0]) if error.details and isinstance(error.details[0], dict) else {}
    code = error.type or "refused"
    if code == RefusalCode.VALIDATION:
        return InvalidRequest(str(details.get("field", "")), error.message)
    if code in FORBIDDEN:
        return NotPermitted(code, error.message, details)
    return RequestRefused(code, error.message, details)


def _over(request_id: str) -> ApprovalProblem:
    """Why a request without a running workflow takes no more messages."""
    row = ApprovalRequest.objects.filter(request_id=request_id).first()
    if row is None:
        return RequestNotFound(request_id)
    if row.status == ApprovalRequest.STARTING:
        return Unavailable("The request has not started yet.", retry_after=2)
    codes = {
        ApprovalStatus.APPROVED: RefusalCode.APPROVED,
        ApprovalStatus.REJECTED: RefusalCode.REJECTED,
        ApprovalStatus.WITHDRAWN: RefusalCode.WITHDRAWN,
        ApprovalStatus.EXPIRED: RefusalCode.EXPIRED,
    }
    last = (row.snapshot.get("changes") or [{}])[-1]
    first = {name: last.get(name, "") for name in ("what", "who", "on_behalf_of", "door", "at")}
    how = f" {last['text'].rstrip('.')} ({last['door']}, {_moment(last['at'])})." if last else ""
    code = codes.get(ApprovalStatus(row.status), RefusalCode.EXPIRED)
    return RequestRefused(code, f"The request is {row.status} already:{how}", {"first": first})


def _moment(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(timezone.get_default_timezone()):%Y-%m-%d %H:%M:%S} UTC"
