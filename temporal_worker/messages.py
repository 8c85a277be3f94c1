"""Strict reading of JSON messages. The SDK's own converter is lenient: ``true`` and ``2.7`` pass as an integer.

Workflow code may import this module: it is stdlib only.
"""

import dataclasses
import inspect
import math
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary

MAX_TEXT = 65_536
"""Characters in one text. A longer one would sooner or later break the 2 MiB that Temporal allows in one payload."""
MAX_INTEGER = 2**63 - 1
"""Beyond it no database column holds an integer."""

# Type hints by class, parameters by function: to work them out takes longer than the reading. Weakly, for the sandbox
# makes some of both anew for each workflow.
_hints: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
_inputs: WeakKeyDictionary[Any, dict[inspect.Parameter, Any]] = WeakKeyDictionary()

_WORDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "an integer", float: "a number"}


class MessageProblem(ValueError):
    """Why a message is refused. ``field`` is the path of the bad part (``items[0].sku``), empty for all of it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else f"The message {problem}.")
        self.field = field


def check_json(hint: Any, value: Any, field: str = "") -> None:
    """Holds a decoded JSON value against a type hint. Unknown fields of an object are welcome, all else is strict.

    Raises:
        MessageProblem: naming the first field that is missing or of the wrong type.
    """
    if hint is Any or hint is object or hint is inspect.Parameter.empty:
        return None
    if supertype := getattr(hint, "__supertype__", None):  # NewType
        return check_json(supertype, value, field)
    origin = get_origin(hint) or hint
    if origin is Union or origin is types.UnionType:
        return _check_union(get_args(hint), value, field)
    if origin is Literal:
        return _check_choice(get_args(hint), value, field)
    if not isinstance(origin, type):
        return None
    if dataclasses.is_dataclass(origin):
        return _check_object(origin, value, field)
    if issubclass(origin, Enum):
        return _check_choice([member.value for member in origin], value, field)
    if issubclass(origin, (str, int, float, datetime, type(None))):
        return _check_scalar(origin, value, field)
    if issubclass(origin, Mapping):
        return _check_mapping(get_args(hint), value, field)
    if issubclass(origin, Collection):
        return _check_list(origin, get_args(hint), value, field)
    return None


def check_arguments(handler: Callable[..., Any], args: Sequence[Any]) -> None:
    """Holds decoded arguments against a bound handler: their number, null, and the message's own ``check()``.

    Raises:
        MessageProblem
    """
    inputs = _inputs_of(handler)
    parameters = list(inputs)
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return
    required = sum(p.default is p.empty for p in parameters)
    if len(args) < required:
        raise MessageProblem("", "has no input" if not args else f"has {len(args)} of {required} inputs")
    if len(args) > len(parameters):
        raise MessageProblem("", f"has {len(args)} inputs, expected {len(parameters)}")
    for (_, hint), arg in zip(inputs.items(), args, strict=False):
        if arg is None:
            check_json(hint, None)
        elif dataclasses.is_dataclass(arg) and callable(check := getattr(arg, "check", None)):
            _run_check(check)


def _inputs_of(handler: Callable[..., Any]) -> dict[inspect.Parameter, Any]:
    """The positional parameters of a bound handler, with their types."""
    function = getattr(handler, "__func__", None)
    if function in _inputs:
        return _inputs[function]
    hints = get_type_hints(getattr(handler, "func", handler))  # of a functools.partial, its function's
    parameters = inspect.signature(handler).parameters.values()
    found = {p: hints.get(p.name, Any) for p in parameters if p.kind != p.KEYWORD_ONLY}
    if function is not None:
        _inputs[function] = found
    return found


def _run_check(check: Callable[[], None]) -> None:
    try:
        check()
    except MessageProblem:
        raise
    except ValueError as error:
        field = str(getattr(error, "field", "") or "")
        text = str(error)
        raise MessageProblem(field, text.removeprefix(f"{field}: ") if field else f"is not valid: {text}") from error


def _check_union(arms: Sequence[Any], value: Any, field: str) -> None:
    if value is None and type(None) in arms:
        return None
    problems = []
    for arm in arms:
        if arm is type(None):
            continue
        try:
            return check_json(arm, value, field)
        except MessageProblem as problem:
            problems.append(problem)
    raise problems[0]


def _check_object(cls: type, value: Any, field: str) -> None:
    if not isinstance(value, dict):
        raise _expected("an object", value, field)
    hints = _hints.get(cls)
    if hints is None:
        hints = _hints[cls] = get_type_hints(cls)
    for part in dataclasses.fields(cls):
        path = f"{field}.{part.name}" if field else part.name
        if part.name in value:
            check_json(hints[part.name], value[part.name], path)
        elif part.init and part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING:
            raise MessageProblem(path, "is missing")


def _check_choice(choices: Sequence[Any], value: Any, field: str) -> None:
    # With its type: true and 1.0 are equal to 1.
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise _expected("one of " + ", ".join(map(str, choices)), value, field)


def _check_scalar(cls: type, value: Any, field: str) -> None:
    if issubclass(cls, type(None)):
        fits = value is None
    elif issubclass(cls, bool):
        fits = isinstance(value, bool)
    elif issubclass(cls, int):
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif issubclass(cls, float):
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:  # texts and the texts of points in time
        fits = isinstance(value, str)
    if not fits:
        word = "a time in ISO 8601" if issubclass(cls, datetime) else _WORDS.get(cls, f"a {cls.__name__}")
        raise _expected(word, value, field)
    if isinstance(value, str):
        _check_text(value, field)
        if issubclass(cls, datetime):
            _check_time(value, field)
    elif isinstance(value, float) and not math.isfinite(value):
        raise MessageProblem(field, "is not a finite number")
    elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise MessageProblem(field, "is out of range")


def _check_text(value: str, field: str) -> None:
    if len(value) > MAX_TEXT:
        raise MessageProblem(field, f"is too long: {len(value)} characters, at most {MAX_TEXT}")
    if "\x00" in value:  # PostgreSQL cannot store it: the activity that tries would be retried for ever
        raise MessageProblem(field, "holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON's \u escapes let through
        raise MessageProblem(field, "is not valid Unicode text") from None


def _check_time(value: str, field: str) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise MessageProblem(field, "is not a time in ISO 8601") from None


def _check_mapping(args: Sequence[Any], value: Any, field: str) -> None:
    if not isinstance(value, dict):
        raise _expected("an object", value, field)
    for key, part in value.items():
        _check_text(key, field)
        if len(args) == 2:
            check_json(args[1], part, f"{field}.{key}" if field else key)


def _check_list(cls: type, args: Sequence[Any], value: Any, field: str) -> None:
    if not isinstance(value, list):
        raise _expected("a list", value, field)
    if issubclass(cls, tuple) and args and args[-1] is not Ellipsis:
        if len(value) != len(args):
            raise MessageProblem(field, f"has {len(value)} entries, expected {len(args)}")
        parts = args
    else:
        parts = [args[0] if args else Any] * len(value)
    for index, (hint, part) in enumerate(zip(parts, value, strict=True)):
        check_json(hint, part, f"{field}[{index}]")


def _expected(what: str, value: Any, field: str) -> MessageProblem:
    got = "null" if value is None else _WORDS.get(type(value), type(value).__name__)
    if isinstance(value, str) and len(value) <= 40 and what.startswith("one of"):
        got = repr(value)
    return MessageProblem(field, f"expected {what}, got {got}" if field else f"should be {what}, but is {got}")
