"""Requests for approval whose histories are recorded."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from tests.workflows.conftest import open_bench
from tests.workflows.office import DAY, FakeOffice, Refusal, level

BOARD = {"rule": "n_of_m", "needed": 2}
WATCHED = {"reminder_seconds": DAY, "escalation_seconds": 3 * DAY, "escalate_to": ["vera"]}


@asynccontextmanager
async def place(env: WorkflowEnvironment) -> AsyncIterator[tuple[Any, ...]]:
    async with open_bench(env, FakeOffice()) as bench:
        yield (bench,)


async def approved(bench):
    asked = await bench.ask(slack="buttons", slack_channel="C1")
    await asked.act("add_comment", "employee", text="Please, @hr.")
    with suppress(Refusal):
        await asked.approve("employee")
    await asked.approve("manager", door="slack")
    await asked.approve("hr", comment="Have fun.")
    await asked.result()
    return asked


async def rejected_by_a_delegate(bench):
    asked = await bench.ask(
        level("Board", "ann", "bo", "cy", **BOARD, rejections=2), kind="expense", amount_cents=5_000
    )
    await asked.hand_over("ann", "dee")
    await asked.approve("bo")
    await asked.reject("dee")
    await asked.reject("cy")
    await asked.result()
    return asked


async def two_rounds(bench):
    asked = await bench.ask(kind="purchase", amount_cents=90_000)
    await asked.approve("manager")
    await asked.want_changes("hr")
    await asked.act("resubmit", "employee", title="Fewer", description="", amount_cents=50_000)
    await asked.approve("manager")
    await asked.approve("hr")
    await asked.result()
    return asked


async def escalated_and_approved(bench):
    asked = await bench.ask(level("Board", "ann", "bo", rule="all", **WATCHED))
    await bench.skip(days=3, hours=1)
    await asked.until(lambda view: view.levels[0].is_escalated)
    await asked.approve("vera")
    await asked.result()
    return asked


async def escalated_to_who_covers(bench):
    asked = await bench.ask(level("Board", "ann", "bo", rule="all", **WATCHED))
    await asked.hand_over("vera", "dee")
    await bench.skip(days=4, hours=1)
    await asked.until(lambda view: view.reminders == 4)
    await asked.approve("dee", on_behalf_of="vera")
    await asked.result()
    return asked


async def handed_over_ahead(bench):
    asked = await bench.ask()
    await asked.hand_over("manager", "dee", starts_at=(await bench.now() + timedelta(days=2)).isoformat())
    await bench.skip(days=2, hours=1)
    await asked.approve("dee")
    await asked.approve("hr")
    await asked.result()
    return asked


async def expired(bench):
    asked = await bench.ask(level("Manager", "manager", **WATCHED))
    await bench.skip(days=8)
    await asked.result()
    return asked


async def withdrawn_and_its_caller_gone(bench):
    asked = await bench.ask(caller={"workflow_id": "nobody", "signal": "approval_decided"})
    await asked.act("withdraw", "employee", reason="Plans changed.")
    await asked.result()
    return asked


async def waits_for_the_second_level_running(bench):
    asked = await bench.ask(level("Manager", "manager"), level("Board", "ann", "bo", "cy", **BOARD, **WATCHED))
    await asked.approve("manager")
    await asked.hand_over("bo", "dee")
    await asked.approve("dee")
    await bench.skip(days=4)
    return asked


async def changes_wanted_running(bench):
    asked = await bench.ask()
    await asked.want_changes("manager")
    await asked.act("attach", "employee", attachment_id="a", name="offer.pdf", size=9, sha256="ab" * 32)
    await bench.skip(hours=1)
    return asked


SCENARIOS: list[Callable[..., Awaitable[object]]] = [
    approved,
    rejected_by_a_delegate,
    two_rounds,
    escalated_and_approved,
    escalated_to_who_covers,
    handed_over_ahead,
    expired,
    withdrawn_and_its_caller_gone,
    waits_for_the_second_level_running,
    changes_wanted_running,
]
