"""What people do with campaigns and contacts, in the browser by the words on the screen; and what comes of it by mail."""

import re
from email.message import EmailMessage
from itertools import count
from typing import Any

import httpx
from playwright.async_api import Locator, Page, expect

from tests.eventually import aeventually
from tests.journeys.desk import LIVE
from tests.soak.mailserver import MailServer
from tests.stack import Stack

CAMPAIGN_PAGE = re.compile(r"/campaigns/(CMP-[0-9A-Za-z-]+)/$")
IMPORT_PAGE = re.compile(r"/campaigns/imports/(IMP-[0-9A-Za-z-]+)/$")
COLUMNS_PAGE = re.compile(r"/campaigns/imports/(IMP-[0-9A-Za-z-]+)/columns/$")
SENDS_ON = 40_000
"""Milliseconds within which some hundred mails are through, on a machine that is busy with more than them."""
STATES = ("Sent", "Deferred", "Denied", "Failed", "Unknown", "Pending")
TEXT = "Hello {{ first_name }},\n\nthe shop is open.\n\nNo more: {{ unsubscribe_url }}\nWishes: {{ preferences_url }}\n"

_asked = count(1)


# ── By the API ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def post(api: httpx.AsyncClient, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await api.post(path, json=body or {}, headers={"Idempotency-Key": f"mailroom-{next(_asked)}"})
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def draft(stack: Stack, name: str, audience: Any, **fields: Any) -> str:
    """Writes a campaign by mail. Returns its id."""
    wish = {"name": name, "channel": "email", "audience": audience, "template": {"subject": name, "body": TEXT}}
    async with stack.async_api("marketer") as api:
        return str((await post(api, "/api/campaigns", wish | fields))["campaign_id"])


async def act(stack: Stack, campaign_id: str, what: str, **body: Any) -> None:
    """``launch``, ``pause``, ``resume``, ``cancel``."""
    async with stack.async_api("marketer") as api:
        await post(api, f"/api/campaigns/{campaign_id}/{what}", body)


async def launched(stack: Stack, name: str, audience: Any, **fields: Any) -> str:
    campaign_id = await draft(stack, name, audience, **fields)
    await act(stack, campaign_id, "launch")
    return campaign_id


async def until(stack: Stack, campaign_id: str, status: str, sent: int = 0) -> dict[str, Any]:
    """The campaign as the API has it, once it is like this and lists know it."""
    query = "SELECT 1 FROM campaigns_campaign WHERE campaign_id = ? AND status = ? AND sent_count >= ?"
    await aeventually(lambda: stack.sql(query, campaign_id, status, sent), timeout=SENDS_ON / 1_000)
    async with stack.async_api("marketer") as api:
        found: dict[str, Any] = (await api.get(f"/api/campaigns/{campaign_id}")).json()
    return found


# ── In the browser ───────────────────────────────────────────────────────────────────────────────────────────────────


def id_of(page: Page, pattern: re.Pattern[str] = CAMPAIGN_PAGE) -> str:
    match = pattern.search(page.url)
    assert match, f"no page of that kind: {page.url}"
    return match.group(1)


async def sees_status(page: Page, word: str, timeout: float = LIVE) -> None:
    await expect(page.locator("#campaign-head .status")).to_have_text(word, timeout=timeout)


async def open_dialog(page: Page, action: str) -> Locator:
    await page.locator(f"#do-{action}").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    return dialog


async def sum_line(page: Page) -> dict[str, int]:
    """The line that adds up, as it stands on the page."""
    return read_sum(await page.locator("#campaign-now .sum").inner_text())


def read_sum(text: str) -> dict[str, int]:
    """``Audience 500 Sent = 12 Deferred + 0 …``. Raises AssertionError when it does not add up."""
    found = {
        word: int(number.replace(",", ""))
        for word, number in re.findall(rf"(Audience|{'|'.join(STATES)})\s+[=+]?\s*([\d,]+)", text)
    }
    assert found.keys() == {"Audience", *STATES}, text
    assert found["Audience"] == sum(found[state] for state in STATES), text
    return found


async def sees_sum(page: Page, **numbers: int) -> None:
    """Until the line on the page has these numbers, each under its word, and nobody under the others."""
    expected = dict.fromkeys(STATES, 0) | {word.capitalize(): number for word, number in numbers.items()}
    expected["Audience"] = sum(expected.values())

    async def same() -> bool:
        found = await sum_line(page)
        assert found == expected, found
        return True

    await aeventually(same, timeout=LIVE / 1_000)


class SumWatch:
    """Notes every sum line that a page shows from now on, however shortly."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def begin(self) -> None:
        await self._page.evaluate(
            """() => {
                window.sums = [];
                const note = () => {
                    const text = document.querySelector("#campaign-now .sum")?.innerText;
                    if (text && text !== window.sums.at(-1)) window.sums.push(text);
                };
                note();
                new MutationObserver(note).observe(document.body, {childList: true, subtree: true, characterData: true});
            }"""
        )

    async def end(self) -> list[dict[str, int]]:
        """All that were shown, in their order. Raises AssertionError when one does not add up."""
        return [read_sum(text) for text in await self._page.evaluate("window.sums")]


# ── In the mail ──────────────────────────────────────────────────────────────────────────────────────────────────────


def mails_with(mails: MailServer, subject: str) -> list[EmailMessage]:
    return [mail for mail in list(mails.taken) if mail["Subject"] == subject]


async def mail_to(mails: MailServer, subject: str, address: str) -> EmailMessage:
    found = await aeventually(
        lambda: [mail for mail in mails_with(mails, subject) if mail["To"] == address], timeout=20
    )
    assert len(found) == 1, "it came twice"
    return found[0]


# ── Imports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def say_what_columns_mean(page: Page, *, greet: bool = False, **means: str) -> None:
    """After an upload: what headings do not say by themselves, and on to the import's page."""
    await page.wait_for_url(COLUMNS_PAGE)
    for heading, meaning in means.items():
        await page.get_by_label(f"What {heading} means").select_option(meaning)
    if greet:
        await page.get_by_label("Greet new contacts").check()
    await page.get_by_role("button", name="Read the file").click()
    await page.wait_for_url(IMPORT_PAGE)
