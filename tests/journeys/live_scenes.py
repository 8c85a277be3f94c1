"""Live pages of each kind, and what somebody else does meanwhile that makes them change."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, expect

from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.journeys.mailroom import launched, post
from tests.journeys.office import ask
from tests.stack import Stack

Happens = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """``address`` is the page; ``happens`` makes it change; ``seen`` is there when the page shows that.

    Meanwhile, as selectors: the dialog that ``opens`` has opened, the ``field`` with half a word in it, what has the
    ``focus`` when it is not that field, and what somebody ``reads`` who has scrolled so far that it begins in the middle of
    the window: that stays where it is seen.
    """

    who: str
    address: str
    happens: Happens
    seen: Callable[[Page], Awaitable[None]]
    opens: str = ""
    field: str = ""
    focus: str = ""
    reads: str = ""


class Shop:
    """Others at work on the shared stack, by the API."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    async def send(self, who: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self.stack.async_api(who) as api:
            return await post(api, path, body)

    async def order(self) -> str:
        items = [{"sku": "LAPTOP-001", "quantity": 1}, {"sku": "MOUSE-001", "quantity": 2}]
        body = {"customer_id": "CUST-003", "customer_email": "mei.tanaka@example.com", "items": items}
        order_id = str((await self.send("ops", "/api/orders", body))["order_id"])
        query = "SELECT 1 FROM orders_order WHERE order_id = ? AND stage = 'awaiting_payment'"
        await aeventually(lambda: self.stack.sql(query, order_id), timeout=30)
        return order_id

    async def add(self, order_id: str) -> None:
        await self.send("ops", f"/api/orders/{order_id}/items", {"sku": "KEYBOARD-001", "quantity": 1})

    async def pay(self, order_id: str) -> None:
        async with self.stack.async_api("ops") as api:
            total = (await api.get(f"/api/orders/{order_id}")).json()["total_cents"]
        card = {"payment_method": "card", "card_token": "tok_visa", "amount_cents": total}
        await self.send("ops", f"/api/orders/{order_id}/payment", card)


def shows(selector: str, words: str | re.Pattern[str]) -> Callable[[Page], Awaitable[None]]:
    async def seen(page: Page) -> None:
        await expect(page.locator(selector).first).to_contain_text(words, timeout=LIVE * 2)

    return seen


async def order_with_a_dialog(shop: Shop) -> Scene:
    order_id = await shop.order()
    return Scene(
        "ops",
        f"/orders/{order_id}/",
        lambda: shop.add(order_id),
        shows("#order-record", "KEYBOARD-001"),
        opens="#do-cancellation",
        field="#dialog [name=reason]",
    )


async def order_that_is_paid(shop: Shop) -> Scene:
    order_id = await shop.order()
    return Scene(
        "ops",
        f"/orders/{order_id}/",
        lambda: shop.pay(order_id),
        shows("#order-head .status", "Paid"),
        focus="#order-head [data-copy]",
    )


async def order_in_the_list(shop: Shop) -> Scene:
    order_id = await shop.order()

    async def happens() -> None:
        await shop.pay(order_id)
        await shop.order()

    async def seen(page: Page) -> None:
        await shows(f"#row-{order_id}", "Paid")(page)
        await shows("#orders-new", "new order")(page)

    return Scene("ops", "/orders/?tab=all&sort=newest", happens, seen, field=".filters [name=q]")


async def request_that_is_talked_about(shop: Shop) -> Scene:
    request_id = await ask(shop.stack, "employee", "purchase", "A lamp for the desk", 40_000)
    return Scene(
        "manager",
        f"/approvals/{request_id}/",
        lambda: said(shop, request_id),
        shows("#request-trail", "The old one flickers."),
        field="#card-comment",
    )


async def said(shop: Shop, request_id: str) -> None:
    await shop.send("employee", f"/api/approvals/{request_id}/comments", {"text": "The old one flickers."})


async def request_in_the_inbox(shop: Shop) -> Scene:
    # Longer than a window: one can scroll, and the last one has the focus.
    for number in range(4):
        request_id = await ask(shop.stack, "employee", "purchase", f"Chair {number}", 30_000)

    async def happens() -> None:
        await ask(shop.stack, "employee", "purchase", "Another chair", 30_000)

    return Scene(
        "manager",
        "/approvals/",
        happens,
        shows("#inbox", "Another chair"),
        field="#inbox-q",
        focus=f"#req-{request_id} [data-walk-to]",
    )


async def request_that_is_looked_for(shop: Shop) -> Scene:
    await ask(shop.stack, "employee", "purchase", "A stool", 30_000)

    async def happens() -> None:
        await ask(shop.stack, "employee", "purchase", "Another stool", 30_000)

    return Scene("manager", "/approvals/?q=stool", happens, shows("#inbox", "Another stool"), field="#inbox-q")


async def campaign_that_runs(shop: Shop) -> Scene:
    audience = {"user_ids": [f"USER-{number}" for number in range(300, 340)]}
    campaign_id = await launched(shop.stack, "Moves", audience, rate_per_minute=60)

    return Scene(
        "marketer",
        f"/campaigns/{campaign_id}/",
        lambda: sent(shop, campaign_id, 5),
        shows("#campaign-now .sum", re.compile(r"Sent\s*=\s*([5-9]|\d\d)")),
        focus="#do-pause",
    )


async def campaign_that_is_read_below_its_log(shop: Shop) -> Scene:
    audience = {"user_ids": [f"USER-{number}" for number in range(400, 440)]}
    campaign_id = await launched(shop.stack, "Moves above", audience, rate_per_minute=60)
    await sent(shop, campaign_id, 2)

    return Scene(
        "marketer",
        f"/campaigns/{campaign_id}/",
        lambda: sent(shop, campaign_id, 16),
        shows("#campaign-now .sum", re.compile(r"Sent\s*=\s*(1[6-9]|[2-4]\d)")),
        reads="#campaign-facts",
    )


async def sent(shop: Shop, campaign_id: str, at_least: int) -> None:
    query = "SELECT 1 FROM campaigns_campaign WHERE campaign_id = ? AND sent_count >= ?"
    await aeventually(lambda: shop.stack.sql(query, campaign_id, at_least), timeout=60)


async def campaign_in_the_list(shop: Shop) -> Scene:
    audience = {"user_ids": [f"USER-{number}" for number in range(340, 380)]}
    campaign_id = await launched(shop.stack, "Moves in the list", audience, rate_per_minute=60)

    async def happens() -> None:
        await sent(shop, campaign_id, 3)
        await launched(shop.stack, "New in the list", {"user_ids": ["USER-381"]})

    return Scene("marketer", "/campaigns/", happens, shows("#campaigns-new", "new campaign"), field=".filters [name=q]")


async def person_who_opts_out(shop: Shop) -> Scene:
    # Their actor runs from the first message on that is asked for; before that the page has nobody to follow.
    wish = {"channel": "email", "category": "news", "grant_id": "looks"}
    await shop.send("marketer", "/api/users/USER-382/send-requests", wish)
    await shop.send("marketer", "/api/users/USER-382/opt-outs", {"channel": "sms"})
    return Scene(
        "marketer",
        "/campaigns/users/USER-382/",
        lambda: opted_out(shop),
        shows("#reach-3", "they have opted out"),
        field="#sim [name=category]",
        focus=".wish-log summary",
    )


async def opted_out(shop: Shop) -> None:
    await shop.send("marketer", "/api/users/USER-382/opt-outs", {"channel": "push"})


async def home_with_an_order(shop: Shop) -> Scene:
    order_id = ""

    async def happens() -> None:
        nonlocal order_id
        order_id = await shop.order()

    async def seen(page: Page) -> None:
        await expect(page.locator(f"main a[href*='{order_id}']").first).to_be_visible(timeout=LIVE * 2)

    return Scene("ops", "/", happens, seen, focus=".figures a")


async def home_that_is_read_below_its_events(shop: Shop) -> Scene:
    async def happens() -> None:
        nonlocal order_id
        await shop.order()
        order_id = await shop.order()

    async def seen(page: Page) -> None:
        await expect(page.locator(f"#home-events a[href*='{order_id}']").first).to_be_attached(timeout=LIVE * 2)

    order_id = await shop.order()
    return Scene("ops", "/", happens, seen, reads="#home-machinery")


async def behind_the_curtain(shop: Shop) -> Scene:
    order_id = await shop.order()
    return Scene(
        "admin",
        f"/technical/order-{order_id}/",
        lambda: shop.add(order_id),
        shows("#technical-live", "Add item"),
        focus="#ask-stack",
        reads="#ask-stack",
    )


SCENES = (
    order_with_a_dialog,
    order_that_is_paid,
    order_in_the_list,
    request_that_is_talked_about,
    request_in_the_inbox,
    request_that_is_looked_for,
    campaign_that_runs,
    campaign_that_is_read_below_its_log,
    campaign_in_the_list,
    person_who_opts_out,
    home_with_an_order,
    home_that_is_read_below_its_events,
    behind_the_curtain,
)
