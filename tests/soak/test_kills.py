"""The worker dies, again and again, while cards are being charged. Every order settles, and every card is charged once."""

import asyncio
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from tests.eventually import aeventually
from tests.soak.conftest import started
from tests.soak.shop import Shop
from tests.soak.sizes import pick
from tests.stack import Stack

SEED = 20261119
ORDERS = pick(short=10, full=20)
KILLS = pick(short=2, full=20)
LATENCY = 1.0
"""Seconds that the provider takes before and after it books: a charge is two seconds long, booked in its middle."""
LEAST_GAP = 5.0
"""Seconds from one kill to the next, at least; the next one waits for a charge to aim at."""
LONGEST_AIM = 2.2 * LATENCY
"""Seconds from the beginning of a charge to the kill: before it is booked, after, and when it has just been answered."""
AIMED_WITHIN = 60.0
"""Seconds until a charge begins: a worker has to start, and two cores may be busy with more than us."""
SETTLED_WITHIN = 60.0
CARDS = ("tok_visa", "tok_timeout_after_charge", "tok_visa", "tok_flaky", "tok_visa")


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whose worker is killed, with a provider that takes its time."""
    slow = {"PAYMENT_SANDBOX_LATENCY": str(LATENCY)}
    yield from started(Stack(tmp_path_factory.mktemp("kills"), worker_environment=slow))


class TestKilledWorker:
    @pytest.mark.timeout(1200)
    async def test_orders_settle_and_cards_are_charged_once(self, own_stack: Stack, say: Callable[[str], None]) -> None:
        dice = random.Random(SEED)
        async with Shop(own_stack) as shop:
            before = shop.pieces()
            orders = await asyncio.gather(*(shop.place(("MOUSE-001", 1), ("CABLE-USBC", 2)) for _ in range(ORDERS)))
            payments, last_kill = await _kill_while_paying(own_stack, shop, orders, dice)

            for order in orders:
                left = max(1.0, last_kill + SETTLED_WITHIN - monotonic())
                await shop.until(order["order_id"], lambda seen: seen["stage"] == "awaiting_shipment", timeout=left)
            say(f"{ORDERS} orders, {KILLS} kills (seed {SEED}): settled {monotonic() - last_kill:.0f} s after the last")
            # Each payer who went on asking with the same key was told that it is paid, and never that it failed.
            answers = await asyncio.gather(*payments)
            assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]

            for order in orders:
                seen = await shop.order(order["order_id"])
                assert (seen["status"], seen["payment"]["status"]) == ("paid", "paid")
                assert shop.charges(order["order_id"]) == [order["total_cents"]]
                assert shop.held(order["order_id"]) == 3
            assert shop.rows("SELECT COUNT(*) FROM orders_sandboxcharge") == [(ORDERS,)]
            assert shop.pieces() == before
            repeated = await _repeated_charges(own_stack, orders)
            say(f"attempts of charges that began again because their worker was dead: {repeated}")
            assert repeated >= KILLS // 2, "Too few of the kills hit a charge to say anything."


async def _kill_while_paying(
    stack: Stack, shop: Shop, orders: list[dict[str, Any]], dice: random.Random
) -> tuple[list[asyncio.Task[Any]], float]:
    """Pays some orders before each kill, waits until one of their charges has begun, and kills at a random moment of it."""
    client = await stack.temporal_client()
    payments: list[asyncio.Task[Any]] = []
    waiting = list(enumerate(orders))
    killed_at = 0.0
    alive_since = datetime.now(UTC)
    for kill in range(KILLS):
        await asyncio.sleep(max(0.0, killed_at + LEAST_GAP - LATENCY - monotonic()))
        # An equal share before each kill; what earlier kills have interrupted is under way beside it.
        share = []
        while waiting and len(orders) - len(waiting) < len(orders) * (kill + 1) // KILLS:
            number, order = waiting.pop(0)
            share.append(order)
            payments.append(asyncio.create_task(_pay(shop, order, CARDS[number % len(CARDS)])))
        handles = [client.get_workflow_handle(order["workflow_id"]) for order in share]
        await aeventually(partial(_is_charging, handles, alive_since), timeout=AIMED_WITHIN)
        await asyncio.sleep(max(dice.uniform(0.0, LONGEST_AIM), killed_at + LEAST_GAP - monotonic()))
        stack.kill_worker()
        killed_at = monotonic()
        alive_since = datetime.now(UTC)
        stack.start_worker()
    return payments, killed_at


async def _is_charging(orders: list[WorkflowHandle[Any, Any]], since: datetime) -> bool:
    """Whether a charge of one of the orders has begun since then; one that a dead worker began counts no more."""
    for order in orders:
        for pending in (await order.describe()).raw_description.pending_activities:
            is_charge = pending.activity_type.name == "charge_payment"
            if is_charge and pending.last_started_time.ToDatetime(UTC) > since:
                return True
    return False


async def _pay(shop: Shop, order: dict[str, Any], token: str) -> Any:
    """With one key, for as long as the answer is 503; that may be until the last kill is over."""
    key = f"pay-{order['order_id']}"
    return await shop.insist(lambda: shop.pay(order, token, key), within=KILLS * AIMED_WITHIN + SETTLED_WITHIN)


async def _repeated_charges(stack: Stack, orders: list[dict[str, Any]]) -> int:
    """Attempts of the charge activity after its first, in all histories: each means that a worker died over it."""
    client = await stack.temporal_client()
    repeated = 0
    for order in orders:
        history = await client.get_workflow_handle(order["workflow_id"]).fetch_history()
        charges = {
            found.event_id
            for found in history.events
            if found.activity_task_scheduled_event_attributes.activity_type.name == "charge_payment"
        }
        repeated += sum(
            found.activity_task_started_event_attributes.attempt - 1
            for found in history.events
            if found.activity_task_started_event_attributes.scheduled_event_id in charges
        )
    return repeated
