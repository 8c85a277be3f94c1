"""Configuration, one's own account and what is behind the curtain: nothing overflows, and axe-core finds nothing serious."""

import pytest
from playwright.async_api import Page, expect

from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.desk import order_id_of, place_order, sees_status
from tests.journeys.lookout import FEW, IS_FULL, REST, Screen
from tests.journeys.lookout import look as look_with_styles
from tests.stack import Stack

pytestmark = pytest.mark.soak


@pytest.fixture(params=FEW + REST if IS_FULL else FEW)
def screen(request: pytest.FixtureRequest) -> Screen:
    return request.param


async def look(page: Page, what: str) -> list[str]:
    """The stylesheet of the admin site imports Django's."""
    return await look_with_styles(page, what, preload=False)


async def look_at(page: Page, addresses: dict[str, str]) -> list[str]:
    wrong = []
    for what, address in addresses.items():
        answer = await page.goto(address)
        assert answer is not None
        assert answer.ok, f"{what}: {answer.status}"
        await expect(page.locator("main h1").first).to_be_visible()
        wrong += await look(page, what)
    return wrong


def one(stack: Stack, query: str) -> int:
    return int(stack.sql(query)[0][0])


class TestLooks:
    async def test_configuration(self, tabs: Tabs, stack: Stack, screen: Screen) -> None:
        policy = one(stack, "SELECT min(policy_id) FROM approvals_policylevel")
        product = one(stack, "SELECT min(id) FROM orders_product")
        manager = one(stack, "SELECT id FROM auth_user WHERE username = 'manager'")
        group = one(stack, "SELECT min(id) FROM auth_group")
        page = await tabs.page_for("admin", "/admin/", viewport=screen[0], dark=screen[1])
        # A change, so that there is a history.
        await page.goto(f"/admin/auth/user/{manager}/change/")
        await page.locator("[name=email]").fill("marta@example.com")
        await page.locator("[name=_continue]").click()
        await expect(page.locator(".messagelist")).to_be_visible()
        wrong = await look(page, "a person who was changed")
        wrong += await look_at(
            page,
            {
                "index": "/admin/",
                "changelist": "/admin/orders/product/",
                "changelist with a search": "/admin/auth/user/?q=m&is_active__exact=1",
                "nothing found": "/admin/orders/product/?q=no-such-product",
                "policy": f"/admin/approvals/policy/{policy}/change/",
                "new policy": "/admin/approvals/policy/add/",
                "product": f"/admin/orders/product/{product}/change/",
                "history": f"/admin/auth/user/{manager}/history/",
                "all changes": "/admin/changes/",
                "role": f"/admin/auth/group/{group}/change/",
                "delete": f"/admin/orders/product/{product}/delete/",
                "what cannot be deleted": f"/admin/auth/user/{manager}/delete/",
                "records": "/admin/orders/order/",
            },
        )
        assert not wrong, "\n".join(wrong)

    async def test_questions_and_mistakes(self, tabs: Tabs, stack: Stack, screen: Screen) -> None:
        vp = one(stack, "SELECT id FROM auth_user WHERE username = 'vp'")
        page = await tabs.page_for("admin", f"/admin/auth/user/{vp}/change/", viewport=screen[0], dark=screen[1])
        await page.locator("[name=is_active]").uncheck()
        await page.locator("[name=_save]").click()
        await expect(page.get_by_role("heading", name="Do you mean it?")).to_be_visible()
        wrong = await look(page, "the question before a change")
        await page.goto("/admin/approvals/policy/add/")
        await page.get_by_role("button", name="Add another Policy level").click()
        await expect(page.locator(".selector:visible")).to_have_count(2)
        wrong += await look(page, "new policy with a level more")
        await page.locator("[name=_save]").click()
        await expect(page.locator(".errornote")).to_be_visible()
        wrong += await look(page, "new policy with mistakes")
        assert not wrong, "\n".join(wrong)

    async def test_roles_of_a_person(self, tabs: Tabs, stack: Stack) -> None:
        """They are ticked one by one, and a policy's people are chosen in boxes whose parts have names."""
        policy = one(stack, "SELECT min(policy_id) FROM approvals_policylevel")
        page = await tabs.page_for("admin", "/admin/auth/user/add/")
        await page.locator("[name=username]").fill("looks")
        for name in ("password1", "password2"):
            await page.locator(f"[name={name}]").fill("correct-horse-battery")
        await page.locator("[name=_save]").click()
        await page.get_by_label("Auditors").check()
        await page.get_by_label("Staff", exact=True).check()
        await page.locator("[name=_continue]").click()
        # The page that one was sent to when the person was added looks the same, and has a message too.
        await expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
        await expect(page.locator("[name=groups]:checked")).to_have_count(2)
        await page.goto(f"/admin/approvals/policy/{policy}/change/")
        await expect(page.get_by_role("img", name="filter down the list of available").first).to_be_attached()

    async def test_account(self, tabs: Tabs, screen: Screen) -> None:
        page = await tabs.page_for("manager", "/accounts/profile/", viewport=screen[0], dark=screen[1])
        await page.goto("/accounts/password/")
        await page.locator("main form button[type=submit]").first.click()
        await expect(page.locator("[aria-invalid]").first).to_be_visible()
        wrong = await look(page, "password with mistakes")
        assert not wrong, "\n".join(wrong)

    async def test_behind_the_curtain(self, tabs: Tabs, screen: Screen) -> None:
        page = await tabs.page_for("ops", "/", viewport=screen[0], dark=screen[1])
        await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        order = order_id_of(page)
        address = await page.locator("#to-technical").get_attribute("href")
        assert address is not None

        async def drawn() -> bool:
            await page.goto(address)
            return "MOUSE-001" in await page.locator("main").inner_text() or order in await page.title()

        await aeventually(drawn, timeout=10)
        wrong = await look(page, "technical view")
        wrong += await look_at(page, {"call stack": f"{address}stack/"})
        assert not wrong, "\n".join(wrong)
