"""Orders whose histories are recorded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from orders.contract import OrderPolicy
from tests.workflows.conftest import kinds, open_desk
from tests.workflows.shop import FakeShop, declined, transient


@asynccontextmanager
async def place(env: WorkflowEnvironment) -> AsyncIterator[tuple[Any, ...]]:
    shop = FakeShop()
    async with open_desk(env, shop) as desk:
        yield desk, shop


async def delivered(desk, shop):
    order = await desk.place()
    await order.update("add_item", sku="KEYBOARD-001", quantity=2)
    await order.update("remove_item", sku="MOUSE-001", quantity=1)
    await order.signal("add_line_item", sku="MOUSE-001", quantity=1)
    await order.until(lambda view: sum(line.quantity for line in view.items) == 5)
    await order.pay()
    await order.ship()
    await order.update("deliver", received_by="Maren")
    await order.handle.result()
    return order


async def declined_then_refunded(desk, shop):
    shop.charge_errors = [declined(), transient()]
    order = await desk.place()
    with suppress(WorkflowUpdateFailedError):
        await order.pay()
    await order.pay()
    await order.update("request_cancellation", reason="changed my mind")
    await order.handle.result()
    return order


async def released(desk, shop):
    order = await desk.place(policy=OrderPolicy(version=1, review_above_cents=100_000))
    await order.pay()
    await order.until_stage("awaiting_shipment")
    with suppress(WorkflowUpdateFailedError):  # without its patch nothing is held
        await order.update("retry_failed_step", step="review")
    await order.ship()
    await order.update("deliver", received_by="Maren")
    await order.handle.result()
    return order


async def held_running(desk, shop):
    order = await desk.place(policy=OrderPolicy(version=1, review_above_cents=100_000))
    await order.pay()
    await order.until(lambda view: view.problem is not None and view.timeline[-1].kind == "mail_sent")
    return order


async def refunded_beside(desk, shop):
    """Paid twice: the second payment goes back while the order waits to be shipped, once somebody has asked again."""
    order = await desk.place()
    paid = await order.pay()
    shop.refund_errors = [declined("refused by the gateway")]
    event = {"event_id": "evt_2", "payment_id": "pay_2", "amount_cents": paid.total_cents, "currency": "USD"}
    await order.signal("confirm_payment", **event)
    await order.until(lambda view: view.problem is not None)
    await order.update("retry_failed_step", step="refund")
    await order.until(lambda view: view.problem is None)
    await order.ship()
    await order.update("deliver", received_by="Maren")
    await order.handle.result()
    return order


async def two_refunds_stopped(desk, shop):
    """Paid by hand and by card, and cancelled: both refunds wait for a person. Without its patch one retry was for both."""
    order = await desk.place()
    await order.signal("approve_payment", approved_by="ops", reference="BANK-7")
    paid = await order.until_stage("awaiting_shipment")
    shop.refund_errors, shop.refunding = [declined("refused by the gateway")], asyncio.Event()
    event = {"event_id": "evt_2", "payment_id": "pay_2", "amount_cents": paid.total_cents, "currency": "USD"}
    await order.signal("confirm_payment", **event)
    await order.until(lambda view: "payment_unmatched" in kinds(view))
    await order.update("request_cancellation", reason="changed my mind")
    shop.refunding.set()
    await order.until(lambda view: kinds(view).count("refund_failed") == 2)
    await order.update("retry_failed_step", step="refund")
    with suppress(WorkflowUpdateFailedError, RPCError):
        await order.update("retry_failed_step", step="refund")
    await order.handle.result()
    return order


async def late_with_a_refund_stopped_running(desk, shop):
    """The refund of a payment too many stops, is tried again between two reminders, and stops once more before it is shipped."""
    order = await desk.place()
    paid = await order.pay()
    await order.until_stage("awaiting_shipment")
    await desk.skip(hours=25)
    shop.refund_errors = [declined("refused by the gateway")]
    event = {"event_id": "evt_2", "payment_id": "pay_2", "amount_cents": paid.total_cents, "currency": "USD"}
    await order.signal("confirm_payment", **event)
    await order.until(lambda view: view.problem.step == "refund")
    await order.update("retry_failed_step", step="refund")
    await desk.skip(hours=24)
    await order.until(lambda view: kinds(view).count("shipment_late") == 2)
    shop.refund_errors = [declined("refused by the gateway")]
    await order.signal("confirm_payment", **event | {"event_id": "evt_3", "payment_id": "pay_3"})
    await order.until(lambda view: view.problem.step == "refund")
    await order.ship()
    await order.update("deliver", received_by="Maren")
    await order.until_stage("notify")
    return order


async def refunded_in_part(desk, shop):
    """The provider gives a part back, and the order is cancelled later. Without its patch the part was taken for all of it."""
    order = await desk.place()
    paid = await order.pay()
    await order.until_stage("awaiting_shipment")
    card = paid.payment.provider_reference
    event = {"event_id": "evt_2", "payment_id": card, "amount_cents": 500, "currency": "USD"}
    await order.signal("report_payment_refunded", **event)
    await order.until(lambda view: "payment_refunded" in kinds(view))
    with suppress(WorkflowUpdateFailedError, RPCError):
        await order.update("request_cancellation", reason="changed my mind")
    await order.handle.result()
    return order


async def refunded_before_it_was_paid(desk, shop):
    """All of it, reported before the payment itself."""
    order = await desk.place()
    total = (await order.until_stage("awaiting_payment")).total_cents
    event = {"event_id": "evt_1", "payment_id": "pay_web", "amount_cents": total, "currency": "USD"}
    await order.signal("report_payment_refunded", **event)
    await order.signal("confirm_payment", **event | {"event_id": "evt_2"})
    await order.handle.result()
    return order


async def in_two_currencies(desk, shop):
    """Started at Temporal, where nobody looks at the products' currencies."""
    shop.stock["LAMP-EU"], shop.prices["LAMP-EU"], shop.currencies["LAMP-EU"] = 10, 10_000, "EUR"
    order = await desk.place(("MOUSE-001", 1), ("LAMP-EU", 1))
    view = await order.until(lambda view: view.problem is not None or view.stage == "awaiting_payment")
    if view.problem is not None:  # with its patch
        await order.update("remove_item", sku="LAMP-EU", quantity=1)
    await order.pay()
    await order.ship()
    await order.update("deliver", received_by="Maren")
    await order.handle.result()
    return order


async def window_closed(desk, shop):
    order = await desk.place()
    await order.until_stage("awaiting_payment")
    await order.handle.result()
    return order


async def late_payment(desk, shop):
    order = await window_closed(desk, shop)
    closed = await order.view()
    event = {"event_id": "evt_l", "payment_id": "pay_l", "amount_cents": closed.total_cents, "currency": "USD"}
    again = await desk.reopen(order, closed, event)
    await again.handle.result()
    return again


async def short_running(desk, shop):
    shop.stock["MOUSE-001"] = 1
    order = await desk.place(("LAPTOP-001", 1), ("MOUSE-001", 2))
    await order.until(lambda view: view.problem is not None)
    return order


async def awaiting_payment_running(desk, shop):
    order = await desk.place()
    await order.signal("mark_shipped", carrier="DHL", tracking_number="1")
    await order.handle.signal("confirm_payment", None)
    await order.until(lambda view: view.stage == "awaiting_payment" and view.timeline[-1].kind == "mail_sent")
    return order


async def shipping_late_running(desk, shop):
    order = await desk.place()
    await order.pay()
    await desk.skip(hours=50)
    return order


async def in_transit_running(desk, shop):
    order = await desk.place()
    await order.signal("approve_payment", approved_by="ops", reference="BANK-7")
    await order.until_stage("awaiting_shipment")
    await order.ship()
    await desk.skip(days=6)
    return order


SCENARIOS: list[Callable[..., Awaitable[object]]] = [
    delivered,
    declined_then_refunded,
    released,
    held_running,
    refunded_beside,
    two_refunds_stopped,
    late_with_a_refund_stopped_running,
    refunded_in_part,
    refunded_before_it_was_paid,
    in_two_currencies,
    window_closed,
    late_payment,
    short_running,
    awaiting_payment_running,
    shipping_late_running,
    in_transit_running,
]
