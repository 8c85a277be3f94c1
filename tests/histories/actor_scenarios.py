"""User actors whose histories are recorded. A finished one is a run that has continued as new."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from temporalio.testing import WorkflowEnvironment

from campaigns.contract import CapPolicy, OptOut, Preferences, QuietHours, SendRecord
from tests.workflows.actors import Actors, Refused, at, open_actors

STRICT = CapPolicy(
    version=2,
    max_per_day=2,
    min_hours_between=1,
    window="calendar",
    per_channel={"sms": 1},
    quiet_hours=QuietHours("21:00", "08:00"),
    count_transactional=True,
)


@asynccontextmanager
async def place(env: WorkflowEnvironment) -> AsyncIterator[tuple[Any, ...]]:
    async with open_actors(env.client, env) as actors:
        yield (actors,)


async def grants_and_refusals_running(actors: Actors):
    actor = actors.of(preferences=Preferences("Europe/Berlin", "de", [OptOut("push")]))
    await actor.ask("A", starting=True)
    await actor.ask("A", update_id="asked again")
    await actor.ask("B", channel="sms")
    with suppress(Refused):
        await actor.ask("C", channel="push")
    await actors.skip(timedelta(hours=30))
    await actor.ask("D", transactional=True, category="orders")
    with suppress(Refused):
        await actor.ask("E", policy=STRICT)
    await actors.skip(timedelta(hours=60))
    await actor.ask("F", transactional=True, policy=STRICT)
    return actor


async def wishes_running(actors: Actors):
    now = at(await (await actors.start()).can_send())
    actor = await actors.start(
        sends=[SendRecord("seed", "C", "email", now - timedelta(hours=3), "marketing")], used_grant_ids=["old"]
    )
    await actor.signal("opt_out", channel="sms")
    await actor.signal("opt_out", category="news")
    await actor.signal("opt_in", channel="sms")
    await actor.handle.signal("opt_out", None)
    await actor.prefer(time_zone="Pacific/Kiritimati", locale="gil", paused_until="2090-01-01T00:00:00Z")
    await actor.prefer(paused_until=None, opted_out_channels=["push"], suppressed_channels=["sms"])
    await actor.cap(max_per_day=5, by={"username": "ann", "door": "web"})
    message = {"message_id": "shop-1", "channel": "email", "category": "orders", "sent_at": now.isoformat()}
    await actor.signal("message_sent", **message)
    await actor.update("wait_for_progress", 0, id="progress-0", result_type=dict)
    await actor.ask("A")
    await actor.cap(cleared=True)
    return actor


async def continued_after_a_release(actors: Actors):
    actor = await actors.start()
    run_id = await actor.run_id()
    for grant_id in ("A", "B", "C"):
        await actor.ask(grant_id)
    await actor.release("A")
    return _first_run(actors, actor, run_id)


async def released_long_after(actors: Actors):
    """What is given back after more than two days stays: it stands for what was before it."""
    actor = await actors.start()
    run_id = await actor.run_id()
    await actor.ask("A")
    await actors.skip(timedelta(hours=60))
    await actor.release("A")
    await actor.ask("B")
    return _first_run(actors, actor, run_id)


async def continued_by_its_bound(actors: Actors):
    actor = await actors.start(renew_after=4)
    run_id = await actor.run_id()
    for number in range(4):
        await actor.ask(f"G{number}", transactional=True)
    return _first_run(actors, actor, run_id)


def _first_run(actors: Actors, actor: Any, run_id: str) -> Any:
    return SimpleNamespace(handle=actors.client.get_workflow_handle(actor.workflow_id, run_id=run_id))


SCENARIOS: list[Callable[..., Awaitable[object]]] = [
    grants_and_refusals_running,
    wishes_running,
    continued_after_a_release,
    released_long_after,
    continued_by_its_bound,
]
