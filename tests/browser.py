"""A real browser for the tests: logged-in pages, and a list of everything that went wrong in them."""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, ViewportSize

from dashboard.auth import DEMO_PASSWORD

# Without these Chromium looks up hosts of its own at every start.
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nobody types into the address bar; its two pages start with every window and take 0.8 s of a core. The switch replaces
    # Playwright's own, so what that one turns off for the sake of tests is here too.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxFullPopup,WebUIOmniboxAimPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,OptimizationHints,NetworkTimeServiceQuerying,"
    "AimEnabled,PreconnectToSearch",
]
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=375, height=812)

# An answer by which the server says no. What the page then shows is the test's business.
_REFUSAL = re.compile(r"Failed to load resource: the server responded with a status of (4\d\d|503)")
# htmx calls it an error when a newer request takes the place of one under way, which is what hx-sync is for.
_REPLACED = re.compile(r"htmx:(sendAbort|afterRequest), ")

# Cookies of who has logged in already, by site and name. The real password hash takes its time.
_sessions: dict[tuple[str, str], list[Any]] = {}


def chromium_path(*, whole: bool) -> str:
    """The browser to drive: ``CHROMIUM``, when the environment names one; else the first on the PATH.

    ``whole``: the one that people have. Otherwise its headless shell comes first: the same engine of the same version in a
    package of its own, without windows, menus and profiles, with which a page needs two thirds of the work.

    Raises:
        RuntimeError: there is none. The browser tests fail then; a suite that skips them would say nothing.
    """
    named = os.environ.get("CHROMIUM")
    names = [*([] if whole else ["chromium-headless-shell"]), "chromium", "chromium-browser", "google-chrome"]
    found = named or next(filter(None, map(shutil.which, names)), None)
    if not found or not Path(found).exists():
        raise RuntimeError("No Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM to its path.")
    return found


async def launch_chromium(playwright: Playwright, *, whole: bool) -> Browser:
    """The browser of :func:`chromium_path`; ``whole`` is for what the headless shell may not stand for."""
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else _FLAGS
    return await playwright.chromium.launch(executable_path=chromium_path(whole=whole), args=flags)


@dataclass
class Tabs:
    """Opens pages of one site, each with its own cookies unless told otherwise. ``problems`` is what the pages did wrong."""

    browser: Browser
    base_url: str
    contexts: list[BrowserContext] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Problems that match this regular expression are part of the test."""
        self.expected.append(pattern)

    @property
    def surprises(self) -> list[str]:
        return [one for one in self.problems if not any(re.search(pattern, one) for pattern in self.expected)]

    async def context(
        self, *, viewport: ViewportSize = DESKTOP, dark: bool = False, java_script: bool = True
    ) -> BrowserContext:
        """Cookies and settings of their own, as another person's browser has."""
        context = await self.browser.new_context(
            base_url=self.base_url,
            viewport=viewport,
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            timezone_id="Europe/Berlin",
            java_script_enabled=java_script,
        )
        context.set_default_timeout(20_000)
        context.on("page", self._listen)
        self.contexts.append(context)
        return context

    async def anonymous(self, path: str = "/", *, viewport: ViewportSize = DESKTOP, dark: bool = False) -> Page:
        page = await (await self.context(viewport=viewport, dark=dark)).new_page()
        await page.goto(path)
        return page

    async def page_for(
        self, username: str, path: str = "/", *, viewport: ViewportSize = DESKTOP, dark: bool = False
    ) -> Page:
        """A page at ``path`` in a new browser context of ``username``, who logs in by the log-in page the first time."""
        context = await self.context(viewport=viewport, dark=dark)
        page = await context.new_page()
        known = (self.base_url, username)
        if known in _sessions:
            await context.add_cookies(_sessions[known])
        else:
            await page.goto("/accounts/login/")
            await log_in(page, username)
            _sessions[known] = await context.cookies()
        await page.goto(path)
        return page

    async def close(self, pictures: Path | None = None) -> None:
        """Closes everything; ``pictures`` is where each page still open is drawn first."""
        for number, context in enumerate(self.contexts):
            for page in context.pages:
                if pictures is not None and not page.is_closed():
                    pictures.mkdir(parents=True, exist_ok=True)
                    await page.screenshot(path=pictures / f"page-{number}.png", full_page=True)
            await context.close()

    def _listen(self, page: Page) -> None:
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.problems.append(f"script error on {page.url}: {error}"))

    def _note_console(self, message: ConsoleMessage) -> None:
        # A breach of the Content-Security-Policy is a console error too.
        if message.type == "error" and not _REFUSAL.search(message.text) and not _REPLACED.match(message.text):
            where = message.page.url if message.page else ""
            self.problems.append(f"console on {where}: {message.text}")


async def log_in(page: Page, username: str, password: str = DEMO_PASSWORD) -> None:
    """Fills in the log-in form that ``page`` shows and waits for the page after it."""
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.wait_for_url(lambda url: "/accounts/login/" not in url)
