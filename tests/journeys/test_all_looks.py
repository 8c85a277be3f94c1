"""All pages of ``every_page``, in every size and theme: nothing overflows, nothing moves, axe-core finds nothing serious."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from django.conf import settings
from playwright.async_api import Browser, expect

from tests.browser import Tabs
from tests.conftest import open_tabs
from tests.dashboard.routes import ROUTES
from tests.journeys.desk import LIVE
from tests.journeys.every_page import ANYBODY, AT_THE_END, NO_PAGE, VISITS, Names, Visit
from tests.journeys.lookout import FEW, IS_FULL, REST, Looks, Screen, moved
from tests.stack import Stack


def test_each_page_is_looked_at() -> None:
    """A route is visited, or it is said why it is no page. Not both, and nothing else is."""
    answers_get = {route for route, about in ROUTES.items() if "GET" in about.rules}
    visited, excused = {visit.route for visit in (*VISITS, *AT_THE_END)}, set[str]().union(*NO_PAGE.values())
    assert not answers_get - visited - excused, "no looks test knows these pages: see every_page.py"
    assert not (visited | excused) - answers_get, "there is no such page any more"
    assert not visited & excused
    assert sum(map(len, NO_PAGE.values())) == len(excused), "one has two reasons"


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: at the end, everything on it is stopped."""
    with Stack(tmp_path_factory.mktemp("furnished")) as running:
        running.manage("demo", "--requests")
        yield running


@pytest.fixture(scope="module")
def names(furnished: Stack) -> Names:
    script = "from tests.journeys.furnishing import print_names; print_names()"
    found: Names = json.loads(furnished.manage("shell", "-v", "0", "-c", script).splitlines()[-1])
    return found


@pytest.fixture
async def tabs(browser: Browser, furnished: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Tabs]:
    async for opened in open_tabs(browser, furnished.base_url, request):
        yield opened


@pytest.fixture(params=FEW + REST if IS_FULL else FEW)
def screen(request: pytest.FixtureRequest) -> Screen:
    return request.param


class Round:
    """Looks at one page after the other, each in the window of whom it is for."""

    def __init__(self, tabs: Tabs, names: Names, screen: Screen) -> None:
        self._tabs = tabs
        self._names = names
        self._screen = screen
        self._looks: dict[str, Looks] = {}

    async def looks_of(self, who: str) -> Looks:
        if who not in self._looks:
            viewport, dark = self._screen
            opened = self._tabs.page_for(who, "/healthz", viewport=viewport, dark=dark) if who != ANYBODY else None
            page = await (opened or self._tabs.anonymous("/healthz", viewport=viewport, dark=dark))
            self._looks[who] = Looks(page)
        return self._looks[who]

    async def visit(self, visit: Visit) -> None:
        looks = await self.looks_of(visit.who)
        if visit.first is not None:
            self._names |= await visit.first(looks.page, self._names)
        answer = await looks.page.goto(visit.address(self._names))
        assert answer is not None
        # A page that says no, at the address of one that is looked at, would look good too.
        looks.wrong += [f"{visit.what}: {answer.status}"] if not answer.ok else []
        await expect(looks.page.locator(visit.ready).first).to_be_visible(timeout=LIVE)
        await looks.here(visit.what)
        looks.wrong += await moved(looks.page, visit.what)

    def end(self) -> None:
        wrong = [one for looks in self._looks.values() for one in looks.wrong]
        assert not wrong, "\n".join(wrong)


@pytest.mark.soak
@pytest.mark.timeout(900)
class TestLooks:
    async def test_pages(self, tabs: Tabs, names: Names, screen: Screen) -> None:
        tour = Round(tabs, names, screen)
        for visit in VISITS:
            await tour.visit(visit)
        tour.end()

    @pytest.mark.parametrize(
        ("who", "address"),
        [
            ("ops", "/orders/{order_id}/"),
            ("ops", "/orders/{paid}/"),
            ("manager", "/approvals/{request_id}/"),
            ("employee", "/approvals/{changes}/"),
            ("marketer", "/campaigns/{campaign_id}/"),
            ("marketer", "/campaigns/{draft}/"),
            ("marketer", "/campaigns/users/{user_id}/"),
            ("marketer", "/campaigns/"),
        ],
    )
    async def test_dialogs(self, tabs: Tabs, names: Names, screen: Screen, who: str, address: str) -> None:
        """Each one that opens from a page; the countdown's fast-forward is one of them."""
        page = await tabs.page_for(who, address.format(**names), viewport=screen[0], dark=screen[1])
        looks, dialog = Looks(page), page.locator("#dialog")
        openers = page.locator("main [hx-target='#dialog-body'][id]:visible")
        await expect(openers.first).to_be_visible(timeout=LIVE)
        for opener in [await one.get_attribute("id") for one in await openers.all()]:
            await page.locator(f"#{opener}").click()
            await expect(dialog.locator("#dialog-title")).to_be_visible()
            await looks.here(f"dialog {address.format(**dict.fromkeys(names, 'of'))} {opener}")
            await page.keyboard.press("Escape")
            await expect(dialog).to_be_hidden()
        looks.end()

    async def test_menus(self, tabs: Tabs, screen: Screen) -> None:
        page = await tabs.page_for("admin", "/orders/", viewport=screen[0], dark=screen[1])
        looks = Looks(page)
        await page.keyboard.press("?")
        await expect(page.get_by_role("heading", name="Shortcuts")).to_be_visible()
        await looks.here("shortcuts")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="your account").click()
        await expect(page.get_by_role("button", name="Log out")).to_be_visible()
        await looks.here("account menu")
        looks.end()

    async def test_problems(self, tabs: Tabs, screen: Screen) -> None:
        """What says no, to who is logged in and to who is not."""
        tabs.expect("status of 500")
        viewport, dark = screen
        page = await tabs.page_for("employee", "/healthz", viewport=viewport, dark=dark)
        looks = Looks(page)
        await looks.at("problem 403", "/orders/unmatched/", ".empty h1")
        await looks.at("problem 404", "/orders/ORD-20200101-000000-zzzz/", ".empty h1")
        await page.route("**/broken/", lambda route: route.fulfill(status=500, body=BROKEN, content_type="text/html"))
        await looks.at("problem 500", "/broken/", ".empty h1")
        await page.goto("/approvals/new/")
        await page.evaluate(
            """() => {
                const form = document.querySelector("main form[method=post]");
                for (let number = 0; number < 1100; number++) {
                    const field = Object.assign(document.createElement("input"), {type: "hidden", name: `f${number}`});
                    form.append(field);
                }
                form.submit();
            }"""
        )
        await expect(page.get_by_role("heading", name="This request could not be read")).to_be_visible()
        await looks.here("problem 400")
        await page.goto("/approvals/new/")
        await page.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": tabs.base_url}])
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.get_by_role("heading", name="This form is out of date")).to_be_visible()
        await looks.here("problem 403, a form")
        looks.end()
        stranger = await tabs.anonymous("/healthz", viewport=viewport, dark=dark)
        out = Looks(stranger)
        await out.at("problem 404, not logged in", "/no/such/page/", ".empty h1")
        await stranger.goto("/accounts/login/")
        for _ in range(6):
            if await stranger.get_by_label("User name").count():
                await stranger.get_by_label("User name").fill(f"nobody-{viewport['width']}-{dark}")
                await stranger.get_by_label("Password").fill("wrong")
                await stranger.get_by_role("button", name="Log in", exact=True).click()
        await expect(stranger.get_by_role("heading", name="Too many requests")).to_be_visible()
        await out.here("problem 429")
        out.end()

    async def test_nothing_runs_any_more(self, tabs: Tabs, names: Names, screen: Screen) -> None:
        tour = Round(tabs, names, screen)
        for visit in AT_THE_END:
            await tour.visit(visit)
        tour.end()

    async def test_temporal_is_away(self, tabs: Tabs, names: Names, furnished: Stack, screen: Screen) -> None:
        """Pages and forms are drawn from what was saved; what has to be done or asked now says that it cannot be."""
        furnished.stop_temporal()
        try:
            tour = Round(tabs, names, screen)
            for who, address in {
                "ops": "/orders/{order_id}/",
                "manager": "/approvals/{request_id}/",
                "marketer": "/campaigns/{campaign_id}/",
            }.items():
                looks = await tour.looks_of(who)
                await looks.at(f"away {address}", address.format(**names), "main h1")
                await looks.at(f"away, home of {who}", "/", "main h1")
            looks = await tour.looks_of("ops")
            await looks.at("away, health", "/health/", "main h1")
            await looks.at("away, a form", f"/orders/{names['order_id']}/payment/", "main h1")
            await looks.page.get_by_label("Card token").fill("tok_visa")
            await looks.page.get_by_role("button", name="Take the payment").click()
            await expect(looks.page.get_by_role("heading", name="It could not be sent")).to_be_visible(timeout=LIVE)
            await looks.here("away, a form that was sent")
            curtain = f"/technical/order-{names['order_id']}/"
            await looks.at("away, behind the curtain", curtain, "text=Temporal cannot be asked now")
            tour.end()
        finally:
            furnished.start_temporal()


BROKEN = (settings.BASE_DIR / "templates/500.html").read_text()
"""It stands by itself, and takes nothing from what has failed."""
