"""Waiting for something that another process does: asked again until it holds or its deadline passes."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


def eventually(ask: Callable[[], T], timeout: float = 10.0, every: float = 0.05) -> T:
    """The first truthy answer of ``ask`` that comes within ``timeout`` seconds.

    A false answer and an ``AssertionError`` count as "not yet"; the last one is what the failure shows.
    """
    end = time.monotonic() + timeout
    while True:
        try:
            answer = ask()
            problem: Any = f"last answer: {answer!r}"
            if answer:
                return answer
        except AssertionError as error:
            problem = error
        if time.monotonic() > end:
            raise AssertionError(f"Not within {timeout:g} s; {problem}")
        time.sleep(every)


async def aeventually(ask: Callable[[], Awaitable[T] | T], timeout: float = 10.0, every: float = 0.05) -> T:
    """As :func:`eventually`, without holding up the event loop. ``ask`` may be a coroutine function or a plain one."""
    end = time.monotonic() + timeout
    while True:
        try:
            asked = ask()
            answer = await asked if inspect.isawaitable(asked) else asked
            problem: Any = f"last answer: {answer!r}"
            if answer:
                return answer
        except AssertionError as error:
            problem = error
        if time.monotonic() > end:
            raise AssertionError(f"Not within {timeout:g} s; {problem}")
        await asyncio.sleep(every)
