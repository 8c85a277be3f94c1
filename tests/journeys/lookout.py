"""Looking at pages as they stand: two widths, two themes, what overflows, what axe-core finds, and what has moved."""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize, expect

from tests.browser import DESKTOP, PHONE
from tests.journeys.desk import LIVE

SERIOUS = {"serious", "critical"}
STILL = 0.05
"""Layout shift (https://web.dev/articles/cls) up to which a page counts as still; half of what counts as good there.

Columns become a little wider while a table's rows come in, and a draft's dry run is as long as there are reasons.
"""
IS_FULL = os.environ.get("SOAK") == "full"
PICTURES = os.environ.get("PICTURES")
"""A directory that gets a picture of each page that is looked at."""

Screen = tuple[ViewportSize, bool]
"""Width and height, and whether it is dark."""

FEW = [pytest.param((PHONE, True), id="375-dark")]
"""What the short soak looks at; the full one looks at all four. The orders' pages stand for the wide and light ones."""
REST = [
    pytest.param((DESKTOP, False), id="1440-light"),
    pytest.param((DESKTOP, True), id="1440-dark"),
    pytest.param((PHONE, False), id="375-light"),
]


async def look(page: Page, what: str, *, preload: bool = True) -> list[str]:
    """What is wrong with the page as it stands.

    ``preload``: axe-core reads the stylesheets too, for its rule about the way a device is held. Of those that import others
    it makes inline ones, which the Content-Security-Policy refuses.
    """
    wide = await page.evaluate(
        """() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            return [...document.querySelectorAll("main *")]
                .filter(each => each.getBoundingClientRect().right > root.clientWidth + 1)
                .slice(0, 5).map(each => each.outerHTML.slice(0, 120));
        }"""
    )
    found = [f"{what}: wider than the window: {element}" for element in wide]
    results = await Axe().run(page, options={"resultTypes": ["violations"], "preload": preload})
    found += [
        f"{what}: {violation['impact']} {violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for violation in results.response["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"][:3]
    ]
    if PICTURES:
        await _draw(page, what, Path(PICTURES))
    return found


async def _draw(page: Page, what: str, directory: Path) -> None:
    dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.viewport_size is not None
    name = f"{re.sub(r'[^a-z0-9]+', '-', what.lower()).strip('-')}-{page.viewport_size['width']}"
    await page.screenshot(path=directory / f"{name}{'-dark' if dark else ''}.png", full_page=True, timeout=60_000)


async def moved(page: Page, what: str) -> list[str]:
    """What has moved on the page since it was opened, without anybody having pressed anything."""
    shifts = await page.evaluate(
        """() => new Promise(done => {
            const found = [];
            const note = list => found.push(...list.getEntries());
            const observer = new PerformanceObserver(note);
            observer.observe({type: "layout-shift", buffered: true});
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
                note({getEntries: () => observer.takeRecords()});
                done(found.filter(one => !one.hadRecentInput).map(one => [
                    one.value,
                    one.sources.map(each => each.node?.outerHTML?.slice(0, 100) ?? each.node?.textContent ?? "").join(" | "),
                ]));
            })));
        })"""
    )
    total = sum(value for value, _ in shifts)
    return [f"{what}: moved by {total:.3f}: {shifts}"] if total > STILL else []


class Looks:
    """Goes from page to page and collects what is wrong with them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []

    async def at(self, what: str, address: str, ready: str = "main") -> None:
        """Opens a page and looks at it once ``ready`` is on it."""
        await self.page.goto(address)
        await expect(self.page.locator(ready).first).to_be_visible(timeout=LIVE)
        await self.here(what)
        self.wrong += await moved(self.page, what)

    async def here(self, what: str) -> None:
        self.wrong += await look(self.page, what)

    def end(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)
