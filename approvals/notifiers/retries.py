"""Notices that failed and are being tried again, noted in their request's row until they are through.

The request's page shows them from there. One that is given up is no concern of this: its workflow says so in the trail.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from temporalio import activity
from temporalio.exceptions import ApplicationError

from approvals.contract import is_request_id
from approvals.models import ApprovalRequest
from approvals.process.effects import NOTICE
from approvals.projection import COUNTER
from temporal_worker.models import ChangeCounter

NOT_SAVED_YET = "NotSavedYet"
"""Type of the failure of a notice that was faster than its request's row: nothing is wrong."""
NO_ADDRESS = "NoAddress"
"""Of one whose request gets no row, because no page can have its id (``projection.save``)."""
LONGEST = timedelta(minutes=10)
"""An entry of this age was left by a workflow that was terminated meanwhile; nobody tries any more."""


@dataclass(frozen=True)
class Retry:
    """``words`` name the notice; ``problem`` is what its last failure said."""

    words: str
    problem: str
    since: datetime


def without_row(request_id: str) -> ApplicationError:
    """The failure of a notice whose request has no row: tried again until it has one, unless it never will."""
    if is_request_id(request_id):
        return ApplicationError("The request is not in the database yet.", type=NOT_SAVED_YET)
    return ApplicationError("No page can have this request's id.", type=NO_ADDRESS, non_retryable=True)


@contextmanager
def noting_retries(request_id: str, key: str, words: str) -> Iterator[None]:
    """Round one attempt of a notice. ``key`` tells the notices of a request apart; the failure itself goes on."""
    attempt = activity.info().attempt if activity.in_activity() else 1
    try:
        yield
    except DatabaseError:
        raise  # it cannot be noted either
    except Exception as error:
        is_last = attempt >= NOTICE["retry_policy"].maximum_attempts
        if is_last or (isinstance(error, ApplicationError) and error.non_retryable):
            _keep(request_id, key, None)
        elif getattr(error, "type", "") != NOT_SAVED_YET:
            _keep(request_id, key, {"words": words, "problem": str(error)[:200], "since": timezone.now().isoformat()})
        raise
    if attempt > 1:
        _keep(request_id, key, None)


def _keep(request_id: str, key: str, entry: dict[str, str] | None) -> None:
    """Note the first failure, or that it is over. Pages that are open hear of it like of any change of the row."""
    with transaction.atomic():
        row = ApprovalRequest.objects.select_for_update().filter(request_id=request_id).first()
        if row is None or (key in row.retried) == (entry is not None):
            return
        row.retried = {name: one for name, one in row.retried.items() if name != key} | ({key: entry} if entry else {})
        row.change = ChangeCounter.bump(COUNTER)
        row.save(update_fields=["retried", "change"])


def retries_of(retried: Mapping[str, Mapping[str, Any]], now: datetime) -> list[Retry]:
    """What a row's ``retried`` says, oldest first."""
    found = [Retry(one["words"], one["problem"], datetime.fromisoformat(one["since"])) for one in retried.values()]
    return sorted((one for one in found if now - one.since < LONGEST), key=lambda one: one.since)
