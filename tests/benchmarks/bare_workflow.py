"""The baseline of a whole order: a workflow of the same activities in the same order, with nothing of ours around it.

No state, no timeline, no versions, no validators, no updates: signals say "go on". It saves as often as an order does.
Nothing but workflow code is in this module: the sandbox loads it anew for each workflow.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orders.contract import ChargeRequest, MailRequest, OrderInput, OrderView, StockRequest
    from orders.process import effects
    from orders.process.state import OrderState

QUEUE = "bare-order-queue"
SAVES = 9
"""How often it saves; the benchmark checks it against a real order's history."""


@workflow.defn
class BareOrderWorkflow:
    def __init__(self) -> None:
        self.signals: list[str] = []
        self.saves = 0
        self.beside: list[asyncio.Task[Any]] = []

    @workflow.signal
    def go_on(self, what: str) -> None:
        self.signals.append(what)

    @workflow.run
    async def run(self, order: OrderInput) -> str:
        view = OrderState(order, workflow.now, lambda: None).view()
        skus = [line.sku for line in order.items]
        self._save(view)
        await asyncio.gather(
            effects.snapshot_inventory(skus),
            effects.load_customer_profile(order.customer_id),
            effects.recommend_products(skus),
        )
        self._save(view)
        await effects.hold_stock(StockRequest(order.order_id, 1, order.items))
        self._save(view)
        self._mail("order_confirmation", view)
        await effects.collect_early_payments(order.order_id)
        self._save(view)
        await self._signalled("pay")
        self._save(view)
        await effects.charge_payment(
            ChargeRequest(
                order.order_id, f"{order.order_id}:charge:1", view.total_cents, "USD", "card", card_token="tok_visa"
            ),
            1,
        )
        self._save(view)
        self._mail("payment_received", view)
        await self._signalled("ship")
        self._save(view)
        await effects.ship_stock(order.order_id)
        self._mail("order_shipped", view)
        self._save(view)
        await self._signalled("deliver")
        self._mail("order_delivered", view)
        self._save(view)
        await asyncio.gather(*self.beside)
        return "delivered"

    async def _signalled(self, what: str) -> None:
        await workflow.wait_condition(lambda: what in self.signals, timeout=timedelta(hours=24))

    def _save(self, view: OrderView) -> None:
        self.saves += 1
        self._do_beside(effects.save_order(replace(view, version=self.saves)))

    def _mail(self, kind: str, view: OrderView) -> None:
        self._do_beside(effects.send_order_mail(MailRequest(kind, view)))

    def _do_beside(self, work: Coroutine[Any, Any, Any]) -> None:
        self.beside.append(asyncio.create_task(work))
