"""Waiting for something that another process does: asked again until it holds or its deadline passes."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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


@asynccontextmanager
async def keeping_its_deadline(seconds: float, room: float = 0.5) -> AsyncIterator[None]:
    """What runs inside ends ``room`` seconds after a timer of as many ``seconds`` at the latest.

    A machine that is busy with something else holds up the timer as well.
    """

    async def rings() -> float:
        await asyncio.sleep(seconds)
        return time.monotonic()

    timer = asyncio.create_task(rings())
    await asyncio.sleep(0)  # it has begun
    try:
        yield
        late = time.monotonic() - timer.result() if timer.done() else 0.0
        assert late < room, f"It ended {late:.2f} s after its {seconds:g} s."
    finally:
        timer.cancel()
