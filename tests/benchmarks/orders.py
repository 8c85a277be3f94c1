"""The order area against the bare SDK: one button, one no-op, 200 viewers, whole orders, memory."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from django.conf import settings
from temporalio.client import Client, WorkflowHandle

from orders.contract import TASK_QUEUE, WORKFLOW_TYPE, OrderInput, OrderLine, OrderView, order_workflow_id
from tests.benchmarks import bare_workflow as bare
from tests.benchmarks.figures import Figure, at_least, at_most, percentile
from tests.soak.desk import Desk
from tests.soak.viewers import all_have, make_sessions, watching
from tests.stack import Stack

ITEM = "MOUSE-001"
SAMPLES = 200
PER_ORDER = 20
"""Items added to one order before the next one is used: a history that grows would slow both sides."""
VIEWERS = 200
CHANGES = 40
WHOLE_ORDERS = 120
BATCHES = 4
AT_ONCE = 8

_numbers = count()


async def measure(stack: Stack) -> list[Figure]:
    client = await stack.temporal_client()
    async with await Desk.of(stack.base_url, "ops") as desk:
        figures = [
            *await _adding_an_item(stack, desk, client),
            *await _doing_nothing(stack, desk, client),
            *await _viewers(stack, client),
            *await _whole_orders(stack, client),
        ]
    web, worker = stack.memory(stack.webs[0]), stack.memory(stack.workers[0])
    return [
        *figures,
        at_most("resident memory after it, web", web / 2**20, "MiB", 200),
        at_most("resident memory after it, worker", worker / 2**20, "MiB", 250),
    ]


# ── One button ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _adding_an_item(stack: Stack, desk: Desk, client: Client) -> list[Figure]:
    async def through_the_stack(handle: WorkflowHandle[Any, Any]) -> None:
        order_id = handle.id.removeprefix("order-")
        fields = {"sku": ITEM, "quantity": "1", "idempotency_key": str(uuid4())}
        answer = await desk.post(f"/orders/{order_id}/items/", fields, fragment=True)
        assert answer.status_code == 200, answer.text

    async def by_the_sdk(handle: WorkflowHandle[Any, Any]) -> None:
        await handle.execute_update("add_item", {"sku": ITEM, "quantity": 1}, result_type=OrderView)

    stacked, bare_times = await _alternating(client, through_the_stack, by_the_sdk)
    name = "adding an item, whole stack : SDK"
    return [
        at_most(f"{name}, p50", percentile(stacked, 50), "ms", 1.7, percentile(bare_times, 50)),
        at_most(f"{name}, p95", percentile(stacked, 95), "ms", 2.2, percentile(bare_times, 95)),
    ]


async def _doing_nothing(stack: Stack, desk: Desk, client: Client) -> list[Figure]:
    async def through_the_stack(handle: WorkflowHandle[Any, Any]) -> None:
        answer = await desk.post(f"/bench/{handle.id.removeprefix('order-')}/noop/", {}, fragment=True)
        assert answer.status_code == 200, answer.text

    async def by_the_sdk(handle: WorkflowHandle[Any, Any]) -> None:
        await handle.execute_update("wait_for_progress", 0, id=f"bench-{uuid4()}")

    stacked, bare_times = await _alternating(client, through_the_stack, by_the_sdk)
    return [
        at_most("no-op update, whole stack : SDK, p50", percentile(stacked, 50), "ms", 2.2, percentile(bare_times, 50))
    ]


Press = Callable[[WorkflowHandle[Any, Any]], Awaitable[None]]


async def _alternating(client: Client, first: Press, second: Press) -> tuple[list[float], list[float]]:
    """Both on orders of the same age, turn by turn, so that noise and growing histories meet both alike. In ms."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(SAMPLES // PER_ORDER):
        orders = [await _payable_order(client), await _payable_order(client)]
        for round_number in range(PER_ORDER + 1):
            for press, order, taken in zip((first, second), orders, times, strict=True):
                start = time.perf_counter()
                await press(order)
                if round_number:  # the first one of an order warms it up
                    taken.append((time.perf_counter() - start) * 1000)
                await _at_rest(order)
    return times


async def _at_rest(order: WorkflowHandle[Any, Any]) -> None:
    """The order has saved what just changed: one side's follow-up must not run into the other side's time."""
    await asyncio.sleep(0.03)


# ── Viewers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _viewers(stack: Stack, client: Client) -> list[Figure]:
    """From the moment that a change is asked for to the moment that its fragments are at a viewer, over all viewers.

    The change's own work is in it: an update and, for an item, an activity with the stock's transaction.
    """
    order = await _payable_order(client)
    path = f"/ws/orders/{order.id.removeprefix('order-')}/?after=0"
    told: list[float] = []
    async with watching(stack.base_url, path, make_sessions(stack, VIEWERS)) as viewers:
        await all_have(viewers, 1)
        for number in range(CHANGES + 1):
            sent = time.perf_counter()
            version = (await order.execute_update("add_item", {"sku": ITEM, "quantity": 1}))["version"]
            await all_have(viewers, version)
            if number:
                told += [(viewer.told_at(version) - sent) * 1000 for viewer in viewers]
            await asyncio.sleep(0.3)
    name = f"change asked for to shown, {VIEWERS} viewers"
    return [
        at_most(f"{name}, p50", percentile(told, 50), "ms", 300),
        at_most(f"{name}, p95", percentile(told, 95), "ms", 300),
    ]


# ── Whole orders ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _whole_orders(stack: Stack, client: Client) -> list[Figure]:
    async with _bare_worker(stack):
        await _per_second(client, _bare_order, AT_ONCE)  # the first ones load what the others find loaded
        await _per_second(client, _product_order, AT_ONCE)
        rates: dict[str, list[float]] = {"bare": [], "product": []}
        for _ in range(BATCHES):
            rates["bare"].append(await _per_second(client, _bare_order, WHOLE_ORDERS // BATCHES))
            rates["product"].append(await _per_second(client, _product_order, WHOLE_ORDERS // BATCHES))
    saves = await _saves_of(await _product_order(client))
    assert abs(saves - bare.SAVES) <= 2, f"An order saves itself {saves} times, the baseline {bare.SAVES} times."
    ours, baseline = (sum(rates[name]) / BATCHES for name in ("product", "bare"))
    return [at_least(f"complete orders, {AT_ONCE} at once : bare workflow", ours, "/s", 0.7, baseline)]


async def _per_second(client: Client, whole_order: Callable[[Client], Awaitable[Any]], number: int) -> float:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with at_once:
            await whole_order(client)

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(number)))
    return number / (time.perf_counter() - start)


async def _product_order(client: Client) -> WorkflowHandle[Any, Any]:
    order = await _start(client, WORKFLOW_TYPE, TASK_QUEUE)
    total = 129_999 + 2 * 2_999
    await order.execute_update(
        "process_payment", {"payment_method": "card", "card_token": "tok_visa", "amount_cents": total}
    )
    await order.execute_update("ship", {"carrier": "DHL", "tracking_number": "T1"})
    await order.execute_update("deliver", {})
    await order.result()
    return order


async def _bare_order(client: Client) -> None:
    order = await _start(client, "BareOrderWorkflow", bare.QUEUE)
    for what in ("pay", "ship", "deliver"):
        await order.signal("go_on", what)
    await order.result()


async def _start(client: Client, workflow_type: str, queue: str) -> WorkflowHandle[Any, Any]:
    order_id = f"ORD-{datetime.now(UTC):%Y%m%d-%H%M%S}-{next(_numbers):04x}"
    lines = [OrderLine("LAPTOP-001", 1, "Laptop", 129_999), OrderLine(ITEM, 2, "Mouse", 2_999)]
    order = OrderInput(order_id, "CUST-BENCH", "bench@example.com", lines)
    return await client.start_workflow(workflow_type, order, id=order_workflow_id(order_id), task_queue=queue)


async def _payable_order(client: Client) -> WorkflowHandle[Any, Any]:
    order = await _start(client, WORKFLOW_TYPE, TASK_QUEUE)
    while (await order.query("get_progress"))["stage"] != "awaiting_payment":
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    return order


async def _saves_of(order: WorkflowHandle[Any, Any]) -> int:
    history = await order.fetch_history()
    scheduled = (event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events)
    return Counter(scheduled)["save_order"]


@asynccontextmanager
async def _bare_worker(stack: Stack) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "tests.benchmarks.bare_worker"]
    environment = stack.environment | {"TEMPORAL_ADDRESS": stack.temporal_address}
    with (stack.directory / "logs" / "bare.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)
