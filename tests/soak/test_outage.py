"""Temporal is stopped, or the worker is killed: pages go on and say so, actions lose nothing, and all goes on after."""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.eventually import aeventually
from tests.soak.conftest import started
from tests.soak.desk import Desk, fields_of
from tests.soak.shop import Shop, event
from tests.soak.sizes import pick
from tests.soak.viewers import all_have, make_sessions, watching
from tests.stack import Stack

ROUNDS = pick(short=1, full=4)
PAGE_WITHIN = 2.0
"""Seconds in which a page answers while Temporal is away, and says so."""
TOLD_WITHIN = 10.0
"""Seconds from the death of the worker until everybody knows."""
LOST = "does not answer"
"""What an order page says in its notice."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from started(Stack(tmp_path_factory.mktemp("outage")))


class TestTemporalStopped:
    async def test_pages_say_so_and_actions_can_be_repeated(self, own_stack: Stack, say: Callable[[str], None]) -> None:
        async with Shop(own_stack) as shop, await Desk.of(own_stack.base_url, "ops") as desk:
            for number in range(ROUNDS):
                say(await _temporal_outage(own_stack, shop, desk, number))


class TestWorkerKilled:
    async def test_everybody_knows_and_signals_wait(self, own_stack: Stack, say: Callable[[str], None]) -> None:
        async with Shop(own_stack) as shop, await Desk.of(own_stack.base_url, "ops") as desk:
            for number in range(ROUNDS):
                say(await _worker_outage(own_stack, shop, desk, number))


async def _temporal_outage(stack: Stack, shop: Shop, desk: Desk, number: int) -> str:
    order, follower = await shop.place(("MOUSE-001", 1)), await shop.place(("MOUSE-001", 2))
    order_id = order["order_id"]
    page, paying = f"/orders/{order_id}/", f"/orders/{order_id}/payment/"
    payment = await desk.form(paying) | {"card_token": "tok_visa"}
    placing = await desk.form("/orders/new/")
    placing |= {"customer": "CUST-001", "customer_email": "a@example.com", "sku": "MOUSE-001", "quantity": "3"}
    sessions = make_sessions(stack, 3)
    async with watching(stack.base_url, f"/ws{page}?after=0", sessions) as viewers:
        await all_have(viewers, order["version"])
        stack.stop_temporal()
        stopped = monotonic()
        try:
            slowest = await _pages_answer(desk, page)
            list_knows = await _list_says(desk, "Temporal out of reach", stopped)

            # The form comes back as it was typed, with its key: pressing again is the same payment.
            refused = await desk.post(paying, payment, fragment=True)
            kept = fields_of(refused.text)
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert (kept["card_token"], kept["idempotency_key"]) == ("tok_visa", payment["idempotency_key"])
            refused = await desk.post("/orders/new/", placing)
            assert refused.status_code == 503
            assert fields_of(refused.text)["idempotency_key"] == placing["idempotency_key"]
            key = f"outage-{number}"
            answer = await shop.post(order_id, "items", {"sku": "CABLE-USBC", "quantity": 1}, key)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert (await shop.send_event(event("succeeded", follower))).status_code == 200
            assert stack.readyz()[0] == 503
        finally:
            stack.start_temporal()

        back = monotonic()
        await _ready(stack)
        # What was kept goes on by itself: the payment event, and the order that was placed.
        await shop.until(follower["order_id"], lambda seen: seen["status"] == "paid", timeout=40)
        again = await shop.insist(lambda: desk.post("/orders/new/", placing))
        assert again.status_code == 302
        mine = again.headers["Location"].strip("/").split("/")[-1]
        await shop.until(mine, lambda seen: seen["stage"] == "awaiting_payment", timeout=40)
        # What was asked before is asked again with its key, and done once.
        for _ in range(2):
            answer = await shop.insist(lambda: shop.post(order_id, "items", {"sku": "CABLE-USBC", "quantity": 1}, key))
            assert answer.status_code == 200, answer.text
        assert shop.held(order_id) == 2
        total = await shop.order(order_id)
        payment |= {"amount_cents": str(total["total_cents"])}
        for _ in range(2):
            done = await shop.insist(lambda: desk.post(paying, payment, fragment=True))
            assert done.status_code == 200, done.text
        paid = await shop.until(order_id, lambda seen: seen["status"] == "paid")
        assert shop.charges(order_id) == [total["total_cents"]]
        await all_have(viewers, paid["version"], timeout=30)
    return (
        f"Temporal away: pages in {slowest:.1f} s at most, the list said so after {list_knows:.1f} s; "
        f"all done {monotonic() - back:.0f} s after it was back"
    )


async def _worker_outage(stack: Stack, shop: Shop, desk: Desk, number: int) -> str:
    order = await shop.place(("MOUSE-001", 1))
    order_id = order["order_id"]
    handle = (await stack.temporal_client()).get_workflow_handle(order["workflow_id"])
    await desk.http.get("/orders/")
    stack.kill_worker()
    killed = monotonic()
    try:
        ready, list_knows, page_knows = await asyncio.gather(
            _not_ready(stack, killed),
            _list_says(desk, "No worker is running", killed),
            _says(desk, f"/orders/{order_id}/", LOST, killed),
        )
        assert max(ready, list_knows, page_knows) <= TOLD_WITHIN, (ready, list_knows, page_knows)
        await handle.signal("cancel_order", {"reason": f"While nobody was there, {number}.", "requested_by": "cli"})
        answer = await shop.post(order_id, "items", {"sku": "CABLE-USBC", "quantity": 1})
        assert answer.status_code == 503
    finally:
        stack.start_worker()
    back = monotonic()
    seen = await shop.until(order_id, lambda seen: seen["status"] == "cancelled", timeout=60)
    assert any(f"While nobody was there, {number}." in entry["text"] for entry in seen["timeline"])
    assert shop.held(order_id) == 0
    applied = monotonic() - back
    await _ready(stack)
    return (
        f"worker killed: /readyz said so after {ready:.1f} s, the list after {list_knows:.1f} s, the order's page after "
        f"{page_knows:.1f} s; the signal was applied {applied:.0f} s after the next worker's start"
    )


# ── What they share ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _pages_answer(desk: Desk, page: str) -> float:
    """How long the slowest of them took; the order's page says at once that it may be old."""
    slowest = 0.0
    for path in (page, "/orders/", "/orders/?tab=all", "/orders/new/", page):
        start = monotonic()
        answer = await desk.http.get(path)
        taken = monotonic() - start
        assert answer.status_code == 200, answer.text
        assert path != page or LOST in answer.text
        assert taken <= PAGE_WITHIN, (path, taken)
        slowest = max(slowest, taken)
    return slowest


async def _list_says(desk: Desk, words: str, since: float) -> float:
    return await _says(desk, "/orders/", words, since)


async def _says(desk: Desk, path: str, words: str, since: float) -> float:
    """Seconds after ``since`` from which on the page says so."""

    async def ask() -> bool:
        answer = await desk.http.get(path)
        assert answer.status_code == 200
        return words in answer.text

    await aeventually(ask, timeout=TOLD_WITHIN + 2, every=0.1)
    return monotonic() - since


async def _readyz(stack: Stack) -> int:
    async with httpx.AsyncClient(base_url=stack.base_url, timeout=10) as http:
        return (await http.get("/readyz")).status_code


async def _not_ready(stack: Stack, since: float) -> float:
    async def ask() -> bool:
        return await _readyz(stack) == 503

    await aeventually(ask, timeout=TOLD_WITHIN + 2, every=0.1)
    return monotonic() - since


async def _ready(stack: Stack) -> None:
    async def ask() -> Any:
        return await _readyz(stack) == 200

    await aeventually(ask, timeout=40, every=0.2)
