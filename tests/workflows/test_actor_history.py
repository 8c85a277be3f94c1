"""What an actor leaves in its history, and that it loses nothing when a run ends, on a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import ActorView, CapPolicy, Preferences
from dashboard.processes import free_port
from temporal_worker.client import TemporalUnavailable, execute_update, forget_client
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from temporal_worker.registry import AreaWorker
from temporal_worker.testing import running_worker
from tests.workflows.actors import Actor, Actors, Refused, grant_ids, open_actors
from tests.workflows.bare_actor import QUEUE, BareActorWorkflow

SHORT_RUNS = {
    "history.maxTotalUpdates": "20",
    "limit.historyCount.suggestContinueAsNew": "40",
    # Else the server makes a run that follows one of less than a second wait for the rest of that second.
    "history.workflowIdReuseMinimalInterval": '"1ms"',
}
MANY = CapPolicy(version=1, max_per_day=16, per_channel={"sms": 2})
ONE = CapPolicy(version=1, max_per_day=1)


@pytest.fixture
async def actors(temporal_server: DevServer) -> AsyncIterator[Actors]:
    async with open_actors(await connect()) as actors:
        yield actors


class TestHistory:
    async def test_refusals_add_nothing(self, actors: Actors) -> None:
        await refusals_add_nothing(actors, 100)

    async def test_a_grant_adds_what_a_bare_update_adds(self, actors: Actors) -> None:
        times = 20
        actor = await actors.start()
        await actor.ask(transactional=True)
        before = await actor.history_length()
        for _ in range(times):
            await actor.ask(transactional=True)
        granted = await actor.history_length() - before
        async with running_worker(actors.client, AreaWorker(QUEUE, [BareActorWorkflow], [])):
            bare = await actors.client.start_workflow(BareActorWorkflow.run, id="bare-actor", task_queue=QUEUE)
            await bare.execute_update(BareActorWorkflow.answer, {"n": -1})
            before = (await bare.describe()).history_length
            for number in range(times):
                await bare.execute_update(BareActorWorkflow.answer, {"n": number})
            answered = (await bare.describe()).history_length - before
            await bare.terminate()
        assert granted <= answered
        assert answered == 5 * times, "scheduled, started, completed; accepted, completed"


async def refusals_add_nothing(actors: Actors, times: int) -> None:
    """Refuses ``times`` requests of a cached actor, eight at once, and holds its history before against after."""
    actor = await actors.start()
    await actor.ask(policy=ONE)
    before = await actor.history_length()
    room = asyncio.Semaphore(8)

    async def ask() -> str:
        async with room:
            return (await actor.refusal(policy=ONE)).code

    assert set(await asyncio.gather(*(ask() for _ in range(times)))) == {"cap_day"}
    assert await actor.history_length() == before


# ── Runs that end often ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def _short_runs() -> Iterator[DevServer]:
    with DevServer(None, port=free_port(), ui_port=None, dynamic_config=SHORT_RUNS) as server:
        yield server


@pytest.fixture
async def long_lived(time_skipping_env: WorkflowEnvironment) -> AsyncIterator[Actors]:
    """Actors on a server that never suggests it."""
    async with open_actors(time_skipping_env.client) as actors:
        yield actors


@pytest.fixture
async def short_lived(_short_runs: DevServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Actors]:
    """Actors on a server that takes 20 updates in a run and suggests to continue as new after 40 events."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", _short_runs.address)
    forget_client()
    async with open_actors(await Client.connect(_short_runs.address)) as actors:
        yield actors
    forget_client()


async def long_script(actor: Actor) -> list[Any]:
    """Some 50 messages of every kind, one after the other, and what was answered to those that answer something."""
    said: list[Any] = []

    async def ask(grant_id: str, **more: Any) -> None:
        try:
            said.append((await actor.ask(grant_id, policy=MANY, **more)).grant_id)
        except Refused as refused:
            said.append((grant_id, refused.decision.code, refused.decision.count))

    await actor.prefer(time_zone="Europe/Berlin", locale="de", opted_out_categories=["offers"])
    for number in range(8):
        await ask(f"G{number}")
        if number % 3 == 0:
            await ask(f"G{number}", update_id=f"again-{number}")
    for channel in ("sms", "sms", "sms", "fax"):
        await ask(f"by {channel} {len(said)}", channel=channel)
    await actor.signal("opt_out", channel="push")
    await ask("P1", channel="push")
    await actor.signal("opt_in", channel="push")
    await ask("P1", channel="push")
    await ask("an offer", category="offers")
    for number in range(3):
        await actor.release(f"G{number}")
        await ask(f"G{number}")
        await ask(f"G{number}:2")
    message = {"message_id": "shop-1", "channel": "email", "category": "x", "sent_at": "2026-01-01T00:00:00Z"}
    await actor.signal("message_sent", **message)
    await actor.handle.signal("message_sent", None)
    await actor.cap(max_per_day=13)
    for number in range(4):
        await ask(f"own cap {number}")
    await ask("an order", category="orders", transactional=True)
    await actor.cap(cleared=True)
    version = (await actor.view()).version
    waiting = asyncio.create_task(
        actor.update("wait_for_progress", version - 1, id=f"progress-{version - 1}", result_type=dict)
    )
    said.append((await waiting)["version"] >= version)
    await actor.signal("opt_out", channel="sms", category="marketing")
    for number in range(4):
        await ask(f"last {number}")
    return said


def told(view: ActorView) -> dict[str, Any]:
    """The end of a story without its times, its runs and whose it is."""
    kept = {
        name: getattr(view, name) for name in ("version", "cap", "own_cap", "policy", "count", "opted_out_channels")
    }
    preferences = view.preferences
    return {
        **kept,
        "sends": [(send.grant_id, send.channel, send.category, send.elsewhere) for send in view.sends_in_window],
        "decisions": [(entry.code, entry.grant_id, entry.reason) for entry in view.decisions],
        "preferences": (preferences.time_zone, preferences.locale, preferences.opt_outs, preferences.paused_until),
        "channels": [(one.channel, one.count, one.limit, one.decision.code) for one in view.channels],
    }


@pytest.mark.soak
class TestRunsThatEnd:
    @pytest.mark.parametrize("renew_after", [1, 500])
    async def test_continuing_as_new_at_any_message_changes_nothing(
        self, short_lived: Actors, long_lived: Actors, renew_after: int
    ) -> None:
        """By the actor's bound at every message, and by the server's suggestion after some updates."""
        actor = await short_lived.start(renew_after=renew_after)
        control = await long_lived.start()
        assert await long_script(actor) == await long_script(control)
        view, expected = await actor.view(), await control.view()
        assert told(view) == told(expected)
        assert expected.run.number == 1 + 3, "each release ends a run"
        assert view.run.number > (30 if renew_after == 1 else 4)

    @pytest.mark.parametrize("renew_after", [1, 500])
    async def test_many_at_once_lose_nothing_and_get_nothing_twice(self, short_lived: Actors, renew_after: int) -> None:
        """By the client's own helper, which asks again what met an ending run. Each id is asked three times over."""
        actor = await short_lived.start(renew_after=renew_after)
        # The server suggests it two updates before it takes no more. With more than that under way an actor that has
        # not been told would not be asked again; by default these are 200.
        room = asyncio.Semaphore(8 if renew_after == 1 else 2)

        async def ask(number: int, repeat: int) -> tuple[str, str]:
            async with room:
                return await ask_until_answered(number, repeat)

        async def ask_until_answered(number: int, repeat: int) -> tuple[str, str]:
            request = actor.request(f"G{number}", policy=MANY)
            update_id = request.grant_id if repeat < 2 else f"{request.grant_id} once more"
            while True:
                try:
                    answer = await execute_update(
                        actor.workflow_id, "request_send", request, update_id=update_id, result_type=dict
                    )
                except TemporalUnavailable:  # the run's 20 updates are used up: safe to repeat, as its name promises
                    continue
                return answer["grant_id"], answer["granted_at"]

        answers = await asyncio.gather(*(ask(number, repeat) for repeat in range(3) for number in range(16)))
        assert len(set(answers)) == 16
        view = await actor.view()
        assert {(send.grant_id, send.at.isoformat()) for send in view.sends_in_window} == set(answers)
        assert view.run.number > (3 if renew_after == 1 else 1)

    async def test_a_cap_holds_over_grant_release_grant_and_the_first_again(self, short_lived: Actors) -> None:
        for renew_after in (1, 500):
            actor = await short_lived.start(renew_after=renew_after)
            await actor.ask("C1", policy=ONE)
            await actor.release("C1")
            await actor.ask("C2", policy=ONE)
            for update_id in ("C1", "C1 again"):
                assert (await actor.refusal("C1", policy=ONE, update_id=update_id)).code == "grant_spent"
            assert (await actor.refusal("C1:2", policy=ONE)).used_by == ["C2"]
            assert grant_ids(await actor.view()) == ["C2"]

    async def test_preferences_outlive_many_runs(self, short_lived: Actors) -> None:
        actor = await short_lived.start(renew_after=1, preferences=Preferences("Asia/Tokyo", "ja"))
        await actor.signal("opt_out", channel="sms")
        for _ in range(12):
            await actor.ask(transactional=True)
        view = await actor.view()
        assert view.run.number > 10
        assert (view.preferences.time_zone, view.opted_out_channels) == ("Asia/Tokyo", ["sms"])
