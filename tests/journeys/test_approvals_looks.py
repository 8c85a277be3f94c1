"""Every approval page at two widths and in two themes: nothing overflows, and axe-core finds nothing serious."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.lookout import FEW, IS_FULL, REST, Screen, look
from tests.stack import Stack

pytestmark = pytest.mark.soak

LONG = "a-word-without-any-place-to-break-it-" * 4


@dataclass(frozen=True)
class Requests:
    """One request in each state that looks different; all were asked by ``employee``."""

    waiting: str
    again: str
    changes: str
    rejected: str
    approved: str


@pytest.fixture(scope="session")
async def requests(stack: Stack) -> Requests:
    stack.manage("shell", "-c", POLICIES)
    async with stack.async_api("employee") as employee, stack.async_api("manager") as manager:
        sent = 0

        async def send(client: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
            nonlocal sent
            sent += 1
            answer = await client.post(path, json=body, headers={"Idempotency-Key": f"approval-looks-{sent}"})
            assert answer.is_success, answer.text
            found: dict[str, Any] = answer.json()
            return found

        async def ask(title: str) -> str:
            wish = {"kind": "other", "title": title, "description": LONG, "amount_cents": 1_840_000}
            request = await send(employee, "/api/approvals", wish)
            await visible(request["request_id"])
            return str(request["request_id"])

        async def visible(request_id: str) -> None:
            async def there() -> bool:
                return bool((await manager.get(f"/api/approvals/{request_id}")).is_success)

            await aeventually(there, timeout=20)

        async def act(client: Any, request_id: str, what: str, **body: Any) -> None:
            seen = (await client.get(f"/api/approvals/{request_id}")).json()["state_version"]
            await send(client, f"/api/approvals/{request_id}/{what}", {"state_version": seen, **body})

        waiting, again, changes = await ask(f"Waiting {LONG}"), await ask("Again"), await ask("Changes")
        rejected, approved = await ask("Rejected"), await ask("Approved")
        for request_id in (again, changes):
            await act(manager, request_id, "changes", comment=f"Cheaper: {LONG}")
        cheaper = {"title": "Again, cheaper", "description": "Less.", "amount_cents": 900_000}
        await send(employee, f"/api/approvals/{again}/resubmission", cheaper)
        await act(manager, rejected, "decisions", approved=False, comment=LONG)
        await act(manager, approved, "decisions", approved=True, comment="")
        return Requests(waiting, again, changes, rejected, approved)


POLICIES = """
from datetime import timedelta
from django.contrib.auth.models import User
from approvals.models import Policy, PolicyLevel
policy, created = Policy.objects.get_or_create(kind="other", department="", defaults={"name": "Everything else"})
policy.levels.all().delete()
level = PolicyLevel.objects.create(policy=policy, name="Manager", escalate_after=timedelta(hours=30))
level.users.set(User.objects.filter(username__in=["manager"]))
level.escalate_to.set(User.objects.filter(username="vp"))
"""


@pytest.fixture(params=FEW + REST if IS_FULL else FEW)
def screen(request: pytest.FixtureRequest) -> Screen:
    return request.param


class TestLooks:
    async def test_pages_of_who_decides(self, tabs: Tabs, requests: Requests, screen: Screen) -> None:
        page = await tabs.page_for("manager", "/approvals/", viewport=screen[0], dark=screen[1])
        await expect(page.locator(".req").first).to_be_visible()
        wrong = await look(page, "inbox")
        await page.locator(".req .check[name=item]").first.check()
        await expect(page.locator("#bulk")).to_be_visible()
        wrong += await look(page, "inbox with a selection")
        await page.locator("#bulk").get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("heading", name="Approve 1 request")).to_be_visible()
        wrong += await look(page, "bulk, once more")
        addresses = {
            "groups": "/approvals/?tab=groups",
            "decided": "/approvals/?tab=decided",
            "found": "/approvals/?q=novak",
            "nothing found": "/approvals/?kind=campaign&amount=large",
            "not found here": "/approvals/?tab=covering&q=novak",
            "waiting": f"/approvals/{requests.waiting}/",
            "again": f"/approvals/{requests.again}/",
            "changes wanted": f"/approvals/{requests.changes}/",
            "rejected": f"/approvals/{requests.rejected}/",
            "approved": f"/approvals/{requests.approved}/",
            "hand over": f"/approvals/{requests.waiting}/delegation/",
            "reject": f"/approvals/{requests.waiting}/decision/?decision=reject",
            "away": "/approvals/away/",
        }
        for what, address in addresses.items():
            await page.goto(address)
            await expect(page.locator("main")).to_be_visible()
            wrong += await look(page, what)
        assert not wrong, "\n".join(wrong)

    async def test_pages_of_who_asks(self, tabs: Tabs, requests: Requests, screen: Screen) -> None:
        page = await tabs.page_for("employee", "/approvals/new/", viewport=screen[0], dark=screen[1])
        await page.get_by_label("Kind").select_option("other")
        await expect(page.locator("#preview")).to_contain_text("Marta")
        wrong = await look(page, "new request")
        await page.get_by_role("button", name="Ask", exact=True).click()
        await expect(page.locator("[aria-invalid]").first).to_be_visible()
        wrong += await look(page, "new request with mistakes")
        for what, address in {
            "requested": "/approvals/?tab=requested",
            "empty": "/approvals/?tab=covering",
            "to be asked again": f"/approvals/{requests.changes}/",
            "the form to ask again": f"/approvals/{requests.changes}/resubmission/",
        }.items():
            await page.goto(address)
            await expect(page.locator("main")).to_be_visible()
            wrong += await look(page, what)
        assert not wrong, "\n".join(wrong)

    async def test_dialog(self, tabs: Tabs, requests: Requests, screen: Screen) -> None:
        page = await tabs.page_for("manager", f"/approvals/{requests.waiting}/", viewport=screen[0], dark=screen[1])
        await page.locator("#request-actions").get_by_role("link", name="Ask for changes").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        wrong = await look(page, "dialog")
        await page.get_by_role("dialog").get_by_role("button", name="Ask for changes").click()
        await expect(page.get_by_role("dialog").locator("[aria-invalid]")).to_be_visible()
        wrong += await look(page, "dialog with an error")
        assert not wrong, "\n".join(wrong)
