"""Requests from asking to the last decision: several people, several browsers, several doors."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser import Tabs, log_in
from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.journeys.office import (
    REQUEST_PAGE,
    Loads,
    ask,
    decide_in_slack,
    open_dialog,
    request_id_of,
    row_of,
    sees_in_trail,
    sees_status,
    slack_card_of,
    tab_to,
    withdraw,
    worker_held,
)
from tests.slack_standin import CHANNEL, TEAM, SlackStandIn
from tests.stack import Stack

HANNA_IN_SLACK = "U0HANNA"
LEAVE_IN_SLACK = f"""
from django.contrib.auth.models import User
from approvals.models import Policy, SlackIdentity
policy = Policy.objects.get(kind="leave")
policy.slack, policy.slack_channel = "buttons", "{CHANNEL}"
policy.save()
SlackIdentity.objects.create(team_id="{TEAM}", slack_user_id="{HANNA_IN_SLACK}", user=User.objects.get(username="hr"))
"""


@pytest.fixture(scope="session")
def leave_in_slack(stack: Stack, slack: SlackStandIn) -> SlackStandIn:
    """Requests for leave are decided in Slack too, where one of HR is known."""
    stack.manage("shell", "-c", LEAVE_IN_SLACK)
    return slack


class TestLeave:
    async def test_is_approved_in_the_inbox_and_rejected_in_slack(
        self, tabs: Tabs, stack: Stack, leave_in_slack: SlackStandIn
    ) -> None:
        slack = leave_in_slack
        inbox = await tabs.page_for("manager", "/approvals/")
        hr_inbox = await tabs.page_for("hr", "/approvals/?tab=mine")
        watched = Loads(inbox, hr_inbox)

        employee = await tabs.page_for("employee", "/approvals/new/")
        await employee.get_by_label("Kind").select_option("leave")
        await expect(employee.locator("#preview")).to_contain_text("Marta Kovács")
        await employee.get_by_label("What do you ask for?").fill("Two weeks in Porto")
        await employee.get_by_label("From", exact=True).fill("2031-06-02")
        await employee.get_by_label("Until").fill("2031-06-13")
        await employee.get_by_role("button", name="Ask", exact=True).click()
        await employee.wait_for_url(REQUEST_PAGE)
        request_id = request_id_of(employee)
        manager = await inbox.context.new_page()
        await manager.goto(f"/approvals/{request_id}/")
        watched_too = Loads(employee, manager)
        for page in (employee, manager):
            await sees_status(page, "Pending")

        row = row_of(inbox, request_id)
        await expect(row).to_contain_text("Two weeks in Porto", timeout=LIVE)
        await expect(row_of(hr_inbox, request_id).get_by_role("button", name="Approve")).to_have_count(0)
        await row.get_by_role("button", name="Approve").click()
        await expect(row.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(inbox.locator("#told")).to_contain_text("Approved: Two weeks in Porto")
        for page in (employee, manager):
            await sees_in_trail(page, "Marta Kovács approved Manager.", "Web")
        await expect(row_of(hr_inbox, request_id).get_by_role("button", name="Approve")).to_be_visible(timeout=LIVE)
        await expect(row).to_have_count(0, timeout=LIVE)

        told = await decide_in_slack(
            stack, slack, HANNA_IN_SLACK, request_id, level=2, action="callboard_reject", comment="We move house then."
        )
        assert "You rejected" in told
        for page in (employee, manager):
            await sees_status(page, "Rejected")
            await sees_in_trail(page, "Emil Novak asked", "Web")
            await sees_in_trail(page, "Hanna Reyes rejected HR.", "Slack", "We move house then.")
        await expect(row_of(hr_inbox, request_id)).to_have_count(0, timeout=LIVE)
        assert (watched.number, watched_too.number) == (0, 0), "a page was loaded anew"

        await aeventually(lambda: "Rejected by Hanna Reyes" in str(slack_card_of(slack, request_id, 2)))
        assert "callboard_approve" not in str(slack_card_of(slack, request_id, 2))
        assert "Approved by Marta Kovács" in str(slack_card_of(slack, request_id, 1))


@pytest.mark.soak
class TestAway:
    async def test_the_substitute_decides_and_the_trail_names_both(self, tabs: Tabs, stack: Stack) -> None:
        request_id = await ask(stack, "employee", "travel", "A workshop in Ghent", 42_000)
        inbox = await tabs.page_for("hr", "/approvals/?tab=covering")
        await expect(row_of(inbox, request_id)).to_have_count(0)
        away = await tabs.page_for("manager", "/approvals/away/")
        try:
            await _be_away(away, "hr", "travel")
            row = row_of(inbox, request_id)
            await expect(row).to_contain_text("For Marta Kovács", timeout=LIVE)
            await row.get_by_role("button", name="Approve").click()
            await expect(row.get_by_role("button", name="Approve")).to_have_count(0)
            asked = await tabs.page_for("employee", f"/approvals/{request_id}/")
            await sees_status(asked, "Approved")
            await sees_in_trail(asked, "Hanna Reyes, for Marta Kovács, approved Manager.", "Web")
            await expect(asked.locator("#level-1")).to_contain_text("Hanna Reyes for Marta Kovács")
        finally:
            await _be_back(away)


async def _be_back(page: Page) -> None:
    await page.goto("/approvals/away/")
    if await page.get_by_role("button", name="End the absence").count():
        await page.get_by_role("button", name="End the absence").click()
    await expect(page.locator("main")).to_contain_text("You are here.")


async def _be_away(page: Page, delegate: str, kind: str) -> None:
    now = datetime.now(ZoneInfo("Europe/Berlin"))  # where the browser is
    await page.get_by_label("Who decides for you?").select_option(delegate)
    await page.get_by_label("From", exact=True).fill(f"{now - timedelta(minutes=2):%Y-%m-%dT%H:%M}")
    await page.get_by_label("Until").fill(f"{now + timedelta(days=3):%Y-%m-%dT%H:%M}")
    await page.get_by_label("For", exact=True).select_option(kind)
    await page.get_by_role("button", name="Enter it").click()
    await expect(page.get_by_role("button", name="End the absence")).to_be_visible()


@pytest.mark.soak
class TestChanges:
    async def test_a_decision_on_what_it_was_is_refused_and_keeps_its_reason(self, tabs: Tabs, stack: Stack) -> None:
        request_id = await ask(stack, "ops", "campaign", "A letter about the new desk", 900_000)
        path = f"/approvals/{request_id}/"
        stale = await tabs.page_for("manager")
        await stale.route_web_socket(re.compile(r"/ws/"), _says_nothing)
        await stale.goto(path)
        live = await tabs.page_for("marketer", path)
        for page, words in ((stale, "Worth its money."), (live, "I would rather wait.")):
            await expect(page.locator("#request-content")).to_contain_text("$9,000.00")
            await page.get_by_label("Reason").fill(words)

        hr = await tabs.page_for("hr", path)
        dialog = await open_dialog(hr, "Ask for changes")
        await dialog.get_by_label("What should be different?").fill("Half of it will do.")
        await dialog.get_by_role("button", name="Ask for changes").click()
        await sees_status(hr, "Changes wanted")
        await expect(live.locator("#do-approve")).to_have_count(0, timeout=LIVE)

        ops = await tabs.page_for("ops", path)
        await ops.locator("#do-ask-again").click()
        again = ops.get_by_role("dialog")
        await expect(again).to_contain_text("Half of it will do.")
        await again.get_by_label("Amount").fill("4,500.00")
        await again.get_by_role("button", name="Ask again").click()
        await expect(ops.locator("#request-head")).to_contain_text("Round 2")

        # Whoever sees the change is told what it is …
        await _sees_the_difference(live)
        told = live.locator("#request-actions").get_by_role("alert")
        await expect(told).to_contain_text("It changed while you were looking")
        await expect(told).to_contain_text("Amount: $9,000.00 $4,500.00")
        await expect(live.get_by_label("Reason")).to_have_value("I would rather wait.")
        # … and whoever does not is stopped.
        await expect(stale.locator("#request-content")).to_contain_text("$9,000.00")
        await stale.locator("#do-approve").click()
        refusal = stale.locator("#request-actions").get_by_role("alert").first
        await expect(refusal).to_contain_text("It was not taken")
        await expect(refusal).to_contain_text("amount $9,000.00 → $4,500.00")
        await _sees_the_difference(stale)
        await expect(stale.get_by_label("Reason")).to_have_value("Worth its money.")
        async with stack.async_api("manager") as api:
            request: dict[str, Any] = (await api.get(f"/api/approvals/{request_id}")).json()
        assert [level["decisions"] for level in request["levels"]] == [[]]

        await stale.locator("#do-approve").click()
        await sees_in_trail(stale, "Marta Kovács approved Two of Communication.", "Web", "Worth its money.")


def _says_nothing(socket: WebSocketRoute) -> None:
    """A line that is open, and dead."""


async def _sees_the_difference(page: Page) -> None:
    await expect(page.locator("#request-rounds")).to_contain_text("Half of it will do.", timeout=LIVE)
    amount = page.locator("#request-rounds tr").filter(has_text="Amount")
    await expect(amount.locator("del")).to_have_text("$9,000.00")
    await expect(amount.locator("ins")).to_have_text("$4,500.00")


@pytest.mark.soak
class TestManyAtOnce:
    async def test_by_the_keyboard_alone(self, tabs: Tabs, stack: Stack) -> None:
        chairs, lamps, desks = [await ask(stack, "ops", "refund", f"Broken {what}", 5_000) for what in THINGS]
        page = await tabs.page_for("manager", "/approvals/?kind=refund")
        for request_id in (chairs, lamps, desks):
            await expect(row_of(page, request_id)).to_be_visible(timeout=LIVE)
        await _select(page, {chairs, lamps, desks})
        await expect(page.locator("#bulk")).to_contain_text("3 selected $150.00")
        await tab_to(page, page.locator("#bulk").get_by_role("button", name="Approve 3"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Approve 3 requests")).to_be_visible()
        await expect(page.locator("main")).to_contain_text("Together $150.00.")

        await withdraw(stack, "ops", desks)
        await tab_to(page, page.get_by_role("button", name="Approve 3"))
        with worker_held(stack):
            await page.keyboard.press("Enter")
            progress = page.locator("#bulk-progress")
            await expect(progress.get_by_role("status")).to_contain_text("0 of 3 are through.")
            await expect(progress.get_by_role("img", name="0 of 3 are through")).to_be_visible()
        await expect(progress.get_by_role("status")).to_contain_text("2 of 3 approved.", timeout=LIVE)
        await expect(progress.get_by_role("img", name="3 of 3 are through")).to_be_visible()
        for what, outcome in zip(THINGS, ("Approved", "Approved", "Not taken"), strict=True):
            await expect(progress.get_by_role("row", name=f"Broken {what}").locator(".status")).to_have_text(outcome)
        await expect(progress.get_by_role("row", name="Broken desk")).to_contain_text("withdrawn already")

        await tab_to(page, page.get_by_role("link", name="Back to the inbox"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Approvals", exact=True)).to_be_visible()
        for request_id in (chairs, lamps, desks):
            await expect(row_of(page, request_id)).to_have_count(0, timeout=LIVE)


THINGS = ("chair", "lamp", "desk")


async def _select(page: Page, wanted: set[str]) -> None:
    """Walks down the list and selects these."""
    left = set(wanted)
    for _ in range(await page.locator("[data-walk-to]").count()):
        await page.keyboard.press("j")
        reached = str(await page.evaluate("document.activeElement.id")).removeprefix("to-")
        if reached in left:
            await page.keyboard.press("x")
            left.remove(reached)
    assert not left, f"not reached by j: {left}"


@pytest.mark.soak
class TestWithoutScripts:
    async def test_all_is_decided_by_plain_forms(self, tabs: Tabs, stack: Stack) -> None:
        chair = await ask(stack, "employee", "expense", "A chair without scripts", 12_000)
        lamp = await ask(stack, "employee", "expense", "A lamp without scripts", 3_000)
        page = await (await tabs.context(java_script=False)).new_page()
        await page.goto("/accounts/login/?next=/approvals/")
        await log_in(page, "manager")

        await row_of(page, chair).get_by_role("button", name="Approve").click()
        await expect(page.locator("#told")).to_contain_text("Approved: A chair without scripts")
        await expect(row_of(page, chair)).to_have_count(0)

        await row_of(page, lamp).get_by_role("link", name="A lamp without scripts", exact=True).click()
        await page.locator("#do-reject").click()
        reason = page.get_by_label("Reason")
        await expect(reason).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("main")).to_contain_text("A rejection needs a reason.")
        await reason.fill("Take one from the store.")
        await page.get_by_role("button", name="Reject", exact=True).click()
        await page.wait_for_url(REQUEST_PAGE)
        await sees_status(page, "Rejected")
        await sees_in_trail(page, "Marta Kovács rejected Manager.", "Web", "Take one from the store.")
        await page.goto(f"/approvals/{chair}/")
        await sees_status(page, "Approved")


@pytest.mark.soak
class TestWithdrawal:
    async def test_takes_the_buttons_from_whoever_was_about_to_decide(self, tabs: Tabs, stack: Stack) -> None:
        request_id = await ask(stack, "employee", "expense", "A second keyboard", 8_000)
        manager = await tabs.page_for("manager", f"/approvals/{request_id}/")
        inbox = await manager.context.new_page()
        await inbox.goto("/approvals/")
        await expect(row_of(inbox, request_id)).to_be_visible(timeout=LIVE)
        await manager.get_by_label("Reason").fill("You have one")
        await expect(manager.locator("#do-approve")).to_be_enabled()
        loads = Loads(manager, inbox)

        employee = await tabs.page_for("employee", f"/approvals/{request_id}/")
        dialog = await open_dialog(employee, "Withdraw")
        await dialog.get_by_label("Reason").fill("Found one.")
        await dialog.get_by_role("button", name="Withdraw it").click()
        await sees_status(employee, "Withdrawn")

        await sees_status(manager, "Withdrawn")
        for button in ("#do-approve", "#do-reject"):
            await expect(manager.locator(button)).to_have_count(0, timeout=LIVE)
        await expect(manager.locator("#why-decision")).to_contain_text("withdrawn already")
        await sees_in_trail(manager, "Emil Novak withdrew", "Web", "Found one.")
        await expect(row_of(inbox, request_id)).to_have_count(0, timeout=LIVE)
        assert loads.number == 0, "a page was loaded anew"
