import asyncio
import time

import pytest
from playwright.async_api import expect

from tests.browser import Tabs, log_in
from tests.journeys.desk import pay, place_order, sees_status

pytestmark = pytest.mark.soak


class TestSevenTabs:
    async def test_all_are_live_and_all_stay_usable(self, tabs: Tabs) -> None:
        """Six held requests would leave a browser none for the seventh tab: HTTP/1.1 allows six to a host."""
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        context = await tabs.context()
        pages = [await context.new_page() for _ in range(7)]
        await pages[0].goto("/accounts/login/")
        await log_in(pages[0], "employee")
        for page in pages:
            await page.goto(f"/orders/{order_id}/")
        await asyncio.gather(*(sees_status(page, "Waiting for payment") for page in pages))
        await pay(ops)
        await asyncio.gather(*(sees_status(page, "Paid") for page in pages))
        for page in pages:
            start = time.monotonic()
            await page.goto("/orders/")
            await expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
            assert time.monotonic() - start < 4

    async def test_the_fallback_takes_over_where_sockets_do_not_get_through(self, tabs: Tabs) -> None:
        tabs.expect("WebSocket connection to")
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        watcher = await tabs.page_for("employee")
        await watcher.add_init_script(
            "window.WebSocket = class extends EventTarget {"
            " constructor() { super(); setTimeout(() => {"
            "   const gone = new CloseEvent('close', {code: 1006});"
            "   this.readyState = 3; this.onclose?.(gone); this.dispatchEvent(gone); }, 10); }"
            " send() {} close() {} };"
        )
        await watcher.goto(f"/orders/{order_id}/")
        await sees_status(watcher, "Waiting for payment")
        await pay(ops)
        await sees_status(watcher, "Paid", timeout=30_000)
