"""Orders in every state at two widths and in two themes: nothing overflows, and axe-core finds nothing serious."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser import PHONE, Tabs, log_in
from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.journeys.lookout import FEW, IS_FULL, REST, Screen, look
from tests.stack import Stack

pytestmark = pytest.mark.soak


@dataclass(frozen=True)
class Orders:
    """One order in each state that looks different."""

    waiting: str
    short: str
    shipped: str
    refunded: str


@pytest.fixture(scope="module")
async def orders(stack: Stack) -> Orders:
    async with stack.async_api("ops") as api:
        number = 0

        async def send(path: str, body: dict[str, Any]) -> dict[str, Any]:
            nonlocal number
            number += 1
            answer = await api.post(path, json=body, headers={"Idempotency-Key": f"looks-{number}"})
            assert answer.status_code in {200, 201}, answer.text
            return answer.json()

        async def place(*lines: tuple[str, int]) -> str:
            items = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
            customer = {"customer_id": "CUST-008", "customer_email": "props@theatre.example.com"}
            return (await send("/api/orders", customer | {"items": items}))["order_id"]

        async def until(order_id: str, stage: str) -> dict[str, Any]:
            async def reached() -> dict[str, Any]:
                order = (await api.get(f"/api/orders/{order_id}")).json()
                assert order["stage"] == stage, order["stage"]
                return order

            return await aeventually(reached, timeout=20, every=0.2)

        async def paid(*lines: tuple[str, int]) -> str:
            order_id = await place(*lines)
            total = (await until(order_id, "awaiting_payment"))["total_cents"]
            card = {"payment_method": "card", "card_token": "tok_visa", "amount_cents": total}
            await send(f"/api/orders/{order_id}/payment", card)
            await until(order_id, "awaiting_shipment")
            return order_id

        waiting = await place(("LAPTOP-001", 2), ("MONITOR-027", 12), ("CABLE-USBC", 400))
        short = await place(("LIMITED-010", 5_000), ("MOUSE-001", 1))
        shipped, refunded = await paid(("LAPTOP-001", 1)), await paid(("DOCK-001", 1))
        await send(f"/api/orders/{shipped}/shipment", {"carrier": "DHL", "tracking_number": "0034" * 12})
        await send(f"/api/orders/{refunded}/cancellation", {"reason": "a-word-without-any-place-to-break-it" * 4})
        await until(short, "reserve")
        await until(refunded, "cancelled")
        return Orders(waiting, short, shipped, refunded)


@pytest.fixture(params=FEW + REST if IS_FULL else REST[:1])
def screen(request: pytest.FixtureRequest) -> Screen:
    return request.param


class TestLooks:
    async def test_pages(self, tabs: Tabs, orders: Orders, screen: Screen) -> None:
        page = await tabs.anonymous("/accounts/login/", viewport=screen[0], dark=screen[1])
        wrong = await look(page, "log-in")
        await log_in(page, "ops")
        addresses = {
            "home": "/",
            "list": "/orders/?tab=all",
            "needs attention": "/orders/?tab=attention",
            "nothing found": "/orders/?q=no-such-order",
            "new order": "/orders/new/",
            "waiting": f"/orders/{orders.waiting}/",
            "short of stock": f"/orders/{orders.short}/",
            "shipped": f"/orders/{orders.shipped}/",
            "refunded": f"/orders/{orders.refunded}/",
            "search": "/search/?q=theatre",
            "search, nothing": "/search/?q=no-such-thing",
            "not found": "/orders/ORD-20200101-000000-zzzz/",
        }
        for what, address in addresses.items():
            await page.goto(address)
            await expect(page.locator("main")).to_be_visible()
            wrong += await look(page, what)
        assert not wrong, "\n".join(wrong)

    async def test_search_box(self, tabs: Tabs, orders: Orders, screen: Screen) -> None:
        page = await tabs.page_for("ops", "/orders/", viewport=screen[0], dark=screen[1])
        if screen[0] == PHONE:
            await page.get_by_role("button", name="More").click()
        box = page.locator("[data-search]:visible")
        await box.press_sequentially("theatre")
        await expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible(timeout=LIVE)
        await page.keyboard.press("ArrowDown")
        wrong = await look(page, "search box")
        assert not wrong, "\n".join(wrong)

    async def test_style_guide(self, tabs: Tabs, screen: Screen) -> None:
        page = await tabs.page_for("admin", "/styleguide/", viewport=screen[0], dark=screen[1])
        await expect(page.get_by_role("heading", name="Style guide")).to_be_visible()
        wrong = await look(page, "style guide")
        assert not wrong, "\n".join(wrong)

    async def test_dialog(self, tabs: Tabs, orders: Orders, screen: Screen) -> None:
        page = await tabs.page_for("ops", f"/orders/{orders.waiting}/", viewport=screen[0], dark=screen[1])
        await page.locator("#order-actions").get_by_role("link", name="Take a card payment").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        wrong = await look(page, "dialog")
        await page.get_by_role("dialog").get_by_role("button", name="Take the payment").click()
        await expect(page.get_by_role("dialog").locator("[aria-invalid]")).to_be_visible()
        wrong += await look(page, "dialog with an error")
        assert not wrong, "\n".join(wrong)

    async def test_form_with_mistakes(self, tabs: Tabs, screen: Screen) -> None:
        page = await tabs.page_for("ops", "/orders/new/", viewport=screen[0], dark=screen[1])
        await page.get_by_role("button", name="Place order").click()
        await expect(page.locator("[aria-invalid]").first).to_be_visible()
        wrong = await look(page, "new order with mistakes")
        assert not wrong, "\n".join(wrong)
