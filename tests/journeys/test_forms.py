import asyncio
import re

import httpx
import pytest
from playwright.async_api import expect

from tests.browser import Tabs, log_in
from tests.journeys.desk import ORDER_PAGE, fill_order, open_dialog, order_id_of, place_order, sees_event, sees_status
from tests.stack import Stack


class TestLogIn:
    async def test_goes_on_where_you_were(self, tabs: Tabs, stack: Stack) -> None:
        page = await tabs.anonymous("/orders/?tab=attention")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        await log_in(page, "ops")
        assert page.url == f"{stack.base_url}/orders/?tab=attention"
        await page.get_by_role("button", name="your account").click()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    @pytest.mark.soak
    async def test_a_wrong_password_is_told_and_the_name_kept(self, tabs: Tabs) -> None:
        page = await tabs.anonymous("/accounts/login/")
        await page.get_by_label("User name").fill("ops")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Log in", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
        await expect(page.get_by_label("User name")).to_have_value("ops")

    @pytest.mark.soak
    async def test_the_demo_offers_its_people(self, tabs: Tabs) -> None:
        page = await tabs.anonymous("/accounts/login/")
        await page.get_by_role("button", name="director").click()
        await expect(page.get_by_role("button", name="Daniel Osei, your account")).to_be_visible()

    @pytest.mark.soak
    async def test_a_foreign_address_is_not_gone_on_to(self, tabs: Tabs, stack: Stack) -> None:
        page = await tabs.anonymous("/accounts/login/?next=https://example.com/")
        await log_in(page, "ops")
        assert page.url.startswith(stack.base_url)


class TestOrderForm:
    async def test_shows_price_and_stock_while_it_is_filled_in(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops", "/orders/new/")
        await fill_order(page, ("LAPTOP-001", 2), ("CABLE-USBC", 10))
        await expect(page.locator("#order-total")).to_contain_text("$2,748.98")
        await page.get_by_label("Quantity").first.fill("9000")
        await expect(page.locator("#lines")).to_contain_text(re.compile(r"1,?\d\d\d"))

    @pytest.mark.soak
    async def test_a_mistake_keeps_what_was_typed(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops", "/orders/new/")
        await fill_order(page, ("LAPTOP-001", 2))
        await page.get_by_label("E-mail").fill("no address")
        await page.get_by_label("Quantity").fill("many")
        await page.get_by_role("button", name="Place order").click()
        await expect(page.get_by_label("E-mail")).to_have_value("no address")
        await expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_label("Quantity")).to_have_value("many")
        await page.get_by_label("E-mail").fill("amara.okafor@example.com")
        await page.get_by_label("Quantity").fill("1")
        await page.get_by_role("button", name="Place order").click()
        await page.wait_for_url(ORDER_PAGE)

    async def test_pressed_twice_places_one_order(self, tabs: Tabs, stack: Stack) -> None:
        page = await tabs.page_for("ops", "/orders/new/")
        await fill_order(page, ("MOUSE-001", 1), customer="CUST-007")
        before = _orders_of(stack, "CUST-007")
        await page.get_by_role("button", name="Place order").dblclick()
        await page.wait_for_url(ORDER_PAGE)
        await sees_status(page, "Waiting for payment")
        assert _orders_of(stack, "CUST-007") == before + 1

    @pytest.mark.soak
    async def test_an_out_of_date_form_says_so_and_changes_nothing(self, tabs: Tabs, stack: Stack) -> None:
        page = await tabs.page_for("ops", "/orders/new/")
        await fill_order(page, ("MOUSE-001", 1), customer="CUST-006")
        before = _orders_of(stack, "CUST-006")
        await page.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": stack.base_url}])
        await page.get_by_role("button", name="Place order").click()
        await expect(page.get_by_role("heading", name="This form is out of date")).to_be_visible()
        assert _orders_of(stack, "CUST-006") == before


class TestDialog:
    async def test_half_typed_input_survives_a_live_change(self, tabs: Tabs, stack: Stack) -> None:
        page = await tabs.page_for("ops")
        order_id = await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        dialog = await open_dialog(page, "Cancel order")
        reason = dialog.get_by_label("Reason")
        await reason.press_sequentially("The customer wrote that")
        with stack.api("ops") as api:
            added = api.post(
                f"/api/orders/{order_id}/items",
                json={"sku": "KEYBOARD-001", "quantity": 1},
                headers={"Idempotency-Key": f"live-{order_id}"},
            )
            assert added.status_code == 200, added.text
        await expect(page.locator("#item-KEYBOARD-001")).to_be_attached(timeout=15_000)
        await expect(reason).to_have_value("The customer wrote that")
        await expect(reason).to_be_focused()
        await reason.press_sequentially(" it was too late.")
        await dialog.get_by_role("button", name="Cancel the order", exact=True).click()
        await sees_status(page, "Cancelled")
        await sees_event(page, "The customer wrote that it was too late.")

    @pytest.mark.soak
    async def test_a_logged_out_session_is_told_in_the_dialog(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops")
        await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        dialog = await open_dialog(page, "Take a card payment")
        await dialog.get_by_label("Card token").fill("tok_visa")
        await page.context.clear_cookies()
        await dialog.get_by_role("button", name="Take the payment").click()
        await expect(dialog.or_(page.get_by_role("heading", name="Log in")).first).to_contain_text(
            re.compile("out of date|log in", re.IGNORECASE)
        )

    @pytest.mark.soak
    async def test_works_as_a_page_without_scripts(self, tabs: Tabs, stack: Stack) -> None:
        with stack.api("ops") as api:
            order = {
                "customer_id": "CUST-002",
                "customer_email": "jonas.lindqvist@example.com",
                "items": [{"sku": "MOUSE-001", "quantity": 1}],
            }
            placed = api.post("/api/orders", json=order, headers={"Idempotency-Key": "no-scripts"})
            assert placed.status_code == 201, placed.text
        order_id = placed.json()["order_id"]
        context = await tabs.context(java_script=False)
        page = await context.new_page()
        await page.goto("/accounts/login/")
        await log_in(page, "ops")
        await page.goto(f"/orders/{order_id}/")
        await page.locator("#order-actions").get_by_role("link", name="Take a card payment").click()
        await page.get_by_label("Card token").fill("tok_visa")
        await page.get_by_role("button", name="Take the payment").click()
        await page.wait_for_url(ORDER_PAGE)
        assert order_id_of(page) == order_id
        await expect(page.locator(".timeline")).to_contain_text("started")


@pytest.mark.soak
class TestSameFormManyTimes:
    """As ``tests/soak/test_once.py``, with a browser that looks on."""

    async def test_twenty_at_once_place_one_order(self, stack: Stack) -> None:
        async with httpx.AsyncClient(base_url=stack.base_url, timeout=30, follow_redirects=True) as browser:
            await _log_in_without_browser(browser, "ops")
            form = (await browser.get("/orders/new/")).text
            fields = _hidden_fields(form) | {
                "customer": "CUST-004",
                "customer_email": "lucia.fernandez@example.com",
                "sku": "MOUSE-001",
                "quantity": "1",
            }
            before = _orders_of(stack, "CUST-004")
            answers = await _twenty(browser, "/orders/new/", fields)
        assert {answer.status_code for answer in answers} == {200}
        assert len({str(answer.url) for answer in answers}) == 1
        assert _orders_of(stack, "CUST-004") == before + 1

    async def test_twenty_at_once_add_one_item(self, tabs: Tabs, stack: Stack) -> None:
        page = await tabs.page_for("ops")
        order_id = await place_order(page, ("LAPTOP-001", 1))
        await sees_status(page, "Waiting for payment")
        async with httpx.AsyncClient(base_url=stack.base_url, timeout=30, follow_redirects=True) as browser:
            await _log_in_without_browser(browser, "ops")
            form = (await browser.get(f"/orders/{order_id}/items/")).text
            fields = _hidden_fields(form) | {"sku": "MOUSE-001", "quantity": "2"}
            answers = await _twenty(browser, f"/orders/{order_id}/items/", fields)
        assert {answer.status_code for answer in answers} == {200}
        await expect(page.locator("#item-MOUSE-001 td").nth(2)).to_have_text("2", timeout=15_000)
        with stack.api("employee") as api:
            items = {line["sku"]: line["quantity"] for line in api.get(f"/api/orders/{order_id}").json()["items"]}
        assert items == {"LAPTOP-001": 1, "MOUSE-001": 2}


async def _twenty(browser: httpx.AsyncClient, path: str, fields: dict[str, str]) -> list[httpx.Response]:
    return await asyncio.gather(*(browser.post(path, data=fields) for _ in range(20)))


async def _log_in_without_browser(browser: httpx.AsyncClient, username: str) -> None:
    form = (await browser.get("/accounts/login/")).text
    sent = await browser.post(
        "/accounts/login/", data=_hidden_fields(form) | {"username": username, "password": "demo"}
    )
    assert sent.url.path == "/"


def _hidden_fields(html: str) -> dict[str, str]:
    """The first value of each hidden field of the page's forms."""
    main = html[html.index("<main") :]
    fields: dict[str, str] = {}
    for tag in re.findall(r'<input[^>]*type="hidden"[^>]*>', main):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        fields.setdefault(attributes["name"], attributes.get("value", ""))
    return fields


def _orders_of(stack: Stack, customer_id: str) -> int:
    return int(stack.sql("SELECT count(*) FROM orders_order WHERE customer_id = ?", customer_id)[0][0])
