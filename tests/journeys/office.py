"""What people do with requests for approval, in the browser by the words on the screen, and in Slack."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import httpx
import psutil
from playwright.async_api import Locator, Page, expect

from tests.eventually import aeventually, eventually
from tests.journeys.desk import LIVE
from tests.slack_standin import SlackStandIn, signed
from tests.stack import Stack

REQUEST_PAGE = re.compile(r"/approvals/(REQ-[0-9]{8}-[0-9]{6}-[0-9a-z]+)/$")
_asked = count(1)


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def ask(stack: Stack, who: str, kind: str, title: str, amount_cents: int | None = None) -> str:
    """Asks by the API and returns the request's id once lists have it."""
    wish = {"kind": kind, "title": title, "description": "", "amount_cents": amount_cents}
    async with stack.async_api(who) as api:
        answer = await api.post("/api/approvals", json=wish, headers={"Idempotency-Key": f"office-{next(_asked)}"})
    assert answer.status_code == 201, answer.text
    request_id = str(answer.json()["request_id"])
    query = "SELECT 1 FROM approvals_approvalrequest WHERE request_id = ? AND status = 'pending'"
    await aeventually(lambda: stack.sql(query, request_id), timeout=20)
    return request_id


async def withdraw(stack: Stack, who: str, request_id: str) -> None:
    async with stack.async_api(who) as api:
        key = {"Idempotency-Key": f"withdraw-{request_id}"}
        answer = await api.post(f"/api/approvals/{request_id}/withdrawal", json={"reason": ""}, headers=key)
    assert answer.status_code == 200, answer.text


def request_id_of(page: Page) -> str:
    match = REQUEST_PAGE.search(page.url)
    assert match, f"not a request's page: {page.url}"
    return match.group(1)


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def row_of(page: Page, request_id: str) -> Locator:
    """The request's row in an inbox."""
    return page.locator(f"#req-{request_id}")


async def sees_status(page: Page, word: str) -> None:
    await expect(page.locator("#request-head .status")).to_have_text(word, timeout=LIVE)


async def sees_in_trail(page: Page, words: str, door: str, quote: str = "") -> None:
    """An entry with these words that came in by this door."""
    entry = page.locator("#request-trail li").filter(has_text=words)
    await expect(entry).to_have_count(1, timeout=LIVE)
    await expect(entry.locator(".timeline__by")).to_have_text(door)
    if quote:
        await expect(entry.locator(".timeline__quote")).to_have_text(quote)


class Loads:
    """Counts how often pages are loaded anew from now on."""

    def __init__(self, *pages: Page) -> None:
        self.number = 0
        for page in pages:
            page.on("load", self._count)

    def _count(self, page: Page) -> None:
        self.number += 1


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def open_dialog(page: Page, name: str) -> Locator:
    await page.locator("#request-actions").get_by_role("link", name=name).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    return dialog


async def tab_to(page: Page, target: Locator, most: int = 80) -> None:
    """Presses the tabulator until ``target`` has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{target} is not reached by {most} presses of the tabulator")


async def decide_in_slack(
    stack: Stack, slack: SlackStandIn, slack_user_id: str, request_id: str, *, level: int, action: str, comment: str
) -> str:
    """Presses a button of the level's message and sends the form behind it off. Returns what Slack is answered."""
    card = await aeventually(lambda: slack_card_of(slack, request_id, level), timeout=20)
    assert card
    opened = len(slack.forms)
    pressed = await _to_slack_door(stack, slack.press(slack_user_id, slack.button(action, ts=card["ts"])))
    assert pressed.status_code == 200, pressed.text
    answer = await _to_slack_door(stack, slack.submit(slack_user_id, slack.forms[opened], comment))
    assert answer.status_code == 200, answer.text
    return json.dumps(answer.json(), ensure_ascii=False)


def slack_card_of(slack: SlackStandIn, request_id: str, level: int) -> dict[str, Any] | None:
    """The message about a level of a request's first round, as it is now."""
    place = {"request_id": request_id, "round": 1, "level": level}
    cards = list(slack.messages.values())
    return next((card for card in cards if card["metadata"]["event_payload"] == place), None)


async def _to_slack_door(stack: Stack, payload: dict[str, Any]) -> httpx.Response:
    body, headers = signed(payload)
    async with httpx.AsyncClient(base_url=stack.base_url, timeout=15) as client:
        return await client.post("/webhooks/slack/interactivity", content=body, headers=headers)


# ── Stopping the time ────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def worker_held(stack: Stack) -> Iterator[None]:
    """The worker stands still meanwhile. Not for longer than a few seconds: after six it counts as gone."""
    worker = psutil.Process(stack.workers[0].pid)

    def held() -> bool:
        worker.suspend()
        if _is_writable(stack):
            return True
        worker.resume()  # it was about to write, and nobody else could while it stands still
        return False

    eventually(held)
    try:
        yield
    finally:
        worker.resume()


def _is_writable(stack: Stack) -> bool:
    connection = sqlite3.connect(stack.directory / "callboard.sqlite3", timeout=0.2)
    try:
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            return True
        return False
    finally:
        connection.close()
