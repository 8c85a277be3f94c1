"""Fifty people want the last ten pieces at the same moment."""

import asyncio
from collections.abc import Callable
from time import monotonic

from tests.soak.shop import Shop
from tests.stack import Stack

BUYERS, PIECES, SKU = 50, 10, "LIMITED-010"


class TestLastPieces:
    async def test_on_sqlite(self, sqlite_stack: Stack, say: Callable[[str], None]) -> None:
        await _sell_out(sqlite_stack, say)

    async def test_on_postgresql(self, postgres_stack: Stack, say: Callable[[str], None]) -> None:
        await _sell_out(postgres_stack, say)


async def _sell_out(stack: Stack, say: Callable[[str], None]) -> None:
    async with Shop(stack) as shop:
        assert shop.stock(SKU) == PIECES
        start = monotonic()
        answers = await asyncio.gather(*(shop.send_order((SKU, 1)) for _ in range(BUYERS)))
        assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
        ids = [answer.json()["order_id"] for answer in answers]
        assert len(set(ids)) == BUYERS
        decided = ("awaiting_payment", "reserve")
        orders = await asyncio.gather(
            *(
                shop.until(
                    order_id,
                    lambda seen: seen["stage"] in decided and (seen["shortages"] or seen["stage"] != "reserve"),
                    timeout=90,
                )
                for order_id in ids
            )
        )
        took = monotonic() - start

        lucky = [order for order in orders if order["status"] == "pending"]
        unlucky = [order for order in orders if order["status"] == "needs_attention"]
        assert (len(lucky), len(unlucky)) == (PIECES, BUYERS - PIECES)
        assert [shop.held(order["order_id"]) for order in lucky] == [1] * PIECES
        assert [shop.held(order["order_id"]) for order in unlucky] == [0] * (BUYERS - PIECES)
        assert shop.stock(SKU) == 0
        assert all(order["stage"] == "reserve" for order in unlucky)
        assert all(order["shortages"] == [{"sku": SKU, "wanted": 1, "available": 0}] for order in unlucky)
        assert all("Not enough stock" in order["problem"]["error"] for order in unlucky)
        say(f"{BUYERS} buyers of {PIECES} pieces on {stack_name(stack)}: decided after {took:.1f} s")


def stack_name(stack: Stack) -> str:
    return "PostgreSQL" if stack.database_url else "SQLite"
