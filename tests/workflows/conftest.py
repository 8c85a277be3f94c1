from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateHandle, WorkflowUpdateStage
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from approvals import contract as approvals_contract
from approvals.bulk_workflow import BulkDecisionWorkflow
from approvals.workflows import ApprovalWorkflow
from orders.contract import TASK_QUEUE, OrderInput, OrderLine, OrderPolicy, OrderView, order_workflow_id
from orders.workflows import OrderWorkflow
from temporal_worker.registry import AreaWorker
from temporal_worker.testing import running_worker
from tests.servers import start_time_skipping_server
from tests.workflows.actors import Actors, open_actors
from tests.workflows.office import Bench, FakeOffice
from tests.workflows.shop import FakeShop

_numbers = count(1)


class Desk:
    """Places orders at a fake shop on the time-skipping server, and talks to them as any client would."""

    def __init__(self, env: WorkflowEnvironment, shop: FakeShop) -> None:
        self.env, self.shop = env, shop
        self.handles: list[WorkflowHandle[Any, Any]] = []

    async def place(self, *items: tuple[str, int], **fields: Any) -> "RunningOrder":
        order_id = f"ORD-20261121-120000-{next(_numbers):04x}"
        policy = fields.pop("policy", OrderPolicy(version=1))
        order = OrderInput(
            order_id=order_id,
            customer_id="CUST-1",
            customer_email="maren.holt@example.com",
            items=[OrderLine(sku, quantity) for sku, quantity in items or [("LAPTOP-001", 1), ("MOUSE-001", 2)]],
            policy=policy,
        )
        start = {"id": order_workflow_id(order_id), "task_queue": TASK_QUEUE, **fields}
        self.handles.append(await self.env.client.start_workflow(OrderWorkflow.run, order, **start))
        return RunningOrder(self.handles[-1], order_id)

    async def reopen(self, order: "RunningOrder", closed: OrderView, event: dict[str, Any]) -> "RunningOrder":
        """Wake a closed order for a late payment event, as the gateway does."""
        resumed = OrderInput(
            order_id=order.order_id,
            customer_id="CUST-1",
            customer_email="maren.holt@example.com",
            items=closed.items,
            resume=closed,
        )
        handle = await self.env.client.start_workflow(
            OrderWorkflow.run,
            resumed,
            id=order_workflow_id(order.order_id),
            task_queue=TASK_QUEUE,
            start_signal="confirm_payment",
            start_signal_args=[event],
        )
        return RunningOrder(handle, order.order_id)

    async def skip(self, **span: float) -> None:
        """Let ``timedelta(**span)`` pass at once; only on the ``skipping_desk``."""
        await self.env.sleep(timedelta(**span))

    async def close(self) -> None:
        """No order outlives its test."""
        for handle in self.handles:
            with suppress(RPCError):
                await handle.terminate()


class RunningOrder:
    def __init__(self, handle: WorkflowHandle[Any, Any], order_id: str) -> None:
        self.handle, self.order_id = handle, order_id

    async def update(self, name: str, **message: Any) -> OrderView:
        return await self.handle.execute_update(name, message, result_type=OrderView)

    async def signal(self, name: str, **message: Any) -> None:
        await self.handle.signal(name, message)

    async def view(self) -> OrderView:
        return await self.handle.query("get_order_details", result_type=OrderView)

    async def until(self, met: Any) -> OrderView:
        """Follow the order by its own progress updates until its view fulfils ``met``."""
        view = await self.view()
        while not met(view):
            await self.handle.execute_update("wait_for_progress", view.version, id=f"progress-{view.version}")
            view = await self.view()
        return view

    async def until_stage(self, stage: str) -> OrderView:
        return await self.until(lambda view: view.stage == stage)

    async def pay(self, **more: Any) -> OrderView:
        total = (await self.until_stage("awaiting_payment")).total_cents
        return await self.update(
            "process_payment", **{"payment_method": "card", "card_token": "tok_visa", "amount_cents": total, **more}
        )

    async def start_paying(self) -> WorkflowUpdateHandle[Any]:
        """Hand a payment in without waiting for how it ends."""
        total = (await self.until_stage("awaiting_payment")).total_cents
        message = {"payment_method": "card", "card_token": "tok_visa", "amount_cents": total}
        return await self.handle.start_update(
            "process_payment", message, wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=OrderView
        )

    async def ship(self) -> OrderView:
        return await self.update("ship", carrier="DHL", tracking_number="T-1")


def kinds(view: OrderView) -> list[str]:
    return [entry.kind for entry in view.timeline]


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@asynccontextmanager
async def open_desk(env: WorkflowEnvironment, shop: FakeShop, **worker: Any) -> AsyncIterator[Desk]:
    area = AreaWorker(TASK_QUEUE, [OrderWorkflow], shop.activities())
    async with running_worker(env.client, area, **worker):
        desk = Desk(env, shop)
        yield desk
        await desk.close()


@pytest.fixture
async def desk(time_skipping_env: WorkflowEnvironment, shop: FakeShop) -> AsyncIterator[Desk]:
    async with open_desk(time_skipping_env, shop) as desk:
        yield desk


@pytest.fixture
async def skipping_desk(shop: FakeShop) -> AsyncIterator[Desk]:
    """A desk with a server of its own, for tests that skip time: a workflow that another test ended in the middle of an
    activity would keep the shared server from skipping, for good."""
    async with await start_time_skipping_server() as env, open_desk(env, shop) as desk:
        yield desk


# ── Approvals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def office() -> FakeOffice:
    return FakeOffice()


@asynccontextmanager
async def open_bench(env: WorkflowEnvironment, office: FakeOffice) -> AsyncIterator[Bench]:
    area = AreaWorker(approvals_contract.TASK_QUEUE, [ApprovalWorkflow, BulkDecisionWorkflow], office.activities())
    async with running_worker(env.client, area):
        bench = Bench(env, office)
        yield bench
        await bench.close()


@pytest.fixture
async def bench(time_skipping_env: WorkflowEnvironment, office: FakeOffice) -> AsyncIterator[Bench]:
    """Requests at an office whose clock stands still unless somebody waits for a result."""
    async with open_bench(time_skipping_env, office) as bench:
        yield bench


@pytest.fixture
async def skipping_bench(office: FakeOffice) -> AsyncIterator[Bench]:
    """The same on a server of its own, whose clock the test leads."""
    async with await start_time_skipping_server() as env, open_bench(env, office) as bench:
        yield bench


# ── User actors ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def actors(time_skipping_env: WorkflowEnvironment) -> AsyncIterator[Actors]:
    """Actors whose clock stands still, as good as."""
    async with open_actors(time_skipping_env.client) as actors:
        yield actors


@pytest.fixture
async def skipping_actors() -> AsyncIterator[Actors]:
    """The same on a server of its own, whose clock the test leads."""
    async with await start_time_skipping_server() as env, open_actors(env.client, env) as actors:
        yield actors
