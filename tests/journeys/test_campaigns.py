"""A campaign from a file of contacts to the last mail, and the next one after an opt-out; in browsers and at a mail server."""

import csv
import re
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.journeys.mailroom import (
    CAMPAIGN_PAGE,
    SENDS_ON,
    SumWatch,
    id_of,
    mails_with,
    open_dialog,
    say_what_columns_mean,
    sees_status,
    sees_sum,
    sum_line,
)
from tests.journeys.office import Loads
from tests.soak.mailserver import MailServer

PEOPLE = 500
READERS = 150
"""The first so many of them are in the reading club."""
OUT = range(21, 31)
"""Numbers of contacts whose row says that they want nothing."""
HOMELESS = range(31, 36)
"""… and of those whose row has no address."""
REACHED = READERS - len(OUT) - len(HOMELESS)
SLOW = "300"
"""A minute: long enough for a pause on the way, …"""
FAST = "1500"
"""… and for some looks at how it goes on."""


def contacts_csv(path: Path) -> list[tuple[str, str]]:
    """Five hundred contacts, and six rows that are wrong. Returns the wrong ones: their number and the column."""
    header = ["Id", "Name", "E-mail", "Time zone", "Consent", "Club"]
    lines: list[list[str]] = []
    for number in range(1, PEOPLE + 1):
        address = "" if number in HOMELESS else f"journey-{number:03}@example.com"
        consent = "no" if number in OUT else "yes"
        club = "reading" if number <= READERS else "chess"
        lines.append([f"JOURNEY-{number:03}", f"Noor {number:03} Haddad", address, "Europe/Brussels", consent, club])
    wrong = {
        3: ("Id", ["", "Nobody", "nobody@example.com", "", "", "reading"]),
        50: ("E-mail", ["WRONG-1", "Ann", "ann at example.com", "", "", "reading"]),
        51: ("Time zone", ["WRONG-2", "Bo", "bo@example.com", "Europe/Atlantis", "", "reading"]),
        222: ("Consent", ["WRONG-3", "Cy", "cy@example.com", "", "perhaps", "reading"]),
        400: ("Id", ["JOURNEY-001", "Twice", "twice@example.com", "", "", "reading"]),
        505: ("the whole row", ["WRONG-4", "Di", "di@example.com", "", "", "reading", "=1+1"]),
    }
    for number, (_, cells) in sorted(wrong.items()):
        lines.insert(number - 2, cells)  # the header is row 1
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows([header, *lines])
    return [(str(number), column) for number, (column, _) in sorted(wrong.items())]


class TestFromFileToMail:
    async def test_a_campaign_adds_up_and_an_opt_out_holds_for_the_next(
        self, tabs: Tabs, mails: MailServer, tmp_path: Path
    ) -> None:
        page = await tabs.page_for("marketer", "/campaigns/imports/")
        await _import(page, tmp_path)
        await _make_segment(page)
        await _write(page, "Opening of the reading club")
        campaign_id = id_of(page)

        # A dry run.
        trial = page.locator("#trial")
        await expect(trial).to_contain_text(f"{REACHED} now", timeout=LIVE)
        await expect(trial).to_contain_text(f"Of {READERS} recipients")
        await expect(trial.get_by_role("row", name="Opted out")).to_contain_text(str(len(OUT)))
        await expect(trial.get_by_role("row", name="No address")).to_contain_text(str(len(HOMELESS)))
        await expect(page.locator("#preview")).to_contain_text("Hello Noor")
        assert mails_with(mails, "Opening of the reading club") == []

        # Launched, and paused on its way.
        dialog = await open_dialog(page, "launch")
        await expect(dialog).to_contain_text(f"{REACHED} now")
        watcher = await tabs.page_for("marketer", f"/campaigns/{campaign_id}/")  # a tab behind another is drawn seldom
        loads = Loads(page, watcher)
        await dialog.get_by_role("button", name="Launch", exact=True).click()
        await sees_status(page, "Sending")
        await sees_status(watcher, "Sending")
        await expect(page.locator("#campaign-now .sum")).to_be_visible(timeout=LIVE)
        watch = SumWatch(watcher)
        await watch.begin()
        await aeventually(lambda: _sent_on(page), timeout=20)
        dialog = await open_dialog(page, "pause")
        await dialog.get_by_label("Reason").fill("The date is not sure.")
        await dialog.get_by_role("button", name="Pause", exact=True).click()
        for one in (page, watcher):
            await sees_status(one, "Paused")
            await expect(one.locator("#campaign-head")).to_contain_text("It is paused: The date is not sure.")
        paused = await _settled(page, mails)
        assert 0 < paused["Sent"] < REACHED
        assert paused["Pending"] > 0

        # Resumed, and faster, to its end.
        dialog = await open_dialog(page, "rate")
        await dialog.get_by_label("Messages a minute, at most").fill(FAST)
        await dialog.get_by_role("button", name="Set the rate").click()
        await expect(page.locator("#campaign-now")).to_contain_text("Limit 1,500 a minute.", timeout=LIVE)
        assert len(mails_with(mails, "Opening of the reading club")) == paused["Sent"], (
            "it was sent while it was paused"
        )
        dialog = await open_dialog(page, "resume")
        await dialog.get_by_role("button", name="Resume", exact=True).click()
        for one in (page, watcher):
            await sees_status(one, "Completed", timeout=SENDS_ON)
            await sees_sum(one, sent=REACHED, denied=len(OUT) + len(HOMELESS))
            await expect(one.locator(".holds")).to_contain_text("The sum holds.")
        assert loads.number == 0, "a page was loaded anew"
        shown = await watch.end()
        assert [line["Sent"] for line in shown] == sorted(line["Sent"] for line in shown)
        between = {line["Sent"] for line in shown if paused["Sent"] < line["Sent"] < REACHED}
        assert between, f"nothing moved between the pause and the end: {shown}"
        addresses = [str(mail["To"]) for mail in mails_with(mails, "Opening of the reading club")]
        assert len(addresses) == len(set(addresses)) == REACHED
        assert set(addresses) == {
            f"journey-{number:03}@example.com"
            for number in range(1, READERS + 1)
            if number not in OUT and number not in HOMELESS
        }

        await _opt_out(page, "JOURNEY-007", "Opening of the reading club")
        await _launch_again(page, campaign_id, "JOURNEY-006", "JOURNEY-007", "JOURNEY-008")
        await sees_sum(page, sent=2, denied=1)
        received = {str(mail["To"]) for mail in mails_with(mails, "Second evening")}
        assert received == {"journey-006@example.com", "journey-008@example.com"}
        await _find_the_reason(page, "JOURNEY-007", "Second evening")


async def _import(page: Page, directory: Path) -> None:
    file = directory / "reading-club.csv"
    wrong = contacts_csv(file)
    await page.get_by_role("link", name=re.compile("^(New import|Import contacts)$")).click()
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Upload").click()
    await say_what_columns_mean(page)
    await expect(page.get_by_role("heading", name="reading-club.csv")).to_be_visible()

    await page.get_by_role("button", name="Compare").click(timeout=LIVE)
    write = page.get_by_role("button", name="Write the contacts")
    await expect(write).to_be_visible(timeout=LIVE)
    await expect(page.locator("#import-live")).to_contain_text(f"{PEOPLE} contacts would be new and 0 changed.")
    await expect(page.locator("#import-live")).to_contain_text("6 rows cannot be taken")
    problems = page.locator("section").filter(has_text="What is wrong with the file")
    listed = [await row.locator("td").all_inner_texts() for row in await problems.locator("tbody tr").all()]
    assert [(row, column) for row, column, *_ in listed] == wrong
    async with page.expect_download() as download:
        await problems.get_by_role("link", name="Download").click()
    with Path(await (await download.value).path()).open(newline="", encoding="utf-8-sig") as taken:
        lines = list(csv.reader(taken))[1:]
    assert [(line[0], line[2]) for line in lines] == [(row, problem) for row, _, problem, *_ in listed]

    await write.click()
    await expect(page.locator("#import-live .status")).to_have_text("Done", timeout=LIVE)
    await expect(page.locator("#import-live")).to_contain_text(f"{PEOPLE} contacts new, 0 changed.")


async def _make_segment(page: Page) -> None:
    await page.goto("/campaigns/segments/new/")
    await page.get_by_label("Name").fill("Reading club")
    line = page.get_by_role("group", name="Filter 1")
    await line.get_by_label("Of the contact").select_option("attribute")
    await line.get_by_label("Which attribute").fill("club")
    await line.get_by_label("Value").fill("reading")
    await expect(page.locator("#segment-count")).to_contain_text(f"{READERS} of")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name=f"The {READERS} contacts of Reading club")).to_be_visible()


async def _write(page: Page, name: str) -> None:
    await page.goto("/campaigns/new/")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Subject").fill(name)
    await page.get_by_label("Text", exact=True).fill(
        "Hello {{ first_name }},\n\ncome on Sunday.\n\n{{ unsubscribe_url }}"
    )
    await page.get_by_label("A saved segment").check()
    await page.get_by_label("Segment", exact=True).select_option("Reading club")
    await expect(page.locator("#audience-count")).to_contain_text(str(READERS))
    await page.get_by_label("Messages a minute, at most").fill(SLOW)
    await page.get_by_role("button", name="Keep it as a draft").click()
    await page.wait_for_url(CAMPAIGN_PAGE)
    await sees_status(page, "Draft")


async def _sent_on(page: Page) -> bool:
    return (await sum_line(page))["Sent"] >= 5


async def _settled(page: Page, mails: MailServer) -> dict[str, int]:
    """The sum line once what was on its way when the pause came has arrived, and is counted."""

    async def counted() -> dict[str, int]:
        line = await sum_line(page)
        assert line["Sent"] == len(mails_with(mails, "Opening of the reading club")), line
        return line

    return await aeventually(counted, timeout=LIVE / 1_000)


async def _opt_out(page: Page, user_id: str, campaign: str) -> None:
    """From the send log to the recipient's own page, where they want no more mails."""
    await page.locator("#to-log").click()
    await page.get_by_label("Contact’s id").fill(user_id)
    await page.keyboard.press("Enter")
    await page.locator(".decisions").get_by_role("link", name=user_id).click()
    await expect(page.locator("#actor-decisions li").filter(has_text=campaign)).to_contain_text("Sent")
    await expect(page.locator("#reach-1")).to_have_text("Yes")
    await page.locator("#edit-preferences").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("E-mail").uncheck()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#reach-1")).to_have_text("No, they have opted out", timeout=LIVE)


async def _launch_again(page: Page, campaign_id: str, *user_ids: str) -> None:
    await page.goto(f"/campaigns/{campaign_id}/")
    await page.get_by_role("link", name="Make another").click()
    await page.get_by_label("Name").fill("Second evening")
    await page.get_by_label("Subject").fill("Second evening")
    await page.get_by_label("Contacts by their ids").check()
    await page.get_by_role("textbox", name="Ids").fill(" ".join(user_ids))
    await page.get_by_role("button", name="Keep it as a draft").click()
    await page.wait_for_url(CAMPAIGN_PAGE)
    await expect(page.locator("#trial")).to_contain_text("2 now", timeout=LIVE)
    dialog = await open_dialog(page, "launch")
    await dialog.get_by_role("button", name="Launch", exact=True).click()
    await sees_status(page, "Completed")


async def _find_the_reason(page: Page, user_id: str, campaign: str) -> None:
    await page.locator("#campaign-why").get_by_role("link", name="Opted out").click()
    line = page.locator(".decisions li")
    await expect(line).to_have_count(1)
    await expect(line.locator(".status")).to_have_text("Denied")
    await expect(line.locator("code")).to_have_text("opted_out")
    await line.get_by_role("link", name=user_id).click()
    refused = page.locator("#actor-decisions li").filter(has_text=campaign)
    await expect(refused.locator(".status")).to_have_text("Refused")
    await expect(refused.locator("code")).to_have_text("opted_out")
    await page.locator("#sim-ask").click()
    await expect(page.locator(".sim__answer")).to_contain_text("opted out", ignore_case=True)
