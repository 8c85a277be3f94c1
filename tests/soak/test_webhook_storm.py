"""The payment provider sends at least once, in any order, too early and too late: each event has one effect or is kept."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from secrets import token_hex
from time import monotonic
from typing import Any

import pytest

from orders.contract import TASK_QUEUE, WORKFLOW_TYPE, OrderInput, OrderLine, order_workflow_id
from tests.eventually import aeventually
from tests.soak.shop import Shop, event, kinds
from tests.soak.sizes import pick
from tests.stack import Stack

TIMES, AT_ONCE = 100, 20
AGAIN = pick(short=1, full=3)
"""How often each permutation is tried, in turn and at once."""


class TestSameEvent:
    async def test_a_hundred_times_has_one_effect(self, sqlite_stack: Stack, say: Callable[[str], None]) -> None:
        async with Shop(sqlite_stack) as shop:
            order = await shop.place(("MOUSE-001", 1))
            paid, room, start = event("succeeded", order), asyncio.Semaphore(AT_ONCE), monotonic()

            async def send() -> int:
                async with room:
                    return (await shop.send_event(paid)).status_code

            answers = await asyncio.gather(*(send() for _ in range(TIMES)))
            say(f"the same event {TIMES} times, {AT_ONCE} at once: {monotonic() - start:.1f} s")
            assert set(answers) == {200}
            order = await shop.until(order["order_id"], lambda seen: seen["stage"] == "awaiting_shipment")
            assert kinds(order).count("payment_received") == 1
            assert order["payment"]["provider_reference"] == paid["data"]["payment_id"]
            query = "SELECT state, deliveries FROM orders_webhookevent WHERE event_id = ?"
            assert shop.rows(query, paid["id"]) == [("delivered", TIMES)]
            history = (
                await (await sqlite_stack.temporal_client()).get_workflow_handle(order["workflow_id"]).fetch_history()
            )
            signals = [
                found for found in history.events if found.HasField("workflow_execution_signaled_event_attributes")
            ]
            assert len(signals) == 1


class TestTooEarly:
    async def test_is_listed_and_applied_when_the_order_starts(self, sqlite_stack: Stack) -> None:
        order_id = f"ORD-{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
        async with Shop(sqlite_stack) as shop:
            paid = event("succeeded", {"order_id": order_id, "total_cents": 2_999, "currency": "USD"})
            assert {(await shop.send_event(paid)).status_code for _ in range(3)} == {200}
            assert _listed(shop, paid) == [(None,)]

            # As a foreign program would start it: our own door draws an id that nobody can know before.
            order = OrderInput(order_id, "SOAK-001", "soak@example.com", [OrderLine("MOUSE-001", 1)])
            await (await sqlite_stack.temporal_client()).start_workflow(
                WORKFLOW_TYPE, order, id=order_workflow_id(order_id), task_queue=TASK_QUEUE
            )
            seen = await _eventually_order(shop, order_id, "paid")
            assert seen["payment"]["provider_reference"] == paid["data"]["payment_id"]
            assert kinds(seen).count("payment_received") == 1
            assert _listed(shop, paid) != [(None,)]


class TestTooLate:
    async def test_success_on_a_cancelled_order_goes_back(self, sqlite_stack: Stack) -> None:
        async with Shop(sqlite_stack) as shop:
            order = await shop.place(("MOUSE-001", 1))
            order_id = order["order_id"]
            assert (await shop.post(order_id, "cancellation", {"reason": "changed my mind"})).status_code == 200
            await shop.until(order_id, lambda seen: seen["stage"] == "cancelled")
            late = event("succeeded", order)
            answers = await asyncio.gather(*(shop.send_event(late) for _ in range(AT_ONCE)))
            assert {answer.status_code for answer in answers} == {200}

            seen = await shop.until(order_id, lambda seen: "payment_refunded" in kinds(seen))
            assert kinds(seen).count("payment_refunded") == 1
            assert shop.charges(order_id) == [2_999]
            assert shop.net(order_id) == 0
            assert shop.held(order_id) == 0


class TestWrongAmount:
    async def test_never_pays(self, sqlite_stack: Stack) -> None:
        async with Shop(sqlite_stack) as shop:
            order = await shop.place(("MOUSE-001", 1))
            order_id = order["order_id"]
            for cents in (1, 2_998, 3_000, 299_900):
                wrong = event("succeeded", order, amount_cents=cents)
                assert (await shop.send_event(wrong)).status_code == 200
                await aeventually(lambda wrong=wrong: _listed(shop, wrong) == [(None,)])
            seen = await shop.order(order_id)
            assert (seen["status"], seen["payment"]["status"]) == ("pending", "unpaid")
            assert kinds(seen).count("payment_unmatched") == 4

            await shop.send_event(event("succeeded", order))
            await shop.until(order_id, lambda seen: seen["status"] == "paid")


class TestAnyOrder:
    @pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "at once"])
    async def test_ends_the_same(self, sqlite_stack: Stack, at_once: bool) -> None:
        async with Shop(sqlite_stack) as shop:
            tried = [order for order in permutations(("succeeded", "failed", "refunded")) for _ in range(AGAIN)]
            ends = await asyncio.gather(*(_play(shop, names, at_once) for names in tried))
        expected = ("refunded", "refunded", 0, 1, 1)
        assert dict(zip(tried, ends, strict=True)) == dict.fromkeys(tried, expected)


async def _play(shop: Shop, names: tuple[str, ...], at_once: bool) -> tuple[Any, ...]:
    """Status, payment, pieces held, payments and refunds on the timeline, after these events, each sent twice."""
    order = await shop.place(("MOUSE-001", 2))
    payment_id = f"pay_{token_hex(10)}"
    events = [event(name, order, payment_id=payment_id) for name in names]
    if at_once:
        answers = list(await asyncio.gather(*(shop.send_event(each) for each in events * 2)))
    else:
        answers = [await shop.send_event(each) for each in events * 2]
    assert {answer.status_code for answer in answers} == {200}
    end = await shop.until(order["order_id"], lambda seen: seen["stage"] == "cancelled")
    told = kinds(end)
    held = shop.held(order["order_id"])
    counts = told.count("payment_received"), told.count("payment_refunded")
    return end["status"], end["payment"]["status"], held, *counts


def _listed(shop: Shop, sent: dict[str, Any]) -> list[tuple[Any, ...]]:
    """When its entry on the unmatched list was settled; ``[(None,)]`` while it waits there."""
    query = """SELECT u.resolved_at FROM orders_unmatchedevent u JOIN orders_webhookevent e ON e.id = u.event_id
               WHERE e.event_id = ?"""
    return shop.rows(query, sent["id"])


async def _eventually_order(shop: Shop, order_id: str, status: str) -> dict[str, Any]:
    """An order that the database may not know yet."""

    async def is_known() -> bool:
        return (await shop.http.get(f"/api/orders/{order_id}")).status_code == 200

    await aeventually(is_known, timeout=20)
    return await shop.until(order_id, lambda seen: seen["status"] == status)
