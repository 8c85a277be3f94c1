"""Imports and welcomes whose histories are recorded."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio.testing import WorkflowEnvironment

from campaigns.contract import GreetingResult
from tests.workflows.marketing import FakeMarketing, open_desk

FILE = {"location": "imports/contacts.csv", "size": 9_000}


@asynccontextmanager
async def place(env: WorkflowEnvironment) -> AsyncIterator[tuple[Any, ...]]:
    marketing = FakeMarketing()
    async with open_desk(env, marketing) as desk:
        yield (desk, marketing)


async def imported(desk, marketing):
    running = await desk.bring_in(name="contacts.csv")
    await running.handle.signal("notify_validation_complete", "nonsense")
    await running.handle.signal("notify_upload_complete", FILE)
    await running.until_waiting("validate")
    await running.handle.signal("notify_validation_complete")
    await running.until_waiting("transform")
    await running.handle.signal("notify_transform_complete", {})
    await running.handle.result()
    return running


async def failed(desk, marketing):
    marketing.file_problem = "The file has no header: its first line names the columns."
    running = await desk.bring_in(unattended=True)
    await running.handle.signal("notify_upload_complete", FILE)
    await running.handle.result()
    return running


async def cancelled(desk, marketing):
    running = await desk.bring_in()
    await running.handle.signal("notify_upload_complete", FILE)
    await running.until_waiting("validate")
    await running.update("cancel", {"reason": "The wrong file."})
    await running.handle.result()
    return running


async def waits_to_be_transformed_running(desk, marketing):
    running = await desk.bring_in()
    await running.handle.signal("notify_upload_complete", FILE)
    await running.handle.signal("notify_validation_complete")
    await running.until_waiting("transform")
    return running


async def greeted(desk, marketing):
    marketing.answers = [GreetingResult("waiting", "Later.", "min_gap"), GreetingResult("waiting", "", "", None, True)]
    running = await desk.greet(delay_seconds=3_600)
    await running.update("set_language", {"language": "fr"})
    await running.handle.result()
    return running


async def waits_to_be_greeted_running(desk, marketing):
    running = await desk.greet(delay_seconds=3_600, language="it")
    await running.update("set_language", {"language": "de"})
    return running


SCENARIOS: list[Callable[..., Awaitable[object]]] = [
    imported,
    failed,
    cancelled,
    waits_to_be_transformed_running,
    greeted,
    waits_to_be_greeted_running,
]
