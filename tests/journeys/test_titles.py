"""The tab says how its page stands: each live page's title follows what comes over the socket."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from playwright.async_api import expect

from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.journeys.live_scenes import Happens, Shop
from tests.journeys.mailroom import COLUMNS_PAGE, act, id_of, launched, say_what_columns_mean
from tests.journeys.office import ask, withdraw
from tests.stack import Stack

pytestmark = pytest.mark.soak


@dataclass(frozen=True)
class Tab:
    """What is open in it, and what its title says – as a regular expression – when that has happened."""

    who: str
    address: str
    happens: Happens
    says: str


async def home(shop: Shop) -> Tab:
    return Tab("ops", "/", lambda: _short_of_stock(shop), r"\(\d+\) Home")


async def orders(shop: Shop) -> Tab:
    return Tab("ops", "/orders/", lambda: _short_of_stock(shop), r"\(\d+\) Orders")


async def order(shop: Shop) -> Tab:
    order_id = await shop.order()
    return Tab("ops", f"/orders/{order_id}/", lambda: shop.pay(order_id), rf"Paid · Order {order_id[-4:]}")


async def inbox(shop: Shop) -> Tab:
    async def happens() -> None:
        await ask(shop.stack, "employee", "purchase", "One more", 30_000)

    return Tab("manager", "/approvals/", happens, r"\(\d+\) Approvals")


async def request(shop: Shop) -> Tab:
    request_id = await ask(shop.stack, "employee", "purchase", "A shelf", 30_000)
    address = f"/approvals/{request_id}/"
    return Tab("manager", address, lambda: withdraw(shop.stack, "employee", request_id), "Withdrawn · A shelf")


async def campaigns(shop: Shop) -> Tab:
    async def happens() -> None:
        await launched(shop.stack, "Slow", {"user_ids": ["USER-390", "USER-391"]}, rate_per_minute=1)

    return Tab("marketer", "/campaigns/", happens, r"\(\d+\) Campaigns")


async def campaign(shop: Shop) -> Tab:
    campaign_id = await launched(shop.stack, "Slower", {"user_ids": ["USER-392", "USER-393"]}, rate_per_minute=1)
    address = f"/campaigns/{campaign_id}/"
    return Tab("marketer", address, lambda: act(shop.stack, campaign_id, "pause"), r"[\d.]+ % Paused · Slower")


async def person(shop: Shop) -> Tab:
    # Their actor runs from the first message on that is asked for.
    wish = {"channel": "email", "category": "news", "grant_id": "titles"}
    await shop.send("marketer", "/api/users/USER-394/send-requests", wish)

    async def happens() -> None:
        for channel in ("email", "sms", "push"):
            await shop.send("marketer", "/api/users/USER-394/opt-outs", {"channel": channel})

    return Tab("marketer", "/campaigns/users/USER-394/", happens, r"Opted out · .*")


async def _short_of_stock(shop: Shop) -> None:
    lines = [{"sku": "LIMITED-010", "quantity": 11}]
    await shop.send(
        "ops", "/api/orders", {"customer_id": "CUST-003", "customer_email": "mei.tanaka@example.com", "items": lines}
    )


@pytest.mark.parametrize(
    "opened", [home, orders, order, inbox, request, campaigns, campaign, person], ids=lambda opened: opened.__name__
)
async def test_follows(tabs: Tabs, stack: Stack, opened: Callable[[Shop], Awaitable[Tab]]) -> None:
    tab = await opened(Shop(stack))
    page = await tabs.page_for(tab.who, tab.address)
    before = await page.title()
    await tab.happens()

    async def follows() -> bool:
        title = await page.title()
        assert re.fullmatch(f"{tab.says} · Callboard", title), title
        return title != before

    await aeventually(follows, timeout=LIVE * 2 / 1_000)


async def test_of_an_import_too(tabs: Tabs) -> None:
    page = await tabs.page_for("marketer", "/campaigns/imports/new/")
    file = {"name": "titles.csv", "mimeType": "text/csv", "buffer": b"id,name,email\nTITLES-1,Ada,ada@example.com\n"}
    await page.get_by_label("CSV file").set_input_files([file])  # type: ignore[list-item]
    await page.get_by_role("button", name="Upload").click()
    await page.wait_for_url(COLUMNS_PAGE)
    watcher = await tabs.page_for("marketer", f"/campaigns/imports/{id_of(page, COLUMNS_PAGE)}/")
    await expect(watcher).to_have_title("Waits for you · titles.csv · Callboard")
    await say_what_columns_mean(page)
    for word in ("Compare", "Write the contacts"):
        await page.get_by_role("button", name=word).click(timeout=LIVE)
    await expect(watcher).to_have_title("Done · titles.csv · Callboard", timeout=LIVE * 2)
