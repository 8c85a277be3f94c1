"""Live swaps: what stands on a page stays where it is, and so do the focus, what was half typed, what was opened and how far
one has scrolled.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.import_scenes import IMPORTS
from tests.journeys.live_scenes import SCENES, Scene, Shop
from tests.journeys.lookout import FEW, IS_FULL, REST, Screen
from tests.stack import Stack

pytestmark = pytest.mark.soak

GOOD = 0.1
"""Layout shift up to which a page counts as good (https://web.dev/articles/cls): over all swaps of a scene together."""

LINES = 120
"""Pixels: five lines."""
HALF = "half of a wor"
_BEGIN = """() => {
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifts.push([
            one.value,
            one.sources.map(each => each.node?.outerHTML?.slice(0, 80) ?? each.node?.textContent ?? "").join(" | "),
        ]);
    }).observe({type: "layout-shift"});
    window.lastInput = performance.now();
    for (const kind of ["keydown", "pointerdown"]) {
        addEventListener(kind, () => { window.lastInput = performance.now(); }, {capture: true});
    }
}"""
_STANDS = """() => {
    const at = selector => {
        const one = document.querySelector(selector);
        return one && [Math.round(one.getBoundingClientRect().x), Math.round(one.getBoundingClientRect().y + scrollY)];
    };
    return {
        landmarks: Object.fromEntries(["main", "h1", ".page-head", ".tabs"].map(selector => [selector, at(selector)])),
        shell: [".sidenav", ".topbar"].map(selector => {
            const box = document.querySelector(selector).getBoundingClientRect();
            return [box.x, box.y, box.width, box.height].map(Math.round);
        }),
        scrolled: Math.round(scrollY),
        opened: [...document.querySelectorAll("main details")].map(one => one.open),
        focus: document.activeElement.id || document.activeElement.outerHTML.slice(0, 120),
    };
}"""


class Watch:
    """Somebody in the middle of something: begins before the swaps, and says at the end what they have lost."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._field: Locator | None = None
        self._read: Locator | None = None
        self._before: dict[str, Any] = {}

    async def begin(self, field: str, focus: str, reads: str = "") -> None:
        """Types half a word into ``field``, if there is one; then ``focus`` has the focus, or else the field, with the cursor
        in the middle of the word. At last they scroll, until ``reads`` begins in the middle of the window."""
        await self._page.evaluate(_BEGIN)
        await self._page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
        if field:
            self._field = self._page.locator(f"{field}:visible").first
            await self._field.press_sequentially(HALF)
            await self._field.press("ArrowLeft")
        if focus:
            await self._page.locator(f"{focus}:visible").first.focus()
        if reads:
            self._read = self._page.locator(reads)
            # Also what stands last on its page: at the very bottom the browser scrolls back when the page gets shorter.
            await self._page.evaluate("document.querySelector('main').style.paddingBottom = '60vh'")
            await self._read.evaluate("one => window.scrollBy(0, one.getBoundingClientRect().top - innerHeight / 2)")
        else:
            await self._page.evaluate("window.scrollBy(0, 400)")
        # The browser takes a shift within half a second of an input for the answer to it.
        await aeventually(lambda: self._page.evaluate("performance.now() - window.lastInput > 700"), timeout=20)
        self._before = await self._stands()

    async def end(self) -> None:
        """Raises AssertionError with all that has moved or got lost."""
        await self._page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
        shifts = await self._page.evaluate("window.shifts")
        now = await self._stands()
        # When a line above comes or goes the browser scrolls by its height, so that nothing moves.
        before, after = self._before.pop("scrolled"), now.pop("scrolled")
        lost = [f"scrolled: {before} → {after}"] if not self._read and abs(after - before) > LINES else []
        lost += [f"{what}: {self._before[what]} → {now[what]}" for what in now if now[what] != self._before[what]]
        total = sum(value for value, _ in shifts)
        if total >= GOOD:
            lost.append(f"moved by {total:.3f}: {shifts}")
        assert not lost, "\n".join(lost)

    async def _stands(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._page.evaluate(_STANDS)
        if self._field:
            found["typed"] = await self._field.evaluate("field => [field.value, field.selectionStart]")
        if self._read:
            found["reads"] = round(await self._read.evaluate("one => one.getBoundingClientRect().top"))
        return found


async def test_nothing_is_drawn_before_times_have_their_words(tabs: Tabs, stack: Stack) -> None:
    """Else lines break anew under the reader's eyes: a clock becomes a day and a clock, a name becomes "you"."""
    order_id = await Shop(stack).order()
    page = await tabs.page_for("ops", "/healthz")

    async def late(route: Route) -> None:
        await held.wait()
        await route.continue_()

    held = asyncio.Event()
    await page.route(re.compile(r"/js/(times|people)\.(\w+\.)?js"), late)
    await page.goto(f"/orders/{order_id}/", wait_until="commit")
    await aeventually(lambda: page.evaluate("!!document.querySelector('#order-head time')"), timeout=30)
    # A page that is drawn as soon as it can be takes two or three frames for it.
    await page.evaluate("() => new Promise(done => setTimeout(done, 500))")
    assert await page.evaluate(DRAWN) == 0
    held.set()
    assert await aeventually(lambda: page.evaluate(DRAWN), timeout=30)


async def test_a_moment_has_a_capital_where_it_begins_and_none_in_a_sentence(tabs: Tabs, stack: Stack) -> None:
    order_id = await Shop(stack).order()
    page = await tabs.page_for("ops", "/orders/?tab=all&sort=newest")
    await expect(page.locator(f"#row-{order_id} time[data-show=Ago]")).to_have_text(re.compile(r"Just now|\d+\sm ago"))
    await page.goto("/")
    told = page.locator(f"#home-events li:has(a[href*='{order_id}']) p").first
    # Its name, what happened without a full stop, and the moment.
    await expect(told).to_have_text(re.compile(r"placed for .*[^.] (just now|\d+\sm ago)$"))


DRAWN = "performance.getEntriesByType('paint').length"


@pytest.fixture(params=FEW + REST if IS_FULL else FEW)
def screen(request: pytest.FixtureRequest) -> Screen:
    return request.param


@pytest.mark.parametrize("made", [*SCENES, *IMPORTS], ids=lambda made: made.__name__)
async def test_stays_as_it_was(
    tabs: Tabs, stack: Stack, screen: Screen, made: Callable[[Shop], Awaitable[Scene]]
) -> None:
    scene = await made(Shop(stack))
    page = await tabs.page_for(scene.who, scene.address, viewport=screen[0], dark=screen[1])
    if scene.opens:
        await page.locator(scene.opens).click()
    watch = Watch(page)
    await watch.begin(scene.field, scene.focus, scene.reads)
    await scene.happens()
    await scene.seen(page)
    await watch.end()
