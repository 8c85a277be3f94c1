"""``make screenshots``: the README's pictures, taken from a running application with orders, requests and campaigns under way."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ["DEMO"] = "1"
django.setup()

import httpx  # noqa: E402
from django.conf import settings  # noqa: E402
from playwright.async_api import Page, ViewportSize, async_playwright, expect  # noqa: E402

from orders.demo import CUSTOMERS  # noqa: E402
from tests.browser import DESKTOP, PHONE, Tabs, launch_chromium  # noqa: E402
from tests.eventually import aeventually  # noqa: E402
from tests.stack import Stack  # noqa: E402

IMAGES = settings.BASE_DIR / "docs" / "images"
TRIED = "USER-002"
"""Whose actor is drawn."""


class Shop:
    """Places orders by the API and takes them some steps on."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api
        self._sent = 0

    async def place(self, customer: int, *lines: tuple[str, int]) -> str:
        number, _, email, address = CUSTOMERS[customer]
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        body = {"customer_id": number, "customer_email": email, "shipping_address": address, "items": items}
        return (await self._send("/api/orders", body))["order_id"]

    async def pay(self, order_id: str, card: str = "tok_visa") -> None:
        total = (await self._until(order_id, "awaiting_payment"))["total_cents"]
        body = {"payment_method": "card", "card_token": card, "amount_cents": total}
        await self._send(f"/api/orders/{order_id}/payment", body, refusals={402})

    async def ship(self, order_id: str, carrier: str, tracking_number: str) -> None:
        await self._until(order_id, "awaiting_shipment")
        body = {"carrier": carrier, "tracking_number": tracking_number}
        await self._send(f"/api/orders/{order_id}/shipment", body)

    async def deliver(self, order_id: str) -> None:
        await self._send(f"/api/orders/{order_id}/delivery", {})

    async def cancel(self, order_id: str, reason: str) -> None:
        await self._send(f"/api/orders/{order_id}/cancellation", {"reason": reason})

    async def _send(self, path: str, body: dict[str, Any], refusals: frozenset[int] | set[int] = frozenset()) -> Any:
        self._sent += 1
        answer = await self._api.post(path, json=body, headers={"Idempotency-Key": f"picture-{self._sent}"})
        assert answer.is_success or answer.status_code in refusals, answer.text
        return answer.json()

    async def _until(self, order_id: str, stage: str) -> dict[str, Any]:
        async def reached() -> dict[str, Any] | None:
            order = (await self._api.get(f"/api/orders/{order_id}")).json()
            return order if order["stage"] == stage else None

        order = await aeventually(reached, timeout=30)
        assert order
        return order


async def fill(shop: Shop) -> str:
    """A day at the shop. Returns the order whose page is drawn."""
    delivered = await shop.place(3, ("MONITOR-027", 2), ("ARM-001", 2))
    await shop.pay(delivered)
    await shop.ship(delivered, "DHL", "00340434161094018831")
    await shop.deliver(delivered)
    refunded = await shop.place(6, ("HEADSET-002", 1))
    await shop.pay(refunded)
    await shop.cancel(refunded, "Ordered twice.")
    await shop.place(4, ("LIMITED-010", 12))
    for customer, lines in ((1, [("LAPTOP-001", 4), ("SLEEVE-014", 4)]), (7, [("CABLE-USBC", 60)])):
        shipped = await shop.place(customer, *lines)
        await shop.pay(shipped)
        await shop.ship(shipped, "UPS", f"1Z999AA1012345678{customer}")
    declined = await shop.place(2, ("WEBCAM-004", 3))
    await shop.pay(declined, "tok_declined")
    await shop.place(5, ("KEYBOARD-001", 1), ("MOUSE-001", 1))
    paid = await shop.place(0, ("LAPTOP-001", 1), ("MOUSE-001", 2), ("KEYBOARD-001", 1))
    await shop.pay(paid, "tok_flaky")
    return paid


async def in_its_second_round(api: httpx.AsyncClient) -> str:
    """The demo's request that was asked again, as soon as lists show it so."""

    async def found() -> str | None:
        requests = (await api.get("/api/approvals?inbox=mine")).json()["items"]
        return next((one["request_id"] for one in requests if one["round"] == 2), None)

    request_id = await aeventually(found, timeout=30)
    assert request_id
    return request_id


async def campaign_under_way(api: httpx.AsyncClient) -> str:
    """To everybody, at a rate that leaves it running for a while, as soon as some have got it."""
    template = {
        "subject": "{{ first_name }}, new keyboards are in",
        "body": "Quiet ones. No more of it: {{ unsubscribe_url }}",
    }
    body = {"name": "New keyboards", "channel": "email", "audience": "all", "template": template}
    made = await api.post("/api/campaigns", json=body, headers={"Idempotency-Key": "picture"})
    assert made.is_success, made.text
    campaign_id = made.json()["campaign_id"]
    launched = await api.post(f"/api/campaigns/{campaign_id}/launch", headers={"Idempotency-Key": "picture-launch"})
    assert launched.is_success, launched.text

    async def is_under_way() -> bool:
        return (await api.get(f"/api/campaigns/{campaign_id}")).json()["counts"]["sent"] >= 40

    assert await aeventually(is_under_way, timeout=90)
    return campaign_id


async def try_person(api: httpx.AsyncClient) -> None:
    """Four messages by three channels in a day: the last one meets a cap."""
    for number, channel in enumerate(("email", "sms", "push", "email")):
        body = {"channel": channel, "category": "news", "grant_id": f"picture-{number}"}
        answer = await api.post(f"/api/users/{TRIED}/send-requests", json=body)
        assert answer.status_code in {200, 409}, answer.text


async def shoot(
    tabs: Tabs, path: str, name: str, *, who: str = "ops", viewport: ViewportSize = DESKTOP, dark: bool = False
) -> None:
    page: Page = await tabs.page_for(who, path, viewport=viewport, dark=dark)
    await expect(page.locator("#health")).to_contain_text("Workers 3 of 3")
    await page.screenshot(path=IMAGES / f"{name}.png")


REMEMBER = """
from django.utils import timezone
from dashboard import areas
for area in areas.modules("demo_past"):
    area.load_demo_past(timezone.now())
"""


async def main(stack: Stack) -> None:
    stack.manage("shell", "-v", "0", "-c", REMEMBER)
    async with stack.async_api("ops") as api:
        order_id = await fill(Shop(api))
    stack.manage("demo", "--requests")
    async with stack.async_api("manager") as api:
        request_id = await in_its_second_round(api)
    async with stack.async_api("marketer") as api:
        await try_person(api)
        campaign_id = await campaign_under_way(api)
    async with async_playwright() as playwright:
        browser = await launch_chromium(playwright, whole=True)
        tabs = Tabs(browser, stack.base_url)
        paid = await tabs.page_for("ops", f"/orders/{order_id}/")
        await expect(paid.locator("#order-head .status")).to_have_text("Paid", timeout=30_000)
        home = await tabs.page_for("admin", "/")
        await home.get_by_role("button", name="Put the tour away").click()
        await expect(home.locator("#tour")).to_have_count(0)
        await shoot(tabs, "/", "home", who="admin")
        await shoot(tabs, "/", "home-dark", who="admin", dark=True)
        await shoot(tabs, f"/orders/{order_id}/", "order")
        await shoot(tabs, f"/orders/{order_id}/", "order-dark", dark=True)
        await shoot(tabs, "/orders/?tab=all", "orders")
        await shoot(tabs, f"/orders/{order_id}/", "order-phone", viewport=PHONE)
        request = f"/approvals/{request_id}/"
        await shoot(tabs, "/approvals/", "approvals", who="manager")
        await shoot(tabs, "/approvals/", "approvals-phone", who="manager", viewport=PHONE)
        await shoot(tabs, request, "approval", who="manager")
        await shoot(tabs, request, "approval-dark", who="manager", dark=True)
        campaign = f"/campaigns/{campaign_id}/"
        await shoot(tabs, campaign, "campaign", who="marketer")
        await shoot(tabs, campaign, "campaign-dark", who="marketer", dark=True)
        person = f"/campaigns/users/{TRIED}/"
        await shoot(tabs, person, "person", who="marketer")
        await shoot(tabs, person, "person-dark", who="marketer", dark=True)
        await tabs.close()
        await browser.close()


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, Stack(Path(directory)) as running:
        asyncio.run(main(running))
