"""The effect of an actor. It may run more than once, at once with itself, and after what was said later."""

from django.db import DataError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from campaigns import said as saying
from campaigns.contract import Said


@activity.defn
def write_down(said: Said) -> None:
    try:
        saying.write_down(said)
    except DataError as problem:
        raise ApplicationError(str(problem), type="DataError", non_retryable=True) from None
