"""The baseline of a whole order: a workflow of the same activities in the same order, with nothing of ours around it.

No state, no timeline, no versions, no validators: signals say "go on". It saves as often as an order does. Run as a module
it is the worker for it, in a process like the product's.
"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import django
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orders.contract import ChargeRequest, MailRequest, OrderInput, OrderView, StockRequest
    from orders.process import effects
    from orders.process.state import OrderState

QUEUE = "bare-order-queue"
SAVES = 9
"""How often an order of the product saves itself on its way; the benchmark checks it against a real history."""


@workflow.defn
class BareOrderWorkflow:
    def __init__(self) -> None:
        self.signals: list[str] = []
        self.saved = 0
        self.mails: list[asyncio.Task[str]] = []

    @workflow.signal
    def go_on(self, what: str) -> None:
        self.signals.append(what)

    @workflow.run
    async def run(self, order: OrderInput) -> str:
        view = OrderState(order, workflow.now, lambda: None).view()
        skus = [line.sku for line in order.items]
        await self._save(view)
        await asyncio.gather(
            effects.snapshot_inventory(skus),
            effects.load_customer_profile(order.customer_id),
            effects.recommend_products(skus),
        )
        await effects.hold_stock(StockRequest(order.order_id, 1, order.items))
        await self._save(view)
        self._mail("order_confirmation", view)
        await effects.collect_early_payments(order.order_id)
        await workflow.wait_condition(lambda: "pay" in self.signals, timeout=timedelta(hours=24))
        await effects.charge_payment(
            ChargeRequest(
                order.order_id, f"{order.order_id}:charge:1", view.total_cents, "USD", "card", card_token="tok_visa"
            ),
            1,
        )
        await self._save(view)
        self._mail("payment_received", view)
        await workflow.wait_condition(lambda: "ship" in self.signals, timeout=timedelta(hours=24))
        await effects.ship_stock(order.order_id)
        await self._save(view)
        self._mail("order_shipped", view)
        await workflow.wait_condition(lambda: "deliver" in self.signals, timeout=timedelta(hours=72))
        self._mail("order_delivered", view)
        await asyncio.gather(*self.mails)
        while self.saved < SAVES:
            await self._save(view)
        return "delivered"

    async def _save(self, view: OrderView) -> None:
        self.saved += 1
        await effects.save_order(replace(view, version=self.saved))

    def _mail(self, kind: str, view: OrderView) -> None:
        self.mails.append(asyncio.create_task(effects.send_order_mail(MailRequest(kind, view))))


async def work(activities: Sequence[object]) -> None:
    from temporal_worker.connection import connect
    from temporal_worker.registry import AreaWorker
    from temporal_worker.workers import build_worker

    area = AreaWorker(QUEUE, [BareOrderWorkflow], activities)  # type: ignore[arg-type]
    with ThreadPoolExecutor(16) as executor:
        await build_worker(await connect(), area, executor).run()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from orders.worker import AREA_WORKER

    asyncio.run(work(AREA_WORKER.activities))
