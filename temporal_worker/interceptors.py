"""What every worker of ours has round its workflows and activities."""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import structlog
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections
from structlog.contextvars import bound_contextvars
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, TemporalError, is_cancelled_exception
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from temporal_worker.converter import problem_of, validation_error
from temporal_worker.messages import MessageProblem, check_arguments

MESSAGE_FAILED = "MessageFailed"
"""Type of the failure of an update whose handler broke on it with a plain Python exception."""

log = structlog.get_logger(__name__)


class MalformedMessageInterceptor(Interceptor):
    """Keeps a bad message from sticking its workflow. Needs ``MESSAGE_CONVERTER``, which reads messages strictly.

    A plain Python exception in a handler fails the workflow *task*, which is then tried again for ever, while queries
    and updates time out: one ``null`` signal from the command line was enough. So a signal that is missing, null, of
    the wrong type, refused by its own ``check()`` or breaks its handler is dropped and recorded, and an update is
    refused. A workflow that wants to keep the record defines ``on_dropped_signal(name, problem)``.

    An update that has a validator is refused before it is accepted and costs no history.
    """

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _GuardedMessages


class _GuardedMessages(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        try:
            _check(input.run_fn.__get__(workflow.instance()), input.args)
        except MessageProblem as problem:
            raise validation_error(problem) from None
        return await self.next.execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        try:
            _check(_method(input.signal, workflow.get_signal_handler(input.signal)), input.args)
            await self.next.handle_signal(input)
        except TemporalError:  # the workflow's own decision to fail, or a sign of broken code
            raise
        except MessageProblem as problem:
            self._drop(input.signal, str(problem))
        except Exception as error:
            workflow.logger.exception("signal_handler_failed", extra={"signal": input.signal})
            self._drop(input.signal, f"{type(error).__name__}: {error}")

    def _drop(self, name: str, problem: str) -> None:
        workflow.logger.warning("signal_dropped: %s: %s", name, problem)
        record = getattr(workflow.instance(), "on_dropped_signal", None)
        if record is None:
            return
        try:
            record(name, problem)
        except TemporalError:
            raise
        except Exception:
            workflow.logger.exception("on_dropped_signal_failed")

    async def handle_query(self, input: HandleQueryInput) -> Any:
        try:
            _check(_method(input.query, workflow.get_query_handler(input.query)), input.args)
        except MessageProblem as problem:
            raise validation_error(problem) from None
        return await self.next.handle_query(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        try:
            _check(_method(input.update, workflow.get_update_handler(input.update)), input.args)
            self.next.handle_update_validator(input)
        except TemporalError:
            raise
        except Exception as error:
            raise _update_refusal(error) from error

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        try:
            # Once more: an update without a validator comes here straight.
            _check(_method(input.update, workflow.get_update_handler(input.update)), input.args)
            return await self.next.handle_update_handler(input)
        except TemporalError:
            raise
        except MessageProblem as problem:
            raise validation_error(problem) from None
        except Exception as error:
            workflow.logger.exception("update_handler_failed", extra={"update": input.update})
            raise _update_refusal(error) from error


def _method(name: str, handler: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """The method behind a handler: the SDK wraps an async one into ``(*args)``, which tells nothing about its inputs.

    Handlers of ours have the name of their message; of any other the wrapped one has to do.
    """
    return handler and getattr(workflow.instance(), name, handler)


def _check(handler: Callable[..., Any] | None, args: Sequence[Any]) -> None:
    """Raises MessageProblem if ``args`` do not fit. A dynamic handler (None) takes everything."""
    for arg in args:
        if problem := problem_of(arg):
            raise problem
    if handler is not None:
        check_arguments(handler, args)


def _update_refusal(error: Exception) -> ApplicationError:
    if isinstance(error, ValueError):
        field = str(getattr(error, "field", "") or "")
        return validation_error(error if isinstance(error, MessageProblem) else _Refused(field, str(error)))
    return ApplicationError(f"{type(error).__name__}: {error}", type=MESSAGE_FAILED, non_retryable=True)


class _Refused(MessageProblem):
    """A handler's own ValueError, with its own words."""

    def __init__(self, field: str, text: str) -> None:
        ValueError.__init__(self, text)
        self.field = field


class DatabaseConnectionInterceptor(Interceptor):
    """Gives each activity a live database connection; activities never pass Django's request cycle, which does.

    A sync activity has its thread's stale connections closed on that very thread, before and after. An async one gets
    a thread of its own for its ORM calls: on the one shared thread six activities of 0.5 s took 3 s.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _DatabaseConnections(next)


class _DatabaseConnections(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if not inspect.iscoroutinefunction(input.fn) and not inspect.iscoroutinefunction(
            getattr(input.fn, "__call__", None)  # noqa: B004 – an async callable object
        ):
            input.fn = _on_its_own_thread(input.fn)
            return await self.next.execute_activity(input)
        async with ThreadSensitiveContext():
            try:
                return await self.next.execute_activity(input)
            finally:
                await sync_to_async(connections.close_all)()


def _on_its_own_thread(fn: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(fn)
    def with_live_connections(*args: Any) -> Any:
        close_old_connections()
        try:
            return fn(*args)
        finally:
            close_old_connections()

    return with_live_connections


class ActivityLogInterceptor(Interceptor):
    """Binds workflow, run and activity into every log line of an activity, and logs failures by attempt."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _ActivityLog(next)


class _ActivityLog(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        with bound_contextvars(
            workflow_id=info.workflow_id, run_id=info.workflow_run_id, activity=info.activity_type, attempt=info.attempt
        ):
            try:
                return await self.next.execute_activity(input)
            except Exception as error:
                if is_worth_a_line(info.attempt) and not is_cancelled_exception(error):
                    # A business error is expected and needs no traceback.
                    log.warning("activity_failed", error=str(error), exc_info=not isinstance(error, ApplicationError))
                raise


def is_worth_a_line(attempt: int) -> bool:
    """True for 1, 10, 100, 1000: the retries of a day's outage stay readable."""
    return str(attempt).rstrip("0") == "1"
