"""What a person does with orders in the browser, by the words on the screen."""

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

ORDER_PAGE = re.compile(r"/orders/(ORD-[0-9]{8}-[0-9]{6}-[0-9a-z]+)/$")
# Generous, because a busy machine is not what these tests are about; the soak measures times.
LIVE = 15_000


async def place_order(page: Page, *lines: tuple[str, int], customer: str = "CUST-001") -> str:
    """Fills in the new-order form, sends it, and returns the id of the order whose page comes up."""
    await page.goto("/orders/new/")
    await fill_order(page, *lines, customer=customer)
    await page.get_by_role("button", name="Place order").click()
    await page.wait_for_url(ORDER_PAGE)
    return order_id_of(page)


async def fill_order(page: Page, *lines: tuple[str, int], customer: str = "CUST-001") -> None:
    await page.get_by_label("Customer number or name").fill(customer)
    # Mail and address of a known customer come by themselves.
    await expect(page.get_by_label("E-mail")).not_to_have_value("")
    for number, (sku, quantity) in enumerate(lines):
        if number:
            await page.get_by_role("button", name="Add an item").click()
        await expect(page.get_by_label("Product")).to_have_count(number + 1)
        await page.get_by_label("Product").nth(number).select_option(sku)
        await page.get_by_label("Quantity").nth(number).fill(str(quantity))


def order_id_of(page: Page) -> str:
    match = ORDER_PAGE.search(page.url)
    assert match, f"not an order's page: {page.url}"
    return match.group(1)


def status_of(page: Page) -> Locator:
    """The pill beside the order's id."""
    return page.locator("#order-head .status")


async def sees_status(page: Page, word: str, timeout: float = LIVE) -> None:
    await expect(status_of(page)).to_have_text(word, timeout=timeout)


async def sees_event(page: Page, words: str, timeout: float = LIVE) -> None:
    await expect(page.locator(".timeline")).to_contain_text(words, timeout=timeout)


def action(page: Page, name: str) -> Locator:
    """An action of the "What you can do" card by its label, allowed or not."""
    return (
        page.locator("#order-actions")
        .get_by_role("link", name=name)
        .or_(page.locator("#order-actions").get_by_role("button", name=name))
    )


async def open_dialog(page: Page, name: str) -> Locator:
    await page.locator("#order-actions").get_by_role("link", name=name).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    return dialog


async def act(page: Page, name: str, submit: str, **fields: Any) -> Locator:
    """Opens an action's dialog, fills in ``fields`` (by label, ``_`` for a space) and sends it. Returns the dialog."""
    dialog = await open_dialog(page, name)
    for label, value in fields.items():
        field = dialog.get_by_label(label.replace("_", " "))
        if await field.evaluate("element => element.tagName") == "SELECT":
            await field.select_option(value)
        else:
            await field.fill(value)
    await dialog.get_by_role("button", name=submit, exact=True).click()
    return dialog


async def pay(page: Page, card: str = "tok_visa") -> Locator:
    return await act(page, "Take a card payment", "Take the payment", Card_token=card)


async def ship(page: Page, carrier: str = "DHL", tracking: str = "00340434161094015902") -> Locator:
    return await act(page, "Mark as shipped", "Mark as shipped", Carrier=carrier, Tracking_number=tracking)


async def deliver(page: Page, received_by: str = "A. Okafor") -> Locator:
    return await act(page, "Mark as delivered", "Mark as delivered", Received_by=received_by)


async def cancel(page: Page, reason: str = "Ordered twice.") -> Locator:
    dialog = await open_dialog(page, "Cancel order")
    await dialog.get_by_label("Reason").fill(reason)
    typed = dialog.locator("#f-typed:visible")
    if await typed.count():  # a paid one is named once more
        await typed.fill(page.url.rstrip("/")[-4:])
    await dialog.get_by_role("button", name="Cancel the order", exact=True).click()
    return dialog
