import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.browser import Tabs, log_in
from tests.journeys import office
from tests.journeys.desk import LIVE, pay, place_order, sees_status
from tests.stack import Stack

pytestmark = pytest.mark.soak

NO_SOCKETS = """window.WebSocket = class extends EventTarget {
    constructor() {
        super();
        setTimeout(() => {
            const gone = new CloseEvent("close", {code: 1006});
            this.readyState = 3;
            this.onclose?.(gone);
            this.dispatchEvent(gone);
        }, 10);
    }
    send() {}
    close() {}
};"""
"""As behind a proxy that lets none through."""


WAITED_FOR_A_CONNECTION = """() => {
    const [page] = performance.getEntriesByType("navigation");
    return page.requestStart - page.fetchStart;
}"""
"""Milliseconds: what the server and the drawing take, on a machine that is busy, is not in it."""


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
            await page.goto("/orders/")
            await expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
            assert await page.evaluate(WAITED_FOR_A_CONNECTION) < 1_000

    async def test_the_fallback_takes_over_where_sockets_do_not_get_through(self, tabs: Tabs) -> None:
        tabs.expect("WebSocket connection to")
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        watcher = await tabs.page_for("employee")
        await watcher.add_init_script(NO_SOCKETS)
        await watcher.goto(f"/orders/{order_id}/")
        await sees_status(watcher, "Waiting for payment")
        await pay(ops)
        await sees_status(watcher, "Paid", timeout=30_000)

    async def test_a_refusal_too(self, tabs: Tabs) -> None:
        """It is in no history of the person's actor, which the page follows."""
        tabs.expect("WebSocket connection to")
        page = await tabs.page_for("marketer")
        await page.add_init_script(NO_SOCKETS)
        await page.goto("/campaigns/users/USER-001/")
        await expect(page.locator("#connection")).to_contain_text("asks for news instead", timeout=LIVE)
        await page.request.post("/api/users/USER-001/opt-outs", data={"channel": "sms"}, headers=await _api(page, "1"))
        asked = {"channel": "sms", "category": "news", "grant_id": "without-a-socket"}
        answer = await page.request.post("/api/users/USER-001/send-requests", data=asked, headers=await _api(page, "2"))
        assert answer.status == 409
        refused = page.locator("#actor-decisions li").filter(has_text="SMS").first
        await expect(refused.locator(".status")).to_have_text("Refused", timeout=30_000)

    async def test_lists_and_the_shell_too(self, tabs: Tabs) -> None:
        """A list's row and tab's title, and on a page that follows nothing its badge; then the lists go on by themselves."""
        tabs.expect("WebSocket connection to")
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        context = await tabs.context()
        listed, quiet = await context.new_page(), await context.new_page()
        for page in (listed, quiet):
            await page.add_init_script(NO_SOCKETS)
        await listed.goto("/accounts/login/")
        await log_in(listed, "manager")
        await listed.goto("/orders/?tab=all")
        await expect(listed.locator("#connection")).to_contain_text("asks for news instead", timeout=LIVE)
        row = listed.locator("tr").filter(has_text=order_id[-4:])
        await expect(row).to_contain_text("Waiting for payment", timeout=30_000)
        await pay(ops)
        await expect(row).to_contain_text("Paid", timeout=30_000)
        await place_order(ops, ("MOUSE-001", 1))
        await expect(listed.locator("#orders-new")).to_contain_text("1 new order", timeout=30_000)

        await quiet.goto("/search/")
        badge = quiet.locator("#badge-attention")
        before = await badge.inner_text()
        await place_order(ops, ("LIMITED-010", 11))
        await expect(badge).not_to_have_text(before, timeout=30_000)
        await expect(badge).to_have_text(re.compile(r"\d+"))
        await listed.bring_to_front()
        await expect(listed).to_have_title(re.compile(r"^\(\d+\) Orders"), timeout=30_000)

    async def test_home_too(self, tabs: Tabs, stack: Stack) -> None:
        """What happens, what waits for its person, and the end of it when they have logged out elsewhere."""
        tabs.expect("WebSocket connection to")
        context = await tabs.context()
        page, other = await context.new_page(), await context.new_page()
        await page.add_init_script(NO_SOCKETS)
        await page.goto("/accounts/login/")
        await log_in(page, "manager")
        await page.goto("/")
        await expect(page.locator("#connection")).to_contain_text("asks for news instead", timeout=LIVE)

        order_id = await place_order(await tabs.page_for("ops"), ("MOUSE-001", 1))
        await expect(page.locator("#home-events")).to_contain_text(f"Order {order_id[-4:]}", timeout=LIVE)
        # By their number: of what others have left there, only the most urgent are named.
        waiting = page.locator("#home-mine .count--you")
        before = int(await waiting.inner_text()) if await waiting.count() else 0
        request_id = await office.ask(stack, "employee", "expense", "Without a socket", 42_000)
        await expect(waiting).to_have_text(str(before + 1), timeout=LIVE)
        await expect(page.locator("#badge-approvals")).not_to_be_empty()
        await office.withdraw(stack, "employee", request_id)
        await expect(waiting).to_have_text(str(before) if before else [], timeout=LIVE)

        await other.goto("/accounts/profile/")
        await other.request.post("/accounts/logout/", headers=await _with_token(other))
        await place_order(await tabs.page_for("ops"), ("MOUSE-001", 1))
        await expect(page.locator("#connection")).to_contain_text("You have logged out", timeout=LIVE)


async def _api(page: Page, key: str) -> dict[str, str]:
    return {
        **await _with_token(page),
        "Origin": page.url.split("/campaigns")[0],
        "Idempotency-Key": f"journey-tabs-{key}",
    }


async def _with_token(page: Page) -> dict[str, str]:
    cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    return {"X-CSRFToken": cookies["csrftoken"], "Origin": page.url.split("/accounts")[0]}
