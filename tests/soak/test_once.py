"""Said many times at once, done once; and two people who want opposite things get one of them."""

import asyncio
import random
from collections.abc import Callable

from tests.soak.desk import Desk
from tests.soak.shop import Shop, Tally, kinds
from tests.soak.sizes import pick
from tests.stack import Stack

TIMES = 20
RACES = pick(short=25, full=100)
RACES_AT_ONCE = 5
OFFSET = 0.12
"""Seconds by which one of the two may be ahead: wide enough that each of them wins some races."""


class TestSameRequestAtOnce:
    async def test_same_key_places_one_order(self, sqlite_stack: Stack) -> None:
        async with Shop(sqlite_stack) as shop:
            answers = await asyncio.gather(*(shop.send_order(("MOUSE-001", 1), key="once-place") for _ in range(TIMES)))
            assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
            assert len({answer.json()["order_id"] for answer in answers}) == 1
            found = shop.rows("SELECT COUNT(*) FROM orders_order WHERE idempotency_key = ?", "ops:once-place")
            assert found == [(1,)]

    async def test_same_form_places_one_order(self, sqlite_stack: Stack) -> None:
        async with await Desk.of(sqlite_stack.base_url, "ops") as desk:
            form = await desk.form("/orders/new/")
            form |= {"customer": "CUST-001", "customer_email": "soak@example.com", "sku": "MOUSE-001", "quantity": "1"}
            answers = await asyncio.gather(*(desk.post("/orders/new/", form) for _ in range(TIMES)))
        assert {answer.status_code for answer in answers} == {302}, answers[0].text
        assert len({answer.headers["Location"] for answer in answers}) == 1

    async def test_same_key_adds_one_item(self, sqlite_stack: Stack) -> None:
        async with Shop(sqlite_stack) as shop:
            order_id = (await shop.place(("MOUSE-001", 1)))["order_id"]
            item = {"sku": "CABLE-USBC", "quantity": 2}
            answers = await asyncio.gather(*(shop.post(order_id, "items", item, "once-add") for _ in range(TIMES)))
            assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
            order = await shop.order(order_id)
            assert [line["quantity"] for line in order["items"] if line["sku"] == "CABLE-USBC"] == [2]
            assert kinds(order).count("item_added") == 1
            assert shop.held(order_id) == 3

    async def test_same_form_adds_one_item(self, sqlite_stack: Stack) -> None:
        async with Shop(sqlite_stack) as shop, await Desk.of(sqlite_stack.base_url, "ops") as desk:
            order_id = (await shop.place(("MOUSE-001", 1)))["order_id"]
            path = f"/orders/{order_id}/items/"
            form = await desk.form(path) | {"sku": "CABLE-USBC", "quantity": "2"}
            answers = await asyncio.gather(*(desk.post(path, form, fragment=True) for _ in range(TIMES)))
            assert {answer.status_code for answer in answers} == {200}, answers[0].text
            order = await shop.order(order_id)
            assert kinds(order).count("item_added") == 1
            assert shop.held(order_id) == 3


class TestCancelAgainstPay:
    async def test_is_paid_once_or_nothing_is_kept(self, sqlite_stack: Stack, say: Callable[[str], None]) -> None:
        tally, room, dice = Tally(), asyncio.Semaphore(RACES_AT_ONCE), random.Random(20261119)
        async with (
            Shop(sqlite_stack) as shop,
            await Desk.of(sqlite_stack.base_url, "ops") as payer,
            await Desk.of(sqlite_stack.base_url, "ops") as canceller,
        ):
            before = shop.pieces()

            async def race(offset: float) -> None:
                async with room:
                    tally.add(await _race(shop, payer, canceller, offset))

            await asyncio.gather(*(race(dice.uniform(-OFFSET, OFFSET)) for _ in range(RACES)))
            assert shop.pieces() == before
        say(f"cancel against pay, {RACES} races: {tally}")
        assert sum(tally.counts.values()) == RACES


async def _race(shop: Shop, payer: Desk, canceller: Desk, offset: float) -> str:
    """How one race ended. ``offset`` is by how many seconds the payment is later."""
    order = await shop.place(("MOUSE-001", 1))
    order_id = order["order_id"]
    paying, cancelling = f"/orders/{order_id}/payment/", f"/orders/{order_id}/cancellation/"
    payment, cancellation = await asyncio.gather(payer.form(paying), canceller.form(cancelling))

    async def pay() -> int:
        await asyncio.sleep(max(0.0, offset))
        return (await payer.post(paying, payment | {"card_token": "tok_visa"}, fragment=True)).status_code

    async def cancel() -> int:
        await asyncio.sleep(max(0.0, -offset))
        return (
            await canceller.post(cancelling, cancellation | {"reason": "race", "typed": order_id}, fragment=True)
        ).status_code

    paid, cancelled = await asyncio.gather(pay(), cancel())
    # 200: done, or it will be; 409: the other one was first.
    assert {paid, cancelled} <= {200, 409}, (paid, cancelled)
    assert cancelled == 200, "An order that is not shipped can be cancelled, paid or not."
    end = await shop.until(order_id, lambda seen: seen["stage"] == "cancelled")
    charges, net = shop.charges(order_id), shop.net(order_id)
    assert len(charges) <= 1, charges
    assert net == 0, (order_id, end["status"], charges, net)
    assert end["status"] == ("refunded" if charges else "cancelled")
    assert shop.held(order_id) == 0
    return f"{end['status']} (payment answered {paid})"
