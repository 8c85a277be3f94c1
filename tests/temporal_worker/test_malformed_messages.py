"""Whatever anybody sends, on the real server and on the time-skipping one: the workflow goes on answering."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from temporal_worker.testing import running_worker
from tests.temporal_worker.conftest import StartParcel, eventually
from tests.temporal_worker.contract import QUEUE, ParcelInput, Weigh
from tests.temporal_worker.worker import AREA


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


BAD_LABEL: dict[str, list[Any]] = {
    "no input": [],
    "null": [None],
    "two inputs": [{"text": "a"}, {"text": "b"}],
    "a missing field": [{}],
}
BAD_WEIGH: dict[str, tuple[list[Any], str]] = {
    "no input": ([], "no input"),
    "null": ([None], "null"),
    "null as JSON": ([raw(b"null")], "null"),
    "a text": (["heavy"], "a text"),
    "a number": ([7], "an integer"),
    "a list": ([[1, 2]], "a list"),
    "true": ([True], "true or false"),
    "an empty object": ([{}], "grams"),
    "a missing field": ([{"fragile": True}], "grams"),
    "null for an integer": ([{"grams": None}], "grams"),
    "a text for an integer": ([{"grams": "100"}], "grams"),
    "true for an integer": ([{"grams": True}], "grams"),
    "a fraction for an integer": ([{"grams": 1.5}], "grams"),
    "an integer that no database takes": ([{"grams": 2**70}], "grams"),
    "an endless integer": ([raw(b'{"grams": ' + b"9" * 5000 + b"}")], "read"),
    "an integer for true or false": ([{"grams": 1, "fragile": 1}], "fragile"),
    "an unknown size": ([{"grams": 1, "size": "huge"}], "size"),
    "an object for a list": ([{"grams": 1, "labels": {}}], "labels"),
    "a text in a list of objects": ([{"grams": 1, "labels": ["x"]}], "labels[0]"),
    "a field missing in a list": ([{"grams": 1, "labels": [{"text": "a"}, {"copies": 2}]}], "labels[1].text"),
    "a wrong type in a list": ([{"grams": 1, "labels": [{"text": 5}]}], "labels[0].text"),
    "a number for an optional text": ([{"grams": 1, "note": 5}], "note"),
    "a megabyte of text": ([{"grams": 1, "note": "x" * 1_000_000}], "note"),
    "a NUL character": ([{"grams": 1, "note": "a\x00b"}], "note"),
    "half a surrogate pair": ([raw(b'{"grams": 1, "note": "\\ud800"}')], "note"),
    "refused by check()": ([{"grams": -1}], "grams"),
    "two inputs": ([{"grams": 1}, {"grams": 2}], "2 inputs"),
    "two inputs, one null": ([{"grams": 1}, None], "2 inputs"),
    "not JSON": ([raw(b"{grams: 1}")], "read"),
    "JSON that is too deep": ([raw(b"[" * 100_000)], "read"),
    "not UTF-8": ([raw(b'{"grams": "\xff\xfe"}')], "read"),
    "bytes": ([b"\x00\x01"], "bytes"),
    "an unknown encoding": ([raw(b"{}", b"binary/strange")], "read"),
}
GOOD_WEIGH: dict[str, dict[str, Any]] = {
    "the least": {"grams": 5},
    "unknown fields": {"grams": 5, "colour": "red", "by": {"username": "x", "roles": [1, None]}},
    "an unknown field of a megabyte": {"grams": 5, "colour": "x" * 1_000_000},
    "everything": {"grams": 5, "fragile": True, "size": "large", "labels": [{"text": "a", "copies": 2}], "note": None},
}


@pytest.fixture(params=["real server", "time-skipping server"], scope="module")
async def anywhere(request: pytest.FixtureRequest, temporal: Client, worker: None) -> AsyncIterator[Client]:
    if request.param == "real server":
        yield temporal
        return
    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=time_skipping_binary()) as environment,
        running_worker(environment.client, AREA),
    ):
        yield environment.client


def time_skipping_binary() -> str:
    import sysconfig
    from pathlib import Path

    return str(Path(sysconfig.get_path("scripts")) / "temporal-test-server")


@pytest.fixture
async def anyone(anywhere: Client) -> WorkflowHandle[Any, Any]:
    return await start_malformed(anywhere)


@pytest.fixture(scope="module")
async def hardened(anywhere: Client) -> WorkflowHandle[Any, Any]:
    """One for all messages that must harm nothing: it has seen those of the tests before, and each test looks only at its own."""
    return await start_malformed(anywhere)


async def start_malformed(client: Client) -> WorkflowHandle[Any, Any]:
    workflow_id = f"malformed-{uuid.uuid4()}"
    return await client.start_workflow("ParcelWorkflow", ParcelInput("p"), id=workflow_id, task_queue=QUEUE)


async def still_answers(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    timeout = timedelta(seconds=5)
    answer = await handle.execute_update("weigh", Weigh(77), rpc_timeout=timeout)
    assert answer["grams"] == 77
    return await handle.query("parcel", rpc_timeout=timeout)


class TestSignal:
    @pytest.mark.parametrize("name", BAD_WEIGH)
    async def test_is_dropped_and_recorded(self, hardened: WorkflowHandle[Any, Any], name: str) -> None:
        args, word = BAD_WEIGH[name]
        before = (await still_answers(hardened))["dropped"]  # and its first workflow task is over
        await hardened.signal("weigh_later", args=args)
        after = (await still_answers(hardened))["dropped"]
        assert after[:-1] == before
        assert after[-1][0] == "weigh_later"
        assert word in after[-1][1]

    @pytest.mark.parametrize("name", GOOD_WEIGH)
    async def test_is_taken(self, anyone: WorkflowHandle[Any, Any], name: str) -> None:
        await anyone.signal("weigh_later", GOOD_WEIGH[name])
        assert (await anyone.query("parcel"))["grams"] == 5
        assert (await still_answers(anyone))["dropped"] == []

    async def test_that_breaks_its_handler_is_dropped(self, anyone: WorkflowHandle[Any, Any]) -> None:
        await anyone.signal("break_down", {"text": "spring"})
        assert (await still_answers(anyone))["dropped"] == [["break_down", "KeyError: 'spring'"]]

    async def test_nobody_knows_harms_nobody(self, anyone: WorkflowHandle[Any, Any]) -> None:
        await anyone.signal("no_such_signal", {"x": 1})
        assert (await still_answers(anyone))["dropped"] == []

    async def test_may_still_fail_the_workflow_on_purpose(self, anyone: WorkflowHandle[Any, Any]) -> None:
        await anyone.signal("fail", {"text": "on purpose"})
        with pytest.raises(WorkflowFailureError) as caught:
            await anyone.result()
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "Failed"

    @pytest.mark.parametrize("args", [[], [None], ["text"]])
    async def test_that_comes_with_the_start(self, anywhere: Client, args: list[Any]) -> None:
        handle = await anywhere.start_workflow(
            "ParcelWorkflow",
            ParcelInput("p"),
            id=f"signal-with-start-{json.dumps(args)}",
            task_queue=QUEUE,
            start_signal="weigh_later",
            start_signal_args=args,
        )
        assert len((await still_answers(handle))["dropped"]) == 1


class TestUpdate:
    @pytest.mark.parametrize(
        ("update", "name"),
        [("weigh", name) for name in BAD_WEIGH]
        + [("unvalidated", name) for name in ("no input", "null", "a text", "two inputs", "refused by check()")],
    )
    async def test_is_refused(self, hardened: WorkflowHandle[Any, Any], update: str, name: str) -> None:
        args, word = BAD_WEIGH[name]
        before = (await hardened.query("parcel"))["dropped"]
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await hardened.execute_update(update, args=args, rpc_timeout=timedelta(seconds=5))
        failure = caught.value.cause
        assert isinstance(failure, ApplicationError)
        assert failure.type == "ValidationError"
        assert word in failure.message
        assert failure.details[0]["field"] in failure.message
        assert (await still_answers(hardened))["dropped"] == before

    @pytest.mark.parametrize("name", GOOD_WEIGH)
    async def test_is_taken(self, anyone: WorkflowHandle[Any, Any], name: str) -> None:
        assert (await anyone.execute_update("weigh", GOOD_WEIGH[name]))["grams"] == 5

    @pytest.mark.parametrize(("text", "kind"), [("value", "ValidationError"), ("spring", "MessageFailed")])
    async def test_that_breaks_its_handler_is_refused(
        self, anyone: WorkflowHandle[Any, Any], text: str, kind: str
    ) -> None:
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await anyone.execute_update("break_update", {"text": text}, rpc_timeout=timedelta(seconds=5))
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == kind
        await still_answers(anyone)

    @pytest.mark.parametrize("name", BAD_LABEL)
    async def test_of_an_async_handler_is_refused(self, anyone: WorkflowHandle[Any, Any], name: str) -> None:
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await anyone.execute_update("hold", args=BAD_LABEL[name], rpc_timeout=timedelta(seconds=5))
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "ValidationError"
        await still_answers(anyone)

    @pytest.mark.parametrize("after", [None, -1, True, "1", 1.5, [0], {"after": 0}])
    async def test_wait_for_progress_takes_a_number_from_0(
        self, hardened: WorkflowHandle[Any, Any], after: Any
    ) -> None:
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await hardened.execute_update("wait_for_progress", after, rpc_timeout=timedelta(seconds=5))
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "ValidationError"
        await still_answers(hardened)

    async def test_that_is_refused_costs_no_history(self, parcel: WorkflowHandle[Any, Any]) -> None:
        await still_answers(parcel)

        async def length() -> int:
            return (await parcel.describe()).history_length

        before = await length()
        for args, _ in BAD_WEIGH.values():
            with pytest.raises(WorkflowUpdateFailedError):
                await parcel.execute_update("weigh", args=args)
        assert await length() == before


class TestQuery:
    @pytest.mark.parametrize("args", [[], [None], ["2"], [True], [2.5], [[2]], [{"factor": 2}], [2, 3]])
    async def test_is_refused(self, hardened: WorkflowHandle[Any, Any], args: list[Any]) -> None:
        with pytest.raises(WorkflowQueryFailedError):
            await hardened.query("times", args=args, rpc_timeout=timedelta(seconds=5))
        await still_answers(hardened)

    async def test_is_answered(self, anyone: WorkflowHandle[Any, Any]) -> None:
        await still_answers(anyone)
        assert await anyone.query("times", 2) == 154

    async def test_without_inputs_ignores_one(self, anyone: WorkflowHandle[Any, Any]) -> None:
        await still_answers(anyone)
        assert (await anyone.query("parcel", {"x": 1}))["grams"] == 77


class TestStart:
    @pytest.mark.parametrize(
        "args", [[None], ["text"], [{}], [{"parcel_id": 5}], [{"parcel_id": "p", "grams": None}], [raw(b"{")]]
    )
    async def test_that_does_not_fit_fails_the_workflow(
        self, start_parcel: StartParcel, worker: None, args: list[Any]
    ) -> None:
        handle = await start_parcel(*args)
        async with asyncio.timeout(10):
            with pytest.raises(WorkflowFailureError) as caught:
                await handle.result()
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "ValidationError"


class TestReplay:
    async def test_drops_what_was_dropped(self, start_parcel: StartParcel, temporal: Client, worker: None) -> None:
        from temporal_worker.workers import build_replayer

        handle = await start_parcel()
        await handle.signal("weigh_later", args=[None])
        await handle.signal("weigh_later", "x")
        await still_answers(handle)
        history = await handle.fetch_history()
        await build_replayer(AREA.workflows).replay_workflow(history)

    async def test_of_every_task_gives_the_same(self, start_parcel: StartParcel, temporal: Client) -> None:
        from dataclasses import replace

        async with running_worker(temporal, replace(AREA, task_queue="uncached"), max_cached_workflows=0):
            handle = await start_parcel(task_queue="uncached")
            await handle.signal("weigh_later", args=[None])
            assert len((await still_answers(handle))["dropped"]) == 1
            assert await eventually(lambda: handle.query("parcel"))
