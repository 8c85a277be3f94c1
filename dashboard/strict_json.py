"""JSON from strangers, read without the surprises of Python's reader: no NaN, no endless nesting, no text that is none."""

import json
import math
from typing import Any, NoReturn

from temporal_worker.contract import InvalidField

MAX_DEPTH = 32
WHOLE = "body"
"""The field that a problem of the whole document is laid to."""


def read_json(body: bytes) -> Any:
    """The value in ``body``.

    Raises:
        InvalidField: it is not JSON (RFC 8259, UTF-8), or holds what no database and no log can keep. ``field`` is the
            path to it (``items.0.sku``), or ``body``.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_read_float)
    except UnicodeDecodeError as error:
        raise InvalidField(WHOLE, "is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidField(
            WHOLE, f"is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise InvalidField(WHOLE, "is nested too deep") from error
    except ValueError as error:
        raise InvalidField(WHOLE, "holds a number that is out of range") from error
    _check(value, "", 0)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidField(WHOLE, "is nested too deep")
    match value:
        case str():
            _check_text(value, path)
        case list():
            for number, item in enumerate(value):
                _check(item, f"{path}.{number}".lstrip("."), depth + 1)
        case dict():
            for name, item in value.items():
                _check_text(name, path)
                _check(item, f"{path}.{name}".lstrip("."), depth + 1)


def _check_text(text: str, path: str) -> None:
    # A lone surrogate, "\ud800": JSON can write it, UTF-8 and so the database, the log and our own answer cannot.
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidField(path or WHOLE, "is not valid Unicode")
    if "\0" in text:
        raise InvalidField(path or WHOLE, "must not contain a null character")
