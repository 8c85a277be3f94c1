"""The worker's payload converter: the default wire format, read strictly where a stranger's message comes in.

It has to be done here and not in an interceptor alone: the SDK decodes a message before the first interceptor sees it,
drops a signal that does not fit with nothing but a log line, and lets a start input that does not fit fail the workflow
task for ever.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import is_dataclass, replace
from itertools import zip_longest
from typing import Any, Self

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    JSONTypeConverter,
    SerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from temporal_worker.messages import MessageProblem, check_json
from temporal_worker.snapshots import from_json

VALIDATION_ERROR = "ValidationError"
"""Type of the failures that a bad message gets; the details are ``{"field": <path>}``."""


def validation_error(problem: MessageProblem) -> ApplicationError:
    """The failure that a bad message gets. Never retried: the same message will not fit the next time either."""
    return ApplicationError(str(problem), {"field": problem.field}, type=VALIDATION_ERROR, non_retryable=True)


class Malformed:
    """Stands in for an input that does not fit, until the interceptor has dropped the signal or failed the start.

    A ``@workflow.init`` sees the start input before any interceptor does. Whatever it reads from this raises the
    validation error, which fails the workflow instead of its task.
    """

    def __init__(self, problem: MessageProblem) -> None:
        self._problem = problem

    def __getattr__(self, name: str) -> Any:
        raise validation_error(self._problem)


def problem_of(value: Any) -> MessageProblem | None:
    """The problem if ``value`` is a ``Malformed``."""
    return vars(value)["_problem"] if type(value) is Malformed else None


class _Dataclasses(JSONTypeConverter):
    def to_typed_value(self, hint: type, value: Any) -> Any:
        if is_dataclass(hint) and isinstance(value, dict):
            return from_json(hint, value)
        return JSONTypeConverter.Unhandled


class QuickConverter(CompositePayloadConverter):
    """The default wire format, whose dataclasses are read by pydantic: a workflow's answer in a thirtieth of the time."""

    def __init__(self) -> None:
        plain = JSONPlainPayloadConverter(custom_type_converters=[_Dataclasses()])
        defaults = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(plain if converter.encoding == plain.encoding else converter for converter in defaults))


# One for all: the SDK asks for a converter with a context for each workflow task.
_QUICK = QuickConverter()


class MessageConverter(DefaultPayloadConverter):
    """Default encoding; strict decoding of what is addressed to a workflow."""

    def __init__(self) -> None:
        super().__init__()
        self._reads_messages = False

    def with_context(self, context: SerializationContext) -> Self:
        if not isinstance(context, WorkflowSerializationContext):
            return self
        reader = type(self)()
        reader._reads_messages = True
        return reader

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        if not self._reads_messages or (_on_a_loop() and not workflow.in_workflow()):
            # An activity's input or result, or a client that reads a workflow's answer: our own words.
            return _QUICK.from_payloads(payloads, type_hints)
        return [self._read(payload, hint) for payload, hint in zip_longest(payloads, type_hints or [])]

    def _read(self, payload: Payload, hint: type | None) -> Any:
        if hint is RawValue:
            return RawValue(payload)
        try:
            value = self._decode(payload, None)
            check_json(hint or Any, value)
            return self._typed(hint, value) if is_dataclass(hint) else self._decode(payload, hint)
        except MessageProblem as problem:
            if _on_a_loop():
                # An update (before its acceptance, so it costs no history) or a query: the caller is told.
                raise validation_error(problem) from None
            # A signal or a start input, which the SDK decodes before the workflow's loop runs.
            return Malformed(problem)

    def _typed(self, hint: type, value: Any) -> Any:
        try:
            return from_json(hint, value)
        except ValueError as error:
            raise MessageProblem("", f"cannot be read: {error}") from error

    def _decode(self, payload: Payload, hint: type | None) -> Any:
        try:
            return super().from_payloads([payload], [hint] if hint else None)[0]
        except Exception as error:
            cause = error.__cause__ or error
            raise MessageProblem("", f"cannot be read: {cause}") from error


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


MESSAGE_CONVERTER = replace(DataConverter.default, payload_converter_class=MessageConverter)
"""For the client of a worker and for a ``Replayer``."""
ANSWER_CONVERTER = replace(DataConverter.default, payload_converter_class=QuickConverter)
"""For the web side, which reads nothing but answers of our own workflows."""
