"""What somebody is doing outlives an expired session, a lost network and a server that is away."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser import Tabs, log_in
from tests.journeys.desk import ORDER_PAGE, fill_order, open_dialog, place_order, sees_event, sees_status
from tests.stack import Stack

OFFLINE = r"ERR_INTERNET_DISCONNECTED|htmx:(sendError|wsError)|WebSocket"


async def logged_in(tabs: Tabs, username: str = "ops") -> Page:
    """With a session of its own, which the test may end."""
    page = await tabs.anonymous("/accounts/login/")
    await log_in(page, username)
    return page


async def log_out_elsewhere(page: Page) -> None:
    other = await page.context.new_page()
    await other.goto("/health/")
    await other.get_by_role("button", name="your account").click()
    await other.get_by_role("button", name="Log out").click()
    await expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    await other.close()


class TestExpiredSession:
    @pytest.mark.soak
    async def test_a_dialog_is_open_again_with_what_was_typed(self, tabs: Tabs) -> None:
        page = await logged_in(tabs)
        await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        dialog = await open_dialog(page, "Cancel order")
        await dialog.get_by_label("Reason").fill("They wrote that it came too late")
        await page.context.clear_cookies(name="sessionid")
        await dialog.get_by_role("button", name="Cancel the order", exact=True).click()
        await log_in(page, "ops")
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_label("Reason")).to_have_value("They wrote that it came too late")
        await expect(dialog).to_contain_text("What you had typed is here again")
        await dialog.get_by_role("button", name="Cancel the order", exact=True).click()
        await sees_status(page, "Cancelled")
        await sees_event(page, "They wrote that it came too late")
        # The socket may say so before the answer has come: whoever reloads in between has sent something of unknown outcome.
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await page.reload()
        await sees_status(page, "Cancelled")
        await expect(page.get_by_role("dialog")).to_have_count(0)

    async def test_a_page_says_so_at_once_and_its_form_is_filled_in_after_the_log_in(self, tabs: Tabs) -> None:
        page = await logged_in(tabs)
        await page.goto("/orders/new/")
        await fill_order(page, ("LAPTOP-001", 2), ("CABLE-USBC", 7), customer="CUST-002")
        await log_out_elsewhere(page)
        await expect(page.get_by_role("heading", name="This page no longer follows")).to_be_visible()
        await page.get_by_role("link", name="Log in again").click()
        await log_in(page, "ops")
        await expect(page.get_by_label("Quantity")).to_have_count(2)
        await expect(page.get_by_label("Product").nth(1)).to_have_value("CABLE-USBC")
        await expect(page.get_by_label("Quantity").nth(1)).to_have_value("7")
        await expect(page.locator("#order-total")).to_contain_text("$")
        await page.get_by_role("button", name="Place order").click()
        await page.wait_for_url(ORDER_PAGE)

    @pytest.mark.soak
    async def test_nobody_else_gets_it(self, tabs: Tabs) -> None:
        page = await logged_in(tabs)
        await page.goto("/approvals/new/")
        await page.get_by_label("What do you ask for?").fill("My own business")
        await page.context.clear_cookies(name="sessionid")
        await page.reload()
        await log_in(page, "manager")
        await expect(page.get_by_label("What do you ask for?")).to_have_value("")
        assert await page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('draft:')).length") == 0

    @pytest.mark.soak
    async def test_a_form_of_another_log_in_is_opened_again(self, tabs: Tabs) -> None:
        page = await logged_in(tabs)
        await page.goto("/approvals/new/")
        await page.get_by_label("What do you ask for?").fill("A desk for the studio")
        await page.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": tabs.base_url}])
        await page.get_by_role("button", name="Ask", exact=True).click()
        await page.get_by_role("link", name="Open it again, with what you typed").click()
        await expect(page.get_by_label("What do you ask for?")).to_have_value("A desk for the studio")


class TestLostNetwork:
    async def test_nothing_is_lost_and_it_goes_on_by_itself(self, tabs: Tabs) -> None:
        tabs.expect(OFFLINE)
        page = await logged_in(tabs)
        await page.goto("/orders/new/")
        await fill_order(page, ("MOUSE-001", 3), customer="CUST-002")
        await page.context.set_offline(True)
        await expect(page.get_by_role("heading", name="Live updates are interrupted")).to_be_visible()
        await page.get_by_role("button", name="Place order").click()
        await expect(page.get_by_role("alert")).to_contain_text("There is no connection")
        await expect(page.get_by_label("Quantity")).to_have_value("3")
        await page.context.set_offline(False)
        await expect(page.get_by_role("heading", name="Live updates are interrupted")).to_be_hidden(timeout=30_000)
        await page.get_by_role("button", name="Place order").click()
        await page.wait_for_url(ORDER_PAGE)

    @pytest.mark.soak
    async def test_a_dialog_says_so_and_is_sent_again(self, tabs: Tabs) -> None:
        tabs.expect(OFFLINE)
        page = await tabs.page_for("ops")
        await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        dialog = await open_dialog(page, "Cancel order")
        await dialog.get_by_label("Reason").fill("Ordered twice")
        await page.context.set_offline(True)
        await dialog.get_by_role("button", name="Cancel the order", exact=True).click()
        await expect(dialog.get_by_role("alert")).to_contain_text("There is no connection")
        await page.context.set_offline(False)
        await dialog.get_by_role("button", name="Cancel the order", exact=True).click()
        await sees_status(page, "Cancelled")


@pytest.mark.soak
class TestRestartedServer:
    async def test_the_page_says_so_finds_back_and_has_what_was_typed(self, tabs: Tabs, stack: Stack) -> None:
        tabs.expect(rf"{OFFLINE}|ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|object Event")
        page = await logged_in(tabs)
        await page.goto("/orders/new/")
        await fill_order(page, ("MOUSE-001", 4), customer="CUST-002")
        web = stack.webs[0]
        await asyncio.to_thread(web.stop, 10)
        try:
            await expect(page.get_by_role("heading", name="Live updates are interrupted")).to_be_visible()
        finally:
            web.start()  # from this thread: it ends with the one that started it
        await expect(page.get_by_role("heading", name="Live updates are interrupted")).to_be_hidden(timeout=60_000)
        await expect(page.get_by_label("Quantity")).to_have_value("4")
        await page.get_by_role("button", name="Place order").click()
        await page.wait_for_url(ORDER_PAGE)
