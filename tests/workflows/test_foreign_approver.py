"""A stranger's client – the Temporal CLI, or a program with bad manners – on a running request."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer, temporal_binary
from tests.workflows.conftest import open_bench
from tests.workflows.office import Asked, Bench, FakeOffice, whats
from tests.workflows.test_foreign_client import malformed

BY = {"username": "manager", "door": "cli"}
UPDATES: dict[str, Any] = {
    "submit_decision": {"approved": True, "comment": "", "state_version": 1, "by": BY},
    "add_comment": {"text": "Hello"},
    "request_changes": {"comment": "Shorter", "state_version": 1, "by": BY},
    "resubmit": {"title": "One week", "description": "", "by": {"username": "employee"}},
    "delegate": {"to": "bo", "until": "2090-01-01T00:00:00Z", "reason": "away", "by": BY},
    "end_delegation": {"cover_id": "seat:1", "by": BY},
    "attach": {"attachment_id": "a", "name": "n.pdf", "size": 1, "sha256": "ab" * 32},
    "withdraw": {"reason": "no"},
    "wait_for_progress": 0,
}
WITHOUT_SENDER = {"withdraw"}
"""Well formed without any field; refused all the same, for nobody has sent it."""


@pytest.fixture
async def bench(temporal_server: DevServer, office: FakeOffice) -> AsyncIterator[Bench]:
    client = await connect()
    async with open_bench(SimpleNamespace(client=client), office) as bench:  # type: ignore[arg-type]
        yield bench


async def answers(asked: Asked) -> None:
    async with asyncio.timeout(10):
        before = await asked.view()
        assert before.status == "pending"
        assert (await asked.act("add_comment", "employee", text="Still there?")).version > before.version


@pytest.mark.parametrize("name", UPDATES)
async def test_malformed_updates_are_refused(bench: Bench, name: str) -> None:
    asked = await bench.ask()
    before = await asked.view()
    for args in malformed(UPDATES[name]):
        with pytest.raises((WorkflowUpdateFailedError, RPCError)) as refused:
            async with asyncio.timeout(10):
                await asked.handle.execute_update(name, args=args)
        cause = refused.value.__cause__
        if isinstance(cause, ApplicationError) and name not in WITHOUT_SENDER:
            assert cause.type in {
                "ValidationError",
                "not_approver",
                "not_involved",
                "not_requester",
                "no_such_delegation",
            }
    after = await asked.view()
    assert (after.version, after.levels[0].decisions) == (before.version, [])
    await answers(asked)


async def test_signals_of_any_kind_are_noted_and_harm_nothing(bench: Bench) -> None:
    asked = await bench.ask()
    for name in ("submit_decision", "approve", "withdraw"):
        await asked.handle.signal(name, None)
    await answers(asked)


@pytest.mark.parametrize(
    "spoiled", [{"policy": None}, {"title": ""}, {"policy": {"levels": []}}, {"requester": "manager"}]
)
async def test_a_request_that_cannot_be_meant_fails_and_names_the_field(bench: Bench, spoiled: dict[str, Any]) -> None:
    message = {
        "request_id": "REQ-1", "kind": "leave", "title": "T", "requester": "employee",
        "policy": {"policy_id": "1", "name": "P", "version": 1, "levels": [{"name": "M", "seats": [{"username": "manager"}]}]},
        **spoiled,
    }  # fmt: skip
    with pytest.raises(WorkflowFailureError) as failure:
        async with asyncio.timeout(10):
            await bench.env.client.execute_workflow(
                "ApprovalWorkflow", message, id="approval-spoiled", task_queue="hr-approval-queue"
            )
    cause = failure.value.__cause__
    assert isinstance(cause, ApplicationError)
    assert cause.type == "ValidationError"
    assert cause.details[0]["field"].partition(".")[0] in {"policy", "title"}


async def test_the_temporal_cli_reads_and_decides(bench: Bench, temporal_server: DevServer) -> None:
    async def cli(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            str(temporal_binary()), *arguments, "--address", temporal_server.address, "--output", "json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode() + err.decode()

    asked = await bench.ask()
    workflow = ("--workflow-id", asked.handle.id)
    code, answer = await cli("workflow", "query", *workflow, "--type", "get_state")
    assert code == 0
    state = json.loads(answer)["queryResult"][0]
    assert (state["status"], state["levels"][0]["approvers"]) == ("pending", ["manager"])
    update = ("workflow", "update", "execute", *workflow, "--name", "submit_decision", "--input")
    anonymous = {"approved": True, "comment": "", "state_version": state["state_version"]}
    code, answer = await cli(*update, json.dumps(anonymous))
    assert code != 0
    assert "by.username" in answer
    code, answer = await cli(*update, json.dumps({**anonymous, "by": {"username": "manager"}}))
    assert code == 0, answer
    view = await asked.view()
    assert (view.level, view.levels[0].decisions[0].door) == (2, "cli")
    assert "approved" in whats(view)
