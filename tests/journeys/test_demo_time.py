"""The demo's fast-forward: a day's countdown is seen to close at once, by whoever looks."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import Tabs
from tests.journeys.desk import LIVE, place_order, sees_event, sees_status

pytestmark = pytest.mark.soak


class TestFastForward:
    async def test_a_payment_window_of_a_day_closes_while_one_looks(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops")
        order_id = await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        watcher = await tabs.page_for("employee", f"/orders/{order_id}/")
        await expect(watcher.get_by_role("timer")).to_contain_text("23h")
        await expect(page.get_by_role("timer")).to_contain_text("23h")

        await page.get_by_role("link", name="Fast-forward").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Demo time")
        await dialog.get_by_role("button", name="Put its clock forward").click()

        for one in (page, watcher):
            await sees_status(one, "Cancelled", timeout=LIVE * 2)
            await expect(one.get_by_role("timer")).to_have_count(0)
            await expect(one.locator("#demo-time")).to_contain_text(re.compile(r"was put (24\sh|23\sh\s5\d\sm)\sahead"))
            await expect(one).to_have_title(re.compile(rf"^Cancelled · Order {order_id[-4:]}"))
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await sees_event(page, "Not paid within 24 hours.")
        # The others keep the real time.
        await place_order(page, ("MOUSE-001", 1))
        await expect(page.locator("#demo-time")).to_be_empty()
        await expect(page.get_by_role("timer")).to_contain_text("23h")
