"""Every page about campaigns and contacts at two widths and in two themes: nothing overflows, nothing moves while it is
drawn, and axe-core finds nothing serious.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.async_api import Route, expect

from dashboard.demo_users import load_demo_users
from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.journeys.lookout import FEW, IS_FULL, REST, Looks, Screen, moved
from tests.journeys.mailroom import (
    COLUMNS_PAGE,
    act,
    draft,
    launched,
    mail_to,
    open_dialog,
    post,
    say_what_columns_mean,
    until,
)
from tests.soak.mailserver import MailServer, plain_of
from tests.stack import Stack

pytestmark = pytest.mark.soak

LONG = "a-word-without-any-place-to-break-it-" * 4


@dataclass(frozen=True)
class Campaigns:
    """One campaign in each state that looks different, and the links in one of their mails."""

    draft: str
    running: str
    paused: str
    completed: str
    cancelled: str
    unsubscribe: str
    wishes: str


def _people(first: int, last: int) -> dict[str, list[str]]:
    return {"user_ids": [f"USER-{number}" for number in range(first, last + 1)]}


@pytest.fixture(scope="module")
async def campaigns(stack: Stack, mails: MailServer) -> AsyncIterator[Campaigns]:
    async with stack.async_api("marketer") as api:
        await post(api, "/api/users/USER-441/opt-outs", {"channel": "email"})
    completed = await launched(stack, "Looked at", _people(440, 445))
    running = await launched(stack, f"Goes on {LONG}", _people(400, 439), rate_per_minute=5)
    paused = await launched(stack, "Stands still", _people(446, 470), rate_per_minute=60)
    await until(stack, completed, "completed")
    await until(stack, paused, "running", sent=1)
    await act(stack, paused, "pause", reason=f"Because of {LONG}")
    cancelled = await launched(stack, "Over", _people(471, 490), rate_per_minute=60)
    await act(stack, cancelled, "cancel", reason=f"Because of {LONG}")
    await until(stack, cancelled, "cancelled")
    mail = await mail_to(mails, "Looked at", "user-442@example.com")
    yield Campaigns(
        draft=await draft(
            stack, f"Not yet {LONG}", "all", template={"subject": LONG, "body": f"{LONG} {{{{ name }}}}"}
        ),
        running=running,
        paused=paused,
        completed=completed,
        cancelled=cancelled,
        unsubscribe=str(mail["List-Unsubscribe"]).strip().strip("<>"),
        wishes=re.findall(r"Wishes: (\S+)", plain_of(mail))[0],
    )
    for campaign_id in (running, paused):
        await act(stack, campaign_id, "cancel")


@pytest.fixture
def empty_list(db: None) -> str:
    """The page of campaigns where there are none, which the shared stack has left behind."""
    load_demo_users()
    client = Client()
    client.force_login(User.objects.get(username="marketer"))
    return client.get("/campaigns/").content.decode()


@pytest.fixture(params=FEW + REST if IS_FULL else FEW)
def screen(request: pytest.FixtureRequest) -> Screen:
    return request.param


class TestLooks:
    async def test_pages_of_campaigns(self, tabs: Tabs, campaigns: Campaigns, screen: Screen) -> None:
        page = await tabs.page_for("marketer", "/campaigns/users/", viewport=screen[0], dark=screen[1])
        looks = Looks(page)
        await looks.at("list", "/campaigns/", f"#row-{campaigns.running}")
        await page.goto("/campaigns/new/")
        await page.get_by_role("button", name="Keep it as a draft").click()
        await expect(page.locator("[aria-invalid]").first).to_be_visible()
        await looks.here("editor with mistakes")
        await looks.at("draft", f"/campaigns/{campaigns.draft}/", "#trial .trial-line")
        await looks.at("running", f"/campaigns/{campaigns.running}/", "#campaign-now .sum")
        await looks.at("completed", f"/campaigns/{campaigns.completed}/", "#campaign-why .reasons")
        if IS_FULL:
            await looks.at("editor", "/campaigns/new/")
            await looks.at("paused", f"/campaigns/{campaigns.paused}/", "#do-resume")
            await looks.at("cancelled", f"/campaigns/{campaigns.cancelled}/", "#campaign-why .reasons")
            await looks.at("send log", f"/campaigns/{campaigns.completed}/log/", ".decisions")
            await looks.at("preview", f"/campaigns/{campaigns.completed}/preview/")
            await looks.at("pause, as a page", f"/campaigns/{campaigns.running}/pause/")
            await looks.at("nothing found", "/campaigns/?q=no-such-campaign")
            await looks.at("stop everything", "/campaigns/stop/")
            await looks.at("not found", "/campaigns/CMP-20200101-000000-zzzz/")
            await page.goto(f"/campaigns/{campaigns.draft}/")
            await open_dialog(page, "launch")
            await looks.here("launch")
        looks.end()

    async def test_pages_of_people(self, tabs: Tabs, campaigns: Campaigns, screen: Screen) -> None:
        page = await tabs.page_for("marketer", "/campaigns/users/", viewport=screen[0], dark=screen[1])
        looks = Looks(page)
        await looks.at("a person", "/campaigns/users/USER-442/", "#actor-decisions li")
        await page.locator("#sim-ask").click()
        await expect(page.locator(".sim__answer")).to_be_visible()
        await page.locator("#edit-preferences").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await looks.here("a person with an answer, and their preferences")
        await page.goto("/campaigns/users/USER-443/stampede/")
        await page.locator("#stampede-go").click()
        await expect(page.locator("#stampede-tally strong")).to_be_visible(timeout=LIVE)
        await looks.here("stampede, answered")
        if IS_FULL:
            await looks.at("people", "/campaigns/users/?q=USER-44", ".people")
            await looks.at("stampede", "/campaigns/users/USER-443/stampede/", "#stampede-go")
            await looks.at("a person who opted out", "/campaigns/users/USER-441/", "#actor-decisions li")
            await looks.at("all decisions", "/campaigns/users/USER-442/log/")
            await looks.at("cap, as a page", "/campaigns/users/USER-442/cap/")
            await looks.at("nobody found", "/campaigns/users/?q=no-such-person")
        looks.end()

    async def test_pages_of_contacts(self, tabs: Tabs, campaigns: Campaigns, tmp_path: Path, screen: Screen) -> None:
        page = await tabs.page_for("marketer", "/campaigns/imports/new/", viewport=screen[0], dark=screen[1])
        looks = Looks(page)
        file = tmp_path / f"{LONG[:60]}.csv"
        file.write_text(f"id,name,email,note\nLOOKS-1,{LONG},looks@example.com,{LONG}\nLOOKS-2,,{LONG},\n")
        await page.get_by_label("CSV file").set_input_files(file)
        await page.get_by_role("button", name="Upload").click()
        await page.wait_for_url(COLUMNS_PAGE)
        await looks.here("columns of a file")
        await say_what_columns_mean(page)
        await page.get_by_role("button", name="Compare").click(timeout=LIVE)
        await expect(page.get_by_role("button", name="Write the contacts")).to_be_visible(timeout=LIVE)
        await looks.here("import that waits")
        await looks.at("contacts", "/campaigns/contacts/?q=USER-44", "table")
        await looks.at("segments", "/campaigns/segments/", "table")
        if IS_FULL:
            await page.get_by_role("link", name="Paying", exact=True).click()
            await expect(page.locator("#segment-count")).to_contain_text("of")
            await looks.here("segment")
            await looks.at("new import", "/campaigns/imports/new/")
            await looks.at("imports", "/campaigns/imports/", "table")
            await looks.at("new contact", "/campaigns/contacts/new/")
            await looks.at("contact", "/campaigns/contacts/USER-442/edit/")
            await looks.at("no contact found", "/campaigns/contacts/?q=no-such-contact")
            await looks.at("new segment", "/campaigns/segments/new/")
        looks.end()

    async def test_pages_of_a_contact(self, tabs: Tabs, campaigns: Campaigns, screen: Screen) -> None:
        page = await tabs.anonymous(campaigns.wishes, viewport=screen[0], dark=screen[1])
        looks = Looks(page)
        await looks.at("preferences", campaigns.wishes, ".wishes")
        if IS_FULL:
            await looks.at("unsubscribe", campaigns.unsubscribe, "form")
            await page.goto(campaigns.wishes)
            await page.get_by_label("Send me nothing until").fill("2020-01-01")
            await page.get_by_role("button", name="Save").click()
            await expect(page.locator("[aria-invalid]")).to_be_visible()
            await looks.here("preferences with a mistake")
            await looks.at("a link that was cut off", campaigns.wishes[:-4])
        looks.end()

    async def test_empty_list(self, tabs: Tabs, empty_list: str, screen: Screen) -> None:
        async def answer(route: Route) -> None:
            await route.fulfill(body=empty_list, content_type="text/html; charset=utf-8")

        page = await tabs.page_for("marketer", "/campaigns/users/", viewport=screen[0], dark=screen[1])
        await page.route("**/campaigns/", answer)
        await page.route_web_socket(re.compile(r"/ws/"), lambda socket: None)
        looks = Looks(page)
        await looks.at("empty list", "/campaigns/", ".empty-page")
        await expect(page.get_by_role("heading", name="No campaign yet")).to_be_visible()
        looks.end()

    async def test_a_movement_is_seen(self, tabs: Tabs) -> None:
        """What all of the above would say if it could say nothing."""
        page = await tabs.anonymous("/accounts/login/")
        await page.evaluate("document.querySelector('main').insertAdjacentHTML('afterbegin', '<p>More</p>'.repeat(20))")
        await aeventually(lambda: moved(page, "log-in"), timeout=5)
