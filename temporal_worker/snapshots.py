"""Contract types kept as JSON columns: a projection writes a workflow's whole answer into its row and reads it back.

The JSON is exactly what goes over the wire to Temporal. It is read by pydantic, which comes with django-ninja: the SDK's own
``value_to_type`` looks at the type hints anew for each value, and takes some thirty times as long (1.4 ms for a request for
approval with two levels, where pydantic takes 0.04).
"""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from temporalio.converter import default as default_converter

T = TypeVar("T")


def to_json(value: Any) -> dict[str, Any]:
    """A contract type as plain JSON: dicts, lists, strings, numbers."""
    converter = default_converter().payload_converter
    return converter.from_payload(converter.to_payload(value))


def from_json(cls: type[T], value: Any) -> T:
    """What :func:`to_json` wrote, also by an earlier version: a field that it did not know yet has its default.

    Raises ValueError when it does not fit; the message names the field.
    """
    read: T = _adapter(cast(Hashable, cls)).validate_python(value)
    return read


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)
