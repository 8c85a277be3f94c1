"""What can go wrong between the web side and a workflow, in five exceptions, and the one place that maps to them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import (
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

# The server's name for an update that it had accepted and that the end of the run (or a continue-as-new) cut off.
_CUT_OFF_UPDATE = "AcceptedUpdateCompletedWorkflow"


class TemporalUnavailable(Exception):
    """Temporal, or a worker for this workflow, is out of reach. The outcome is unknown: repeat with the same key."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Whole seconds after which it is worth asking again."""


class CallTimedOut(TemporalUnavailable):
    """No answer within the caller's own deadline."""


class WorkflowNotFound(Exception):
    """There is no such workflow, or its retention has passed."""

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"There is no workflow {workflow_id}.")
        self.workflow_id = workflow_id


class WorkflowCompleted(Exception):
    """The workflow has ended and takes no more messages. Queries still work."""

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"The workflow {workflow_id} has ended.")
        self.workflow_id = workflow_id


class WorkflowAlreadyStarted(Exception):
    """A workflow with this id exists; ``run_id`` is its run where the server told."""

    def __init__(self, workflow_id: str, run_id: str | None) -> None:
        super().__init__(f"The workflow {workflow_id} was already started.")
        self.workflow_id = workflow_id
        self.run_id = run_id


class QueryFailed(Exception):
    """The workflow answered that it cannot answer: unknown query, bad argument, or an error in its handler."""


class RequestRefused(Exception):
    """The server refuses the request itself, whatever the workflow's state: too large, or an impossible id."""


@contextmanager
def temporal_errors(workflow_id: str) -> Iterator[None]:
    """Raises the exceptions of this module in place of the SDK's, and keeps cancellation what it is."""
    try:
        yield
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        # The SDK turns a cancelled task into this error too. Unless that is undone, ``asyncio.timeout`` and every
        # closed browser tab end in a traceback.
        if isinstance(error.__cause__, asyncio.CancelledError):
            raise asyncio.CancelledError from error
        raise CallTimedOut("The workflow did not answer in time.") from error
    except WorkflowUpdateFailedError as error:
        raise _update_failure(error, workflow_id) from error
    except WorkflowQueryRejectedError as error:
        raise WorkflowCompleted(workflow_id) from error
    except WorkflowQueryFailedError as error:
        raise QueryFailed(error.message) from error
    except WorkflowAlreadyStartedError as error:
        raise WorkflowAlreadyStarted(error.workflow_id, error.run_id) from error
    except RPCError as error:
        raise _rpc_failure(error, workflow_id) from error


def _update_failure(error: WorkflowUpdateFailedError, workflow_id: str) -> Exception:
    """The innermost ``ApplicationError``: what the validator or the handler, or an activity of it, had to say."""
    cause: BaseException | None = error.cause
    if isinstance(cause, ApplicationError) and cause.type == _CUT_OFF_UPDATE:
        return WorkflowCompleted(workflow_id)
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return cause or ApplicationError(str(error.cause), type=type(error.cause).__name__)


def _rpc_failure(error: RPCError, workflow_id: str) -> Exception:
    match error.status:
        case RPCStatusCode.NOT_FOUND if "already completed" in error.message:
            return WorkflowCompleted(workflow_id)
        case RPCStatusCode.NOT_FOUND if "amespace" not in error.message:
            return WorkflowNotFound(workflow_id)
        case RPCStatusCode.INVALID_ARGUMENT | RPCStatusCode.OUT_OF_RANGE:
            return RequestRefused(error.message)
        case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED:
            return CallTimedOut("Temporal did not answer in time.")
        case RPCStatusCode.RESOURCE_EXHAUSTED:
            return TemporalUnavailable(f"Temporal has too much to do: {error.message}", retry_after=2)
        case _:
            return TemporalUnavailable(f"Temporal is out of reach: {error.message}")
