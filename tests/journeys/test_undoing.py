import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.browser import Tabs
from tests.journeys.desk import LIVE, cancel, open_dialog, pay, place_order, sees_event, sees_status, status_of
from tests.stack import Stack


def stock_of(stack: Stack, sku: str) -> int:
    return int(stack.sql("SELECT stock FROM orders_product WHERE sku = ?", sku)[0][0])


def books(stack: Stack, order_id: str) -> tuple[int, int]:
    """Cents charged and cents refunded, by the provider's own books."""
    rows = stack.sql(
        "SELECT amount_cents, refunded_cents FROM orders_sandboxcharge WHERE order_id = ? AND is_charged", order_id
    )
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


class TestCancellation:
    @pytest.mark.soak
    async def test_before_payment_gives_the_stock_back(self, tabs: Tabs, stack: Stack) -> None:
        before = stock_of(stack, "ARM-001")
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("ARM-001", 3))
        await sees_status(ops, "Waiting for payment")
        assert stock_of(stack, "ARM-001") == before - 3
        await cancel(ops, "The customer has changed her mind.")
        await sees_status(ops, "Cancelled")
        await sees_event(ops, "changed her mind")
        assert stock_of(stack, "ARM-001") == before
        assert books(stack, order_id) == (0, 0)

    async def test_after_payment_gives_the_money_back_too(self, tabs: Tabs, stack: Stack) -> None:
        before = stock_of(stack, "DOCK-001")
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("DOCK-001", 2))
        await sees_status(ops, "Waiting for payment")
        await pay(ops)
        await sees_status(ops, "Paid")
        await cancel(ops)
        await sees_status(ops, "Refunded")
        assert books(stack, order_id) == (37_900, 37_900)
        assert stock_of(stack, "DOCK-001") == before

    @pytest.mark.soak
    async def test_against_a_payment_from_two_browsers_ends_in_one_of_two_ways(self, tabs: Tabs, stack: Stack) -> None:
        """A few times here; the soak does it a hundred times."""
        first, second = await asyncio.gather(tabs.page_for("ops"), tabs.page_for("ops"))
        for _ in range(3):
            order_id = await place_order(first, ("SLEEVE-014", 1))
            await sees_status(first, "Waiting for payment")
            await second.goto(f"/orders/{order_id}/")
            payment = await open_dialog(first, "Take a card payment")
            await payment.get_by_label("Card token").fill("tok_visa")
            cancellation = await open_dialog(second, "Cancel order")
            await asyncio.gather(
                payment.get_by_role("button", name="Take the payment").click(),
                cancellation.get_by_role("button", name="Cancel the order", exact=True).click(),
            )
            # Each is answered: done, which closes the dialog, or refused with a sentence in it.
            for page in (first, second):
                refusal = page.locator("#dialog [role=alert], #dialog [aria-invalid]")
                await expect(refusal.or_(page.locator("body:not(:has(#dialog[open]))")).first).to_be_visible()
            if await cancellation.is_visible():
                await sees_status(first, "Paid")
                assert books(stack, order_id) == (3_950, 0)
            else:
                await expect(status_of(first)).to_have_text(re.compile("Cancelled|Refunded"), timeout=LIVE)
                charged, returned = books(stack, order_id)
                assert charged == returned


@pytest.mark.soak
class TestDeclinedCard:
    async def test_keeps_the_dialog_and_takes_another_card(self, tabs: Tabs, stack: Stack) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("WEBCAM-004", 1))
        await sees_status(ops, "Waiting for payment")
        dialog = await pay(ops, "tok_declined")
        field = dialog.get_by_label("Card token")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(dialog).to_contain_text("declined")
        await sees_event(ops, "declined")
        await field.fill("tok_visa")
        await dialog.get_by_role("button", name="Take the payment").click()
        await expect(dialog).to_be_hidden()
        await sees_status(ops, "Paid")
        assert books(stack, order_id) == (8_990, 0)

    async def test_a_card_that_times_out_shows_its_tries(self, tabs: Tabs, stack: Stack) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("WEBCAM-004", 1))
        await sees_status(ops, "Waiting for payment")
        await pay(ops, "tok_flaky")
        await sees_event(ops, "did not answer in time")
        await sees_status(ops, "Paid")
        assert books(stack, order_id) == (8_990, 0)


@pytest.mark.soak
class TestShortage:
    async def test_names_the_short_line_and_is_amended(self, tabs: Tabs, stack: Stack) -> None:
        ops = await tabs.page_for("ops")
        available = stock_of(stack, "LIMITED-010")
        await place_order(ops, ("LIMITED-010", available + 2), ("MOUSE-001", 1))
        await sees_status(ops, "Needs attention")
        await expect(ops.locator("#item-LIMITED-010")).to_contain_text(str(available))
        dialog = await open_dialog(ops, "Remove an item")
        await dialog.get_by_label("Product").select_option("LIMITED-010")
        await dialog.get_by_label("Quantity").fill(str(available + 1))
        await dialog.get_by_role("button", name="Remove", exact=True).click()
        await sees_status(ops, "Waiting for payment")
        assert stock_of(stack, "LIMITED-010") == available - 1
        await cancel(ops)
        await sees_status(ops, "Cancelled")
