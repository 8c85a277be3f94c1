"""What a contact does with a mail, and campaigns by plain forms and by the keyboard; in browsers and at a mail server."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.browser import Tabs, log_in
from tests.journeys.mailroom import (
    CAMPAIGN_PAGE,
    act,
    id_of,
    launched,
    mail_to,
    mails_with,
    sees_status,
    sum_line,
    until,
)
from tests.journeys.office import tab_to
from tests.soak.mailserver import MailServer, plain_of
from tests.stack import Stack


@pytest.mark.soak
class TestTheirOwnWishes:
    async def test_one_click_holds_for_ever_and_looking_changes_nothing(
        self, tabs: Tabs, stack: Stack, mails: MailServer
    ) -> None:
        who = {"user_ids": ["USER-301", "USER-302"]}
        await launched(stack, "A letter to unsubscribe", who)
        mail = await mail_to(mails, "A letter to unsubscribe", "user-301@example.com")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = mail["List-Unsubscribe"].strip().strip("<>")
        wishes = re.findall(r"Wishes: (\S+)", plain_of(mail))[0]

        async with httpx.AsyncClient() as program:  # a mail program: no cookies, no log-in

            async def open_links() -> None:
                for method in ("HEAD", "GET", "GET"):
                    for address in (link, wishes):
                        assert (await program.request(method, address)).status_code == 200

            async def press() -> int:
                return (await program.post(link, data={"List-Unsubscribe": "One-Click"})).status_code

            await open_links()
            assert _opt_outs(stack) == []
            assert await press() == 200
            assert _opt_outs(stack) == [("USER-301", "email", "marketing")]
            assert await press() == 200
            await open_links()
            assert _opt_outs(stack) == [("USER-301", "email", "marketing")]
            later = await until(stack, await launched(stack, "Once more", who), "completed")
            assert (later["counts"]["sent"], later["denied_by_reason"]) == (1, {"opted_out": 1})
            assert [mail["To"] for mail in mails_with(mails, "Once more")] == ["user-302@example.com"]

            # Their own page, without log-in: mails again, but no text messages.
            page = await (await tabs.context()).new_page()
            await page.goto(wishes)
            await expect(page.get_by_label("E-mails about marketing")).not_to_be_checked()
            await page.get_by_label("E-mails about marketing").check()
            await page.get_by_label("Text messages", exact=True).uncheck()
            assert _opt_outs(stack) == [("USER-301", "email", "marketing")], "it was not saved yet"
            await page.get_by_role("button", name="Save").click()
            told = page.get_by_role("status")
            await expect(told).to_contain_text("Saved")
            await expect(told).to_contain_text("E-mails about marketing again.")
            assert _opt_outs(stack) == [("USER-301", "sms", "")]
            assert await page.context.cookies() == []

            # The link of the old mail is as good as on its first day.
            assert await press() == 200
            assert _opt_outs(stack) == [("USER-301", "email", "marketing"), ("USER-301", "sms", "")]


def _opt_outs(stack: Stack) -> list[tuple[Any, ...]]:
    query = "SELECT user_id, channel, category FROM campaigns_optout WHERE user_id IN ('USER-301', 'USER-302')"
    return sorted(stack.sql(query))


@pytest.mark.soak
class TestWithoutScripts:
    async def test_a_campaign_is_written_launched_paused_and_cancelled_by_plain_forms(
        self, tabs: Tabs, stack: Stack, mails: MailServer
    ) -> None:
        page = await (await tabs.context(java_script=False)).new_page()
        await page.goto("/accounts/login/?next=/campaigns/new/")
        await log_in(page, "marketer")
        await page.get_by_label("Name").fill("Without scripts")
        await page.get_by_label("Template").select_option("Spring letter")
        await page.get_by_role("button", name="Take its text").click()
        await expect(page.get_by_label("Subject")).to_have_value("{{ first_name }}, spring is in the shop")
        await page.get_by_label("Contacts by their ids").check()
        await page.get_by_role("button", name="Keep it as a draft").click()
        await expect(page.get_by_role("textbox", name="Ids")).to_have_attribute("aria-invalid", "true")
        await page.get_by_role("textbox", name="Ids").fill("\n".join(f"USER-{number}" for number in range(310, 350)))
        await page.get_by_label("Messages a minute, at most").fill("120")
        await page.get_by_role("button", name="Keep it as a draft").click()
        await page.wait_for_url(CAMPAIGN_PAGE)
        campaign_id = id_of(page)
        await sees_status(page, "Draft")
        await page.get_by_role("link", name="Look now").click()
        await expect(page.locator("#trial")).to_contain_text("40 now")
        await page.go_back()

        await page.locator("#do-launch").click()
        await page.get_by_role("button", name="Launch", exact=True).click()
        await page.wait_for_url(CAMPAIGN_PAGE)
        await until(stack, campaign_id, "running", sent=2)
        await page.reload()
        await sees_status(page, "Sending")
        await page.locator("#do-pause").click()
        await page.get_by_label("Reason").fill("A word is wrong.")
        await page.get_by_role("button", name="Pause", exact=True).click()
        await page.wait_for_url(CAMPAIGN_PAGE)
        await sees_status(page, "Paused")
        await expect(page.locator("#campaign-head")).to_contain_text("It is paused: A word is wrong.")
        line = await sum_line(page)
        assert line["Sent"] >= 2
        assert line["Pending"] > 0

        await page.locator("#do-cancel").click()
        await page.get_by_label("the last four characters of its id").fill(campaign_id[-4:])
        await page.get_by_role("button", name="Cancel it for good").click()
        await page.wait_for_url(CAMPAIGN_PAGE)
        await sees_status(page, "Cancelled")
        over = await until(stack, campaign_id, "cancelled")
        assert over["counts"]["sent"] == len(
            [mail for mail in mails.taken if "spring is in the shop" in mail["Subject"]]
        )
        assert over["denied_by_reason"] == {"campaign_cancelled": 40 - over["counts"]["sent"]}


KEYS_AWAY = 5
"""From the main part of the page to what can be done."""


@pytest.mark.soak
class TestByTheKeyboard:
    async def test_a_campaign_is_paused(self, tabs: Tabs, stack: Stack) -> None:
        who = {"user_ids": [f"USER-{number}" for number in range(350, 380)]}
        campaign_id = await launched(stack, "Paused by keys", who, rate_per_minute=60)
        try:
            page = await tabs.page_for("marketer", f"/campaigns/{campaign_id}/")
            await sees_status(page, "Sending")
            await tab_to(page, page.locator("#do-pause"))
            await page.keyboard.press("Enter")
            dialog = page.get_by_role("dialog")
            await expect(dialog.get_by_label("Reason")).to_be_focused()
            await page.keyboard.type("Too early.")
            await page.keyboard.press("Tab")
            await expect(dialog.get_by_role("button", name="Pause", exact=True)).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(dialog).to_be_hidden()
            await sees_status(page, "Paused")
            await expect(page.locator("#campaign-head")).to_contain_text("It is paused: Too early.")
            # The keys go on where the work does, not at the page's beginning.
            await tab_to(page, page.locator("#do-resume"), most=KEYS_AWAY)
        finally:
            await act(stack, campaign_id, "cancel")
