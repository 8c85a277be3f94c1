"""No page weighs more than 150 KB when nothing of it is cached: the page and all that it loads, as it comes over the wire."""

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.browser import Tabs
from tests.stack import Stack

pytestmark = pytest.mark.soak

MOST = 150_000
"""Bytes; 1 KB is 1,000 of them."""


async def weigh(page: Page, address: str) -> dict[str, int]:
    """Bytes by address, headers too, as the browser's own network log has them."""
    session: CDPSession = await page.context.new_cdp_session(page)
    names: dict[str, str] = {}
    bytes_of: dict[str, int] = {}
    session.on("Network.responseReceived", lambda it: names.update({it["requestId"]: it["response"]["url"]}))
    session.on("Network.loadingFinished", lambda it: bytes_of.update({it["requestId"]: int(it["encodedDataLength"])}))
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.goto(address, wait_until="networkidle")
    await expect(page.locator("main")).to_be_visible()
    await session.detach()
    return {names.get(key, key): number for key, number in bytes_of.items()}


async def test_pages(tabs: Tabs, stack: Stack) -> None:
    page = await tabs.page_for("ops", "/orders/")
    too_heavy = []
    with stack.api("ops") as api:
        order = {
            "customer_id": "CUST-002",
            "customer_email": "jonas.lindqvist@example.com",
            "items": [{"sku": "MOUSE-001", "quantity": 1}],
        }
        order_id = api.post("/api/orders", json=order, headers={"Idempotency-Key": "weighed"}).json()["order_id"]
    for address in ("/", "/orders/?tab=all", f"/orders/{order_id}/", "/orders/new/", "/approvals/", "/search/?q=jonas"):
        weights = await weigh(page, address)
        assert any(one.endswith(".css") for one in weights), "nothing was loaded anew"
        if (total := sum(weights.values())) > MOST:
            largest = sorted(weights.items(), key=lambda one: -one[1])[:6]
            too_heavy.append(f"{address}: {total:,} bytes; {largest}")
    assert not too_heavy, "\n".join(too_heavy)
