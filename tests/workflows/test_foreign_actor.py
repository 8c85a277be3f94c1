"""A stranger's client – the Temporal CLI, or a program with bad manners – on a person's actor."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer, temporal_binary
from tests.workflows.actors import Actor, Actors, open_actors
from tests.workflows.test_foreign_client import malformed

REQUEST: dict[str, Any] = {
    "grant_id": "G",
    "campaign_id": "C",
    "channel": "email",
    "category": "marketing",
    "transactional": False,
    "policy": {"version": 1, "max_per_day": 3},
}
UPDATES: dict[str, Any] = {
    "request_send": REQUEST,
    "release_send": {"grant_id": "G", "reason": "bounced"},
    "set_preferences": {"time_zone": "Europe/Berlin", "opted_out_channels": ["sms"], "paused_until": None},
    "set_frequency_cap": {"max_per_day": 1, "window": "rolling", "per_channel": {"sms": 1}},
    "wait_for_progress": 0,
}
SIGNALS: dict[str, Any] = {
    "message_sent": {"message_id": "m", "channel": "sms", "category": "x", "sent_at": "2026-11-21T12:00:00Z"},
    "opt_out": {"channel": "sms", "category": "news"},
    "opt_in": {"channel": "sms", "category": "news"},
}
FIELD_MAY_BE_NULL = {"set_preferences", "set_frequency_cap"}
"""All their fields are optional: an object without any that they know asks for nothing."""


@pytest.fixture
async def actors(temporal_server: DevServer) -> AsyncIterator[Actors]:
    async with open_actors(await connect()) as actors:
        yield actors


async def answers(actor: Actor) -> None:
    async with asyncio.timeout(10):
        before = await actor.view()
        await actor.ask(transactional=True, category="orders")
        assert (await actor.view()).version > before.version


@pytest.mark.parametrize("name", UPDATES)
async def test_malformed_updates_are_refused(actors: Actors, name: str) -> None:
    actor = await actors.start()
    for args in malformed(UPDATES[name]):
        try:
            async with asyncio.timeout(10):
                await actor.handle.execute_update(name, args=args)
        except (WorkflowUpdateFailedError, RPCError) as refused:
            cause = refused.__cause__
            was = cause.type if isinstance(cause, ApplicationError) else "ValidationError"
        else:
            was = "taken"
        assert was == "ValidationError" or name in FIELD_MAY_BE_NULL, args
    assert (await actor.view()).sends_in_window == []
    await answers(actor)


async def test_malformed_signals_are_noted_and_dropped(actors: Actors) -> None:
    actor = await actors.start()
    for name in ("message_sent", "opt_out", "opt_in"):
        bad: list[list[Any]] = [[None], ["text"], [3.5], [{"channel": 3}], [{"channel": "x" * 61}], [{}, {}]]
        for args in bad:
            await actor.handle.signal(name, args=args)
    await actor.handle.signal("request_send", None)
    view = await actor.view()
    assert (view.preferences.opt_outs, view.sends_in_window) == ([], [])
    assert {entry.code for entry in view.decisions} == {"message_refused"}
    assert len(view.decisions) == 18
    await answers(actor)


async def test_malformed_questions_are_refused(actors: Actors) -> None:
    actor = await actors.start()
    for message in (
        None,
        "text",
        {},
        {**REQUEST, "policy": None},
        {**REQUEST, "policy": {"version": 1, "time_zone": "X"}},
    ):
        with pytest.raises((WorkflowQueryFailedError, RPCError)):
            async with asyncio.timeout(10):
                await actor.handle.query("can_send", message)
    await answers(actor)


@pytest.mark.parametrize(
    "spoiled",
    [{"user_id": ""}, {"user_id": None}, {"preferences": {"time_zone": "Mars"}}, {"resume": {"known_ids": "x"}},
     {"sends": [{"grant_id": "G"}]}],
)  # fmt: skip
async def test_an_actor_that_cannot_be_meant_fails_and_names_the_field(actors: Actors, spoiled: dict[str, Any]) -> None:
    with pytest.raises(WorkflowFailureError) as failure:
        async with asyncio.timeout(10):
            await actors.client.execute_workflow(
                "UserActorWorkflow",
                {"user_id": "U", **spoiled},
                id="user-actor-spoiled",
                task_queue="marketing-campaign-queue",
            )
    cause = failure.value.__cause__
    assert isinstance(cause, ApplicationError)
    assert cause.type == "ValidationError"
    assert cause.details[0]["field"].startswith(next(iter(spoiled)))


async def test_the_temporal_cli_starts_asks_and_opts_out(actors: Actors, temporal_server: DevServer) -> None:
    async def cli(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            str(temporal_binary()), "workflow", *arguments, "--address", temporal_server.address, "--output", "json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode() + err.decode()

    actor = actors.of()
    start = (
        "--workflow-id",
        actor.workflow_id,
        "--type",
        "UserActorWorkflow",
        "--task-queue",
        "marketing-campaign-queue",
    )
    code, answer = await cli("start", *start, "--input", json.dumps({"user_id": actor.start.user_id}))
    assert code == 0, answer
    workflow = ("--workflow-id", actor.workflow_id)
    send = ("update", "execute", *workflow, "--name", "request_send", "--input")
    code, answer = await cli(*send, json.dumps(REQUEST))
    assert code == 0, answer
    code, answer = await cli("signal", *workflow, "--name", "opt_out", "--input", json.dumps({"channel": "email"}))
    assert code == 0, answer
    code, answer = await cli(*send, json.dumps({**REQUEST, "grant_id": "H"}))
    assert (code != 0, "They have opted out of email." in answer) == (True, True)
    code, answer = await cli(
        "query", *workflow, "--type", "can_send", "--input", json.dumps({**REQUEST, "grant_id": "H"})
    )
    assert code == 0, answer
    decision = json.loads(answer)["queryResult"][0]
    assert (decision["allowed"], decision["code"], decision["next_allowed_at"]) == (False, "opted_out", None)
