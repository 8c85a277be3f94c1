"""The strict check of decoded JSON, type by type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal, NewType, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.converter import value_to_type

from temporal_worker.messages import MAX_INTEGER, MAX_TEXT, MessageProblem, check_json

Sku = NewType("Sku", str)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


@dataclass
class Line:
    sku: Sku
    quantity: int = 1


@dataclass
class Order:
    order_id: str
    lines: list[Line] = field(default_factory=list)
    placed_at: datetime | None = None
    colour: Colour = Colour.RED
    ratio: float = 0.0
    tags: dict[str, int] = field(default_factory=dict)


FITS: list[tuple[Any, Any]] = [
    (int, 0),
    (int, -MAX_INTEGER),
    (float, 1),
    (float, 1.5),
    (bool, False),
    (str, ""),
    (str, "x" * MAX_TEXT),
    (Sku, "A"),
    (type(None), None),
    (int | None, None),
    (Optional[int], 3),  # noqa: UP045 – the other spelling
    (int | str, "x"),
    (Any, {"a": [None]}),
    (Literal["a", 1], 1),
    (Colour, "blue"),
    (Level, 1),
    (datetime, "2026-01-02T03:04:05+00:00"),
    (datetime, "2026-01-02T03:04:05Z"),
    (list[int], []),
    (Sequence[int], [1, 2]),
    (list, [1, "a"]),
    (tuple[int, str], [1, "a"]),
    (tuple[int, ...], [1, 2, 3]),
    (set[str], ["a"]),
    (dict[str, int], {"a": 1}),
    (Mapping[str, Any], {"a": None}),
    (Order, {"order_id": "o"}),
    (Order, {"order_id": "o", "lines": [{"sku": "A"}], "placed_at": None, "unknown": {"x": 1}}),
]
DOES_NOT_FIT: list[tuple[Any, Any, str, str]] = [
    (int, True, "", "an integer"),
    (int, 1.0, "", "an integer"),
    (int, "1", "", "an integer"),
    (int, None, "", "null"),
    (int, MAX_INTEGER + 1, "", "out of range"),
    (float, True, "", "a number"),
    (float, float("nan"), "", "finite"),
    (float, float("inf"), "", "finite"),
    (bool, 1, "", "true or false"),
    (str, 1, "", "a text"),
    (str, "x" * (MAX_TEXT + 1), "", "too long"),
    (str, "\x00", "", "NUL"),
    (str, "\ud800", "", "Unicode"),
    (type(None), 1, "", "NoneType"),
    (int | None, "x", "", "an integer"),
    (Literal["a", 1], True, "", "one of a, 1"),
    (Literal["a"], "b", "", "'b'"),
    (Colour, "green", "", "one of red, blue"),
    (Level, True, "", "one of 1"),
    (datetime, "yesterday", "", "ISO 8601"),
    (datetime, 5, "", "a time"),
    (list[int], {"0": 1}, "", "a list"),
    (list[int], [1, "2"], "[1]", "an integer"),
    (tuple[int, str], [1], "", "1 entries"),
    (dict[str, int], [], "", "an object"),
    (dict[str, int], {"a": "b"}, "a", "an integer"),
    (dict[str, int], {"a\x00": 1}, "", "NUL"),
    (Order, [], "", "an object"),
    (Order, {}, "order_id", "missing"),
    (Order, {"order_id": "o", "lines": [{"sku": "A"}, {}]}, "lines[1].sku", "missing"),
    (Order, {"order_id": "o", "lines": [{"sku": "A", "quantity": "2"}]}, "lines[0].quantity", "an integer"),
    (Order, {"order_id": "o", "placed_at": "x"}, "placed_at", "ISO 8601"),
    (Order, {"order_id": "o", "tags": {"a": None}}, "tags.a", "an integer"),
]


class TestCheckJson:
    @pytest.mark.parametrize(("hint", "value"), FITS)
    def test_fits(self, hint: Any, value: Any) -> None:
        check_json(hint, value)
        value_to_type(hint, value)  # what fits can be decoded

    @pytest.mark.parametrize(("hint", "value", "path", "words"), DOES_NOT_FIT)
    def test_does_not_fit(self, hint: Any, value: Any, path: str, words: str) -> None:
        with pytest.raises(MessageProblem) as caught:
            check_json(hint, value)
        assert caught.value.field == path
        assert words in str(caught.value)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["order_id", "lines", "sku", "quantity", "tags", "ratio"]), inner)
            ),
        )
    )
    def test_whatever_passes_can_be_decoded(self, value: Any) -> None:
        try:
            check_json(Order, value)
        except MessageProblem:
            return
        assert isinstance(value_to_type(Order, value), Order)
