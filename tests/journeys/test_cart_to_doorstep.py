import pytest
from playwright.async_api import expect

from tests.browser import Tabs
from tests.eventually import aeventually
from tests.journeys.desk import action, deliver, order_id_of, pay, place_order, sees_event, sees_status, ship
from tests.soak.mailserver import MailServer, plain_of


class TestCartToDoorstep:
    async def test_a_second_person_sees_each_step_by_itself(self, tabs: Tabs, mails: MailServer) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("LAPTOP-001", 1), ("MOUSE-001", 2), ("KEYBOARD-001", 1))
        watcher = await tabs.page_for("employee", f"/orders/{order_id}/")
        loads = 0

        def loaded() -> None:
            nonlocal loads
            loads += 1

        watcher.on("load", loaded)

        for page in (ops, watcher):
            await sees_status(page, "Waiting for payment")
            await expect(page.locator(".order-items tfoot")).to_contain_text("$1,439.96")
            await expect(page.locator("#order-now")).to_contain_text("cancel")

        await pay(ops)
        for page in (ops, watcher):
            await sees_status(page, "Paid")
            await sees_event(page, "1,439.96 received")

        await ship(ops)
        for page in (ops, watcher):
            await sees_status(page, "Shipped")
            await sees_event(page, "00340434161094015902")

        await deliver(ops)
        for page in (ops, watcher):
            await sees_status(page, "Delivered")
            await sees_event(page, "A. Okafor")
        await expect(ops.locator("#order-actions")).to_contain_text("nothing is left to do")

        assert loads == 0, "the watcher's page was loaded anew"
        assert order_id_of(watcher) == order_id
        await aeventually(lambda: len(_mails_about(mails, order_id)) >= 4)
        subjects = " | ".join(_mails_about(mails, order_id))
        for word in ("paid", "way", "delivered"):
            assert word in subjects.lower() or word in _bodies(mails, order_id), f"no mail says {word!r}: {subjects}"

    @pytest.mark.soak
    async def test_on_paper_there_is_what_was_done_and_nothing_to_press(self, tabs: Tabs) -> None:
        page = await tabs.page_for("ops")
        await place_order(page, ("MOUSE-001", 1))
        await sees_status(page, "Waiting for payment")
        await sees_event(page, "Mail “order confirmation” sent")  # the last one before somebody pays
        entries = page.locator(".timeline > li")
        before = await entries.count()
        assert before
        await page.emulate_media(media="print")
        for part in (".sidenav", ".topbar", "#order-actions", "#connection"):
            await expect(page.locator(part)).to_be_hidden()
        for buttons in (await page.get_by_role("button").all(), await page.locator("a.btn").all()):
            assert not [each for each in buttons if await each.is_visible()]
        assert await entries.count() == before
        for entry in await entries.all():
            await expect(entry).to_be_visible()
        await expect(page.get_by_role("heading", level=1)).to_be_visible()

    @pytest.mark.soak
    async def test_a_reader_may_look_and_not_touch(self, tabs: Tabs) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("MOUSE-001", 1))
        watcher = await tabs.page_for("employee", f"/orders/{order_id}/")
        await sees_status(watcher, "Waiting for payment")
        payment = action(watcher, "Take a card payment")
        await expect(payment).to_have_attribute("aria-disabled", "true")
        await expect(watcher.locator("#order-actions")).to_contain_text("takes the role Operations")
        refused = await watcher.goto(f"/orders/{order_id}/payment/")
        assert refused is not None
        assert refused.status == 403

    @pytest.mark.soak
    async def test_the_list_moves_by_itself(self, tabs: Tabs) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("CABLE-USBC", 3))
        await sees_status(ops, "Waiting for payment")
        listing = await tabs.page_for("employee", "/orders/?tab=all")
        row = listing.locator(f"#row-{order_id}")
        await expect(row).to_contain_text("Waiting for payment")
        await pay(ops)
        await expect(row).to_contain_text("Paid", timeout=15_000)

    @pytest.mark.soak
    async def test_search_finds_an_order_by_what_people_know_of_it(self, tabs: Tabs) -> None:
        ops = await tabs.page_for("ops")
        order_id = await place_order(ops, ("HEADSET-002", 1), customer="CUST-003")
        await pay(ops)
        await sees_status(ops, "Paid")
        await ship(ops, tracking="FIND-ME-4711")
        await sees_status(ops, "Shipped")
        for words in (order_id, "CUST-003", "mei.tanaka@example.com", "HEADSET-002", "FIND-ME-4711"):
            await ops.goto("/orders/")
            await ops.get_by_label("Search orders", exact=True).fill(words)
            await ops.keyboard.press("Enter")
            await expect(ops.locator(f"#row-{order_id}"), f"searched for {words}").to_be_visible()


def _mails_about(mails: MailServer, order_id: str) -> list[str]:
    return [str(mail["Subject"]) for mail in mails.about(order_id)]


def _bodies(mails: MailServer, order_id: str) -> str:
    return " ".join(plain_of(mail) for mail in mails.about(order_id)).lower()
