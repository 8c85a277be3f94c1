"""A stranger's client – the Temporal CLI, or a program with bad manners – on a running order."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer, temporal_binary
from tests.workflows.conftest import Desk, RunningOrder, kinds, open_desk
from tests.workflows.shop import FakeShop

SIGNALS = {
    "confirm_payment": {"event_id": "e", "payment_id": "p", "amount_cents": 1, "currency": "USD"},
    "approve_payment": {"approved_by": "ops", "reference": "R"},
    "add_line_item": {"sku": "MOUSE-001", "quantity": 1},
    "mark_shipped": {"carrier": "DHL", "tracking_number": "1"},
    "mark_delivered": {"received_by": "Maren"},
    "cancel_order": {"reason": "no", "requested_by": "me"},
    "report_payment_failed": {"event_id": "e", "payment_id": "p", "amount_cents": 1, "currency": "USD"},
    "report_payment_refunded": {"event_id": "e", "payment_id": "p", "amount_cents": 1, "currency": "USD"},
}
UPDATES = {
    "add_item": {"sku": "MOUSE-001", "quantity": 1},
    "remove_item": {"sku": "MOUSE-001", "quantity": 1},
    "process_payment": {"payment_method": "card", "card_token": "tok_visa", "amount_cents": 1},
    "accept_payment": {"approved_by": "ops", "reference": "R"},
    "ship": {"carrier": "DHL", "tracking_number": "1"},
    "deliver": {"received_by": "Maren"},
    "request_cancellation": {"reason": "no"},
    "retry_failed_step": {"step": "refund"},
    "wait_for_progress": 0,
}
MEGABYTE = "x" * 1_000_000


def malformed(good: Any) -> list[list[Any]]:
    """Argument lists that no handler asked for: nothing, null, other types, each field spoiled, a megabyte."""
    bad: list[list[Any]] = [[], [None], ["text"], [[1, 2]], [True], [-1], [3.5], [{}], [{"unknown": 1}], [MEGABYTE]]
    for name in good if isinstance(good, dict) else []:
        bad += [[{**good, name: value}] for value in (None, {"a": 1}, [1], MEGABYTE, "\0", 2**70)]
    return bad


@pytest.fixture
async def desk(temporal_server: DevServer, shop: FakeShop) -> AsyncIterator[Desk]:
    client = await connect()
    async with open_desk(SimpleNamespace(client=client), shop) as desk:  # type: ignore[arg-type]
        yield desk


async def answers(order: RunningOrder) -> None:
    """The workflow still takes a query, an update and a signal, each in good time."""
    async with asyncio.timeout(10):
        view = await order.view()
        assert view.status == "pending"
        changed = await order.update("add_item", sku="MOUSE-001", quantity=1)
        assert changed.version > view.version
        await order.signal("add_line_item", sku="KEYBOARD-001", quantity=1)
        await order.until(lambda v: any(i.sku == "KEYBOARD-001" for i in v.items))


@pytest.mark.parametrize("name", SIGNALS)
async def test_malformed_signals_are_dropped_and_recorded(desk: Desk, name: str) -> None:
    order = await desk.place(("LAPTOP-001", 1))
    await order.until_stage("awaiting_payment")
    for args in malformed(SIGNALS[name]):
        await order.handle.signal(name, args=args)
    view = await order.until(lambda v: "message_refused" in kinds(v))
    assert all(len(entry.text) <= 500 for entry in view.timeline)
    if name not in {"mark_delivered", "cancel_order"}:  # these may leave every field out
        await answers(order)


@pytest.mark.parametrize("name", UPDATES)
async def test_malformed_updates_are_refused(desk: Desk, name: str) -> None:
    order = await desk.place(("LAPTOP-001", 1))
    before = await order.until(lambda v: v.stage == "awaiting_payment" and "mail_sent" in kinds(v))
    for args in malformed(UPDATES[name]):
        if name in {"deliver", "request_cancellation"} and args in ([{}], [{"unknown": 1}]):
            continue
        with pytest.raises((WorkflowUpdateFailedError, RPCError)) as refused:
            async with asyncio.timeout(10):
                await order.handle.execute_update(name, args=args)
        assert "ValidationError" in str(getattr(refused.value.__cause__, "type", "ValidationError"))
    assert (await order.view()).version == before.version
    await answers(order)


@pytest.mark.parametrize("query", ["get_status", "get_total", "get_eta", "get_progress", "get_order_details"])
async def test_queries_answer_whatever_comes_with_them(desk: Desk, query: str) -> None:
    order = await desk.place(("LAPTOP-001", 1))
    await order.until(
        lambda v: v.stage == "awaiting_payment" and "mail_sent" in kinds(v)
    )  # nothing comes after it by itself
    plain = await order.handle.query(query)
    assert await order.handle.query(query, None) == plain
    assert await order.handle.query(query, {"unknown": 1}) == plain


async def test_extra_fields_are_ignored(desk: Desk) -> None:
    order = await desk.place(("LAPTOP-001", 1))
    view = await order.update("add_item", sku="MOUSE-001", quantity=1, colour="blue")
    assert len(view.items) == 2
    added = next(row for row in view.timeline if row.kind == "item_added")
    assert added.by.door == "cli"


async def test_the_temporal_cli_queries_signals_and_updates(desk: Desk, temporal_server: DevServer) -> None:
    async def cli(*arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            str(temporal_binary()), *arguments, "--address", temporal_server.address, "--output", "json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return json.loads(out) if out.strip() else None

    order = await desk.place(("LAPTOP-001", 1))
    await order.until_stage("awaiting_payment")
    workflow = ("--workflow-id", order.handle.id)
    answer = await cli("workflow", "query", *workflow, "--type", "get_status")
    assert answer["queryResult"] == ["pending"]
    item = json.dumps({"sku": "MOUSE-001", "quantity": 2})
    await cli("workflow", "signal", *workflow, "--name", "add_line_item", "--input", item)
    answer = await cli("workflow", "update", "execute", *workflow, "--name", "add_item", "--input", item)
    assert "MOUSE-001" in json.dumps(answer)
    view = await order.until(lambda v: {i.sku: i.quantity for i in v.items}.get("MOUSE-001") == 4)
    assert [entry.by.door for entry in view.timeline if entry.kind == "item_added"] == ["cli", "cli"]
