"""The keyboard alone: an order placed and paid, something found, and a list of keys that tells the truth.

(Deciding is in ``test_approvals.py``, pausing a campaign in ``test_campaign_forms.py``.)
"""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser import Tabs
from tests.journeys.desk import LIVE, ORDER_PAGE, order_id_of, place_order, sees_status
from tests.journeys.office import tab_to


class TestOrder:
    async def test_is_placed_and_paid(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops", "/orders/?tab=all")
        keys = page.keyboard
        await keys.press("n")
        await page.wait_for_url("**/orders/new/")
        await tab_to(page, page.get_by_label("Customer number or name"))
        await keys.type("CUST-002")
        await tab_to(page, page.get_by_label("E-mail"))
        await expect(page.get_by_label("E-mail")).not_to_have_value("")
        await tab_to(page, page.get_by_label("Product"))
        await keys.type("MOUSE-001")
        await tab_to(page, page.get_by_label("Quantity"))
        await keys.press("Control+a")
        await keys.type("2")
        await tab_to(page, page.get_by_role("button", name="Place order"))
        await keys.press("Enter")
        await page.wait_for_url(ORDER_PAGE)
        await sees_status(page, "Waiting for payment")
        await tab_to(page, page.locator("#order-actions").get_by_role("link", name="Take a card payment"))
        await keys.press("Enter")
        token = page.get_by_role("dialog").get_by_label("Card token")
        await expect(token).to_be_focused()
        await keys.type("tok_visa")
        await keys.press("Enter")
        await sees_status(page, "Paid")


class TestSearch:
    async def test_is_walked_opened_and_closed(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops", "/orders/")
        order_id = await place_order(page, ("MOUSE-001", 1), customer="CUST-005")
        await page.goto("/health/")
        box, found = page.get_by_role("combobox", name="Search"), page.get_by_role("listbox", name="What fits")
        await page.keyboard.press("/")
        await expect(box).to_be_focused()
        await page.keyboard.type(order_id[4:])
        await expect(found.get_by_role("option").first).to_contain_text(order_id, timeout=LIVE)
        await expect(box).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("ArrowDown")
        first = found.get_by_role("option").first
        await expect(first).to_have_attribute("aria-selected", "true")
        await expect(box).to_have_attribute("aria-activedescendant", await first.get_attribute("id") or "")
        await page.keyboard.press("Escape")
        await expect(found).to_be_hidden()
        await expect(box).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.wait_for_url(ORDER_PAGE)
        assert order_id_of(page) == order_id
        await page.keyboard.press("/")
        await page.keyboard.type(f"order-{order_id}")
        await page.keyboard.press("Enter")
        await page.wait_for_url(ORDER_PAGE)

    @pytest.mark.soak
    async def test_works_without_scripts(self, tabs: Tabs) -> None:
        ops = await tabs.page_for("ops", "/orders/")
        order_id = await place_order(ops, ("MOUSE-001", 1), customer="CUST-005")
        page = await (await tabs.context(java_script=False)).new_page()
        await page.context.add_cookies(await ops.context.cookies())  # type: ignore[arg-type]
        await page.goto("/health/")
        await page.get_by_role("combobox", name="Search").fill(f"{order_id[4:]} mouse")
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name=order_id).click()
        await page.wait_for_url(ORDER_PAGE)


@pytest.mark.soak
class TestMap:
    async def test_lists_what_the_page_has(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops", "/health/")
        keys = page.get_by_role("dialog", name="Shortcuts")
        await page.keyboard.press("?")
        await expect(keys).to_contain_text("Go to the orders")
        await expect(keys).to_contain_text("These shortcuts")
        await expect(keys.get_by_text("Begin something new")).to_be_hidden()
        await expect(keys.get_by_text("Open the row")).to_be_hidden()
        await expect(keys.get_by_text("Go to the campaigns")).to_be_hidden()  # an operator sees none
        await page.keyboard.press("Escape")
        for key, address in (("o", "**/orders/"), ("a", "**/approvals/"), ("h", "**/")):
            await page.keyboard.press("g")
            await page.keyboard.press(key)
            await page.wait_for_url(address)
        await page.goto("/orders/")
        await page.keyboard.press("?")
        await expect(keys.get_by_text("Begin something new")).to_be_visible()

    async def test_keys_that_act_by_themselves_can_be_turned_off(self, tabs: Tabs) -> None:
        page = await tabs.page_for("vp", "/accounts/profile/")
        tick = page.get_by_role("checkbox", name="Single-key shortcuts")
        await expect(tick).to_be_checked()
        await self._save(page, tick, on=False)
        try:
            await page.goto("/orders/")
            address = page.url
            box, keys = page.get_by_role("combobox", name="Search"), page.get_by_role("dialog", name="Shortcuts")
            for key in ("/", "g", "h", "j", "?"):
                await page.keyboard.press(key)
            await expect(box).not_to_be_focused()
            await expect(keys).to_be_hidden()
            assert page.url == address
            await page.get_by_role("button", name="Shortcuts").click()
            await expect(keys).to_contain_text("Single-key shortcuts are off")
            await expect(keys.get_by_text("Go to the orders")).to_be_hidden()
            await expect(keys.get_by_text("Close a dialog")).to_be_visible()
            await page.keyboard.press("Escape")
            await expect(keys).to_be_hidden()
        finally:
            await page.goto("/accounts/profile/")
            await self._save(page, tick, on=True)
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Shortcuts")).to_contain_text("can be turned off in your profile")

    async def _save(self, page: Page, tick: Locator, *, on: bool) -> None:
        await tick.set_checked(on)
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("It is saved")).to_be_visible()
