"""Temporal or the worker is away: pages go on, say so, lose nothing, and come back by themselves."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser import Tabs
from tests.conftest import open_tabs
from tests.eventually import aeventually, eventually
from tests.journeys.desk import open_dialog, place_order, sees_event, sees_status
from tests.soak.test_outage import PAGE_WITHIN
from tests.stack import Stack

ANSWERED_AFTER = """() => {
    const [page] = performance.getEntriesByType("navigation");
    return page.responseStart - page.requestStart;
}"""
"""Milliseconds that the server took; the browser's own are not in it."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to break."""
    with Stack(tmp_path_factory.mktemp("outage")) as running:
        yield running


@pytest.fixture
async def tabs(browser: Browser, own_stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Tabs]:
    async for opened in open_tabs(browser, own_stack.base_url, request):
        yield opened


class TestTemporalAway:
    async def test_pages_go_on_and_forms_keep_what_was_typed(self, tabs: Tabs, own_stack: Stack) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        await sees_status(ops, "Waiting for payment")
        dialog = await open_dialog(ops, "Take a card payment")
        await dialog.get_by_label("Card token").fill("tok_visa")

        own_stack.stop_temporal()
        try:
            reader = await tabs.page_for("employee")
            for path in ("/orders/?tab=all", f"/orders/{order_id}/"):
                await reader.goto(path, wait_until="domcontentloaded")
                assert await reader.evaluate(ANSWERED_AFTER) <= PAGE_WITHIN * 1_000, path
            await expect(reader.get_by_role("alert")).to_contain_text("Temporal")
            await expect(reader.locator("#health")).to_contain_text("out of reach", timeout=10_000)
            status, body = own_stack.readyz()
            assert (status, body["checks"]["temporal"]["ok"], body["checks"]["database"]["ok"]) == (503, False, True)

            await dialog.get_by_role("button", name="Take the payment").click()
            await expect(dialog.get_by_role("alert")).to_contain_text("still here", timeout=20_000)
            await expect(dialog.get_by_label("Card token")).to_have_value("tok_visa")
            with own_stack.api() as api:
                refused = api.post(
                    f"/api/orders/{order_id}/cancellation", json={"reason": ""}, headers={"Idempotency-Key": "away"}
                )
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
        finally:
            own_stack.start_temporal()

        await asyncio.to_thread(own_stack.wait_until_ready)
        await dialog.get_by_role("button", name="Take the payment").click()
        await expect(dialog).to_be_hidden(timeout=20_000)
        await sees_status(ops, "Paid", timeout=30_000)
        await sees_status(reader, "Paid", timeout=60_000)
        with own_stack.api() as api:
            order = api.get(f"/api/orders/{order_id}").json()
        assert order["payment"]["amount_cents"] == 2_999


class TestWorkerAway:
    async def test_is_told_within_ten_seconds_and_a_signal_waits(self, tabs: Tabs, own_stack: Stack) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        await sees_status(ops, "Waiting for payment")
        reader = await tabs.page_for("employee", "/orders/")
        as_of = reader.locator("#as-of")
        await expect(as_of).to_be_empty()

        own_stack.kill_worker()
        killed = time.monotonic()
        try:
            await aeventually(lambda: own_stack.readyz()[0] == 503, timeout=10, every=0.3)
            await expect(ops.locator("#health")).to_contain_text("No worker", timeout=10_000)
            assert time.monotonic() - killed < 12
            # A list that is open says since when it may lack something, and so does one that is opened now.
            await expect(as_of).to_contain_text("As of", timeout=10_000)
            await expect(as_of).to_contain_text("no worker is running")
            await reader.goto("/orders/?tab=all")
            await expect(as_of).to_contain_text("no worker is running")
            client = await own_stack.temporal_client()
            await client.get_workflow_handle(f"order-{order_id}").signal(
                "cancel_order", {"reason": "While nobody was there.", "requested_by": "cli"}
            )
        finally:
            own_stack.start_worker()

        with own_stack.api() as api:
            await aeventually(
                lambda: api.get(f"/api/orders/{order_id}").json()["status"] == "cancelled", timeout=60, every=0.5
            )
        await sees_status(ops, "Cancelled", timeout=30_000)
        await sees_event(ops, "While nobody was there.")
        await expect(as_of).to_be_empty(timeout=20_000)
        await asyncio.to_thread(eventually, lambda: own_stack.readyz()[0] == 200, 20)
