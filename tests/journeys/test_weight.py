"""No page weighs more than 150 KB when nothing of it is cached: the page and all that it loads, as it comes over the wire.

Every page that has an address of its own, with its lists full: those of the route table, and the admin's.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, CDPSession, Page, expect

from tests.browser import Tabs
from tests.conftest import open_tabs
from tests.dashboard.routes import ADMIN_MODELS, ADMIN_OWN, ROUTES
from tests.stack import Stack

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

MOST = 150_000
"""Bytes; 1 KB is 1,000 of them."""
ENTRIES = 80
"""Of the timeline of an order that much has been done to."""
_FRAGMENTS = (
    "live",
    "actions",
    "progress",
    "count",
    "line",
    "total",
    "suggestions",
    "mine",
    "now",
    "answer",
    "greeting",
    "preview",
)
_ELSEWHERE = (
    "import_id",
    "stop_id",
    "job_id",
    "attachment_id",
    "uidb64",
    "sign",
    ":pk",
    "oidc",
    "stampede",
    "fast-",
    "preview/<",
    "/temporal/",
)
"""Parts of addresses of which there is no page here: nothing stands there yet, it is in a frame, behind a link of its own, or
Temporal's."""
_WHO = {"orders": "ops", "technical": "ops", "approvals": "manager", "campaigns": "marketer", "styleguide": "admin"}


def pages() -> list[str]:
    """The routes that somebody opens in a browser; the others are fragments, downloads, and for programs."""
    found = ["api/docs"]
    for name, route in ROUTES.items():
        last = name.rstrip("/").rpartition("/")[2]
        is_page = (
            "GET" in route.rules and not name.startswith(("api/", "webhooks/")) and (name.endswith("/") or not name)
        )
        if is_page and last not in (*_FRAGMENTS, "export") and not any(part in name for part in _ELSEWHERE):
            found.append(name)
    return found


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("weight")) as stack:
        stack.manage("generate_rows", "--orders", "300", "--requests", "300", "--sends", "3000", "--beside-real-rows")
        # As many wait for one person as fit on a page, and more.
        stack.sql("UPDATE approvals_approvalrequest SET status = 'pending', closed_at = NULL, due_at = submitted_at")
        stack.sql("UPDATE approvals_involvement SET can_decide = 1, username = 'manager' WHERE role = 'approver'")
        yield stack


@pytest.fixture
async def tabs(browser: Browser, full: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Tabs]:
    async for opened in open_tabs(browser, full.base_url, request):
        yield opened


@pytest.fixture(scope="module")
def places(full: Stack) -> dict[str, str]:
    """What the places in the routes are filled with."""
    with full.api("ops") as api, full.api("marketer") as marketer:
        order = {
            "customer_id": "CUST-002",
            "customer_email": "jonas.lindqvist@example.com",
            "items": [{"sku": "MOUSE-001", "quantity": 1}],
        }
        order_id = api.post("/api/orders", json=order).json()["order_id"]
        for _ in range(ENTRIES):
            added = api.post(f"/api/orders/{order_id}/items", json={"sku": "CABLE-USBC", "quantity": 1})
            assert added.status_code == 200, added.text
        wanted = {"kind": "purchase", "title": "Chairs", "amount_cents": 10_000}
        request_id = api.post("/api/approvals", json=wanted).json()["request_id"]
        campaign_id = marketer.get("/api/campaigns").json()["items"][0]["campaign_id"]
    [(user_id,)] = full.sql("SELECT user_id FROM campaigns_contact ORDER BY user_id LIMIT 1")
    return {
        "order_id": order_id,
        "request_id": request_id,
        "campaign_id": campaign_id,
        "user_id": user_id,
        "workflow_id": f"order-{order_id}",
    }


def address_of(route: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        for kind in ("str", name, "contact_id", "person_id"):
            route = route.replace(f"<{kind}:{name}>", value)
    return f"/{route}"


async def weigh(page: Page, address: str) -> tuple[int, dict[str, int]]:
    """The page's status, and bytes by address, headers too, as the browser's own network log has them."""
    session: CDPSession = await page.context.new_cdp_session(page)
    names: dict[str, str] = {}
    bytes_of: dict[str, int] = {}
    session.on("Network.responseReceived", lambda it: names.update({it["requestId"]: it["response"]["url"]}))
    session.on("Network.loadingFinished", lambda it: bytes_of.update({it["requestId"]: int(it["encodedDataLength"])}))
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    answer = await page.goto(address, wait_until="networkidle", timeout=60_000)
    await expect(page.locator("main")).to_be_visible()
    await session.detach()
    weights = {names.get(key, key): number for key, number in bytes_of.items()}
    assert any(one.endswith(".css") for one in weights), "nothing was loaded anew"
    return answer.status if answer else 0, weights


async def too_heavy(page: Page, addresses: list[str]) -> list[str]:
    wrong = []
    for address in addresses:
        status, weights = await weigh(page, address)
        if status != 200:
            wrong.append(f"{address}: {status}")
        if (total := sum(weights.values())) > MOST:
            largest = [(one.rpartition("/static/")[2], size) for one, size in weights.items()]
            wrong.append(f"{address}: {total:,} bytes; {sorted(largest, key=lambda one: -one[1])[:6]}")
    return wrong


@pytest.mark.parametrize("area", ["", "orders", "approvals", "campaigns", "technical", "styleguide"])
async def test_pages(area: str, tabs: Tabs, places: dict[str, str]) -> None:
    first = [name.partition("/")[0] if name.partition("/")[0] in _WHO else "" for name in pages()]
    mine = [address_of(name, places) for name, its in zip(pages(), first, strict=True) if its == area]
    lists = {"orders": ["/orders/?tab=all"], "approvals": ["/approvals/?tab=all"], "": ["/search/?q=jonas"]}
    page = await tabs.page_for(_WHO.get(area, "ops"), "/accounts/profile/")
    wrong = await too_heavy(page, [*mine, *lists.get(area, ())])
    assert not wrong, "\n".join(wrong)


async def test_what_much_was_done_to_is_shown_whole(tabs: Tabs, places: dict[str, str]) -> None:
    """Else its page would weigh little for the wrong reason."""
    page = await tabs.page_for("ops", f"/orders/{places['order_id']}/")
    assert await page.locator(".timeline > li").count() > ENTRIES / 2


@pytest.mark.parametrize("app", sorted(ADMIN_MODELS))
async def test_the_admin_site(app: str, tabs: Tabs, full: Stack) -> None:
    page = await tabs.page_for("admin", "/admin/")
    may_not_add: list[str] = []
    wrong: list[str] = []
    for model in ADMIN_MODELS[app].split():
        list_address = f"/admin/{app}/{model}/"
        wrong += await too_heavy(page, [list_address])
        row = page.locator("#result_list tbody th a").first
        row_address = await row.get_attribute("href") if await row.count() else None
        if row_address:
            wrong += await too_heavy(page, [row_address])
        answer = await page.context.request.get(f"{list_address}add/")
        if answer.status == 200:
            wrong += await too_heavy(page, [f"{list_address}add/"])
        else:
            may_not_add.append(model)
    own = [name for name in ADMIN_OWN if name.startswith(f"{app}/") and "<" not in name]
    if app == "auth":
        own += ["auth/user/1/password/"]
    wrong += [one for one in await too_heavy(page, [f"/admin/{name}" for name in own]) if not one.endswith("405")]
    assert may_not_add != ADMIN_MODELS[app].split() or app == "admin"
    assert not wrong, "\n".join(wrong)
