"""Scripts that people typed, in a real browser: stored by the forms and the API, looked at on every page that shows them.

``tests/dashboard/test_hostile.py`` reads the markup of all pages. Here a browser says what it makes of it, of live fragments
and of what the suggestions swap in too: a breach of the Content-Security-Policy, which fails the journey, is how a script that
was drawn but held off shows.
"""

import re
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Dialog, Page, Response, expect

from tests.browser import Tabs
from tests.journeys import desk, mailroom, office
from tests.journeys.desk import LIVE
from tests.soak.mailserver import MailServer
from tests.stack import Stack

pytestmark = pytest.mark.soak

TEXT = "\"'><img src=x onerror=taken=1 data-bad>"
"""Out of an attribute, into a new element; as long as what lists show of a name."""
LONG = f"{TEXT}</title></textarea></script><script data-bad>taken=1;alert(1)</script><svg onload=alert(2)>"
CUSTOMER, PERSON, READER = "HOSTILE-1", "HOSTILE-2", "HOSTILE-5"
# A letter's own HTML that tries whatever a page could do; each calls for an address of its own.
LETTER = """<p>Dear {{ first_name }},</p><script>fetch("/taken-by-script");top.location="/taken-by-top";alert(1)</script>
<img src="/taken-by-image" onerror="fetch('/taken-by-handler')"><svg onload="alert(2)"></svg>
<iframe srcdoc="&lt;script&gt;fetch('/taken-by-frame')&lt;/script&gt;"></iframe><iframe src="/taken-by-frame"></iframe>
<meta http-equiv="refresh" content="0;url=/taken-by-refresh"><link rel="stylesheet" href="/taken-by-link">
<style>@import "/taken-by-style"; p { background: url(/taken-by-background) }</style><base href="/taken-by-base/">
<object data="/taken-by-object"></object><form action="/taken-by-form"><button id="send">Send</button></form>
<a id="go" href="javascript:fetch('/taken-by-address')">Go</a><a id="up" href="/taken-by-link" target="_top">Up</a>"""
_asked = count(1)


class Witness:
    """Goes from page to page and sees to it that nothing of the texts is more than text."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialogs: list[str] = []
        self.taken: list[str] = []
        page.on("dialog", self._dialog)
        page.on("response", self._response)

    async def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(f"{self.page.url}: {dialog.message}")
        await dialog.dismiss()

    def _response(self, response: Response) -> None:
        # What the policy stops is asked for in vain, and has no answer.
        if "/taken-by-" in response.url:
            self.taken.append(response.url)

    async def at(self, address: str, shows: str = "") -> None:
        """Opens a page; ``shows`` is a text that has to be on it, as it was typed."""
        answer = await self.page.goto(address)
        assert answer is not None
        assert answer.ok, f"{address}: {answer.status}"
        await self.here(shows)

    async def here(self, shows: str = "") -> None:
        await expect(self.page.locator("main")).to_be_visible()
        if shows:
            await expect(self.page.locator("main")).to_contain_text(shows, timeout=LIVE)
        theirs = await self.page.evaluate(
            """() => [
                ...[...document.querySelectorAll("[data-bad], [onload], [onerror]")].map(each => each.outerHTML),
                ...(typeof taken === "undefined" ? [] : ["taken"]),
            ]"""
        )
        assert not theirs, f"{self.page.url}: {theirs}"
        assert not self.dialogs
        assert not self.taken

    async def suggested(self, words: str, shows: str = TEXT) -> None:
        """What the search box offers while somebody types, and the page behind it."""
        box = self.page.locator("[data-search]:visible").first
        await box.fill("")
        await box.press_sequentially(words)
        await expect(self.page.get_by_role("option").filter(has_text=shows).first).to_be_visible(timeout=LIVE)
        await self.here()
        await box.press("Enter")
        await self.page.wait_for_url(re.compile(r"/search/|/orders/ORD|/approvals/REQ|/campaigns/"))
        await self.here(shows)

    async def on_paper(self) -> None:
        await self.page.emulate_media(media="print")
        await self.here()
        assert await self.page.pdf()
        await self.page.emulate_media(media="screen")


class TestOrders:
    async def test_customer_and_address(self, tabs: Tabs) -> None:
        admin = await tabs.page_for("admin", "/admin/orders/customer/add/")
        configuration = Witness(admin)
        for name, words in {"customer_id": CUSTOMER, "name": TEXT, "shipping_address": LONG}.items():
            await admin.locator(f"main [name={name}]").fill(words)
        await admin.locator("main [name=email]").fill("hostile@example.com")
        await admin.locator("[name=_save]").click()
        await configuration.here(TEXT)

        page = await tabs.page_for("ops", "/orders/new/")
        ops = Witness(page)
        await desk.fill_order(page, ("MOUSE-001", 1), customer=CUSTOMER)
        await expect(page.get_by_label("Delivery address")).to_have_value(LONG)
        await ops.here()
        await page.get_by_role("button", name="Place order").click()
        await page.wait_for_url(desk.ORDER_PAGE)
        order_id = desk.order_id_of(page)
        await desk.sees_status(page, "Waiting for payment")
        await ops.here(TEXT)

        # Who looks on, while it changes.
        detail = Witness(await tabs.page_for("employee", f"/orders/{order_id}/"))
        listing = Witness(await tabs.page_for("employee", "/orders/?tab=all"))
        home = Witness(await tabs.page_for("ops", "/"))
        await expect(listing.page.locator(f"#row-{order_id}")).to_contain_text(TEXT, timeout=LIVE)
        await desk.pay(page)
        await desk.sees_status(page, "Paid")
        await desk.ship(page, carrier=TEXT, tracking=TEXT)
        await desk.sees_event(detail.page, TEXT)
        await detail.here(TEXT)
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await desk.sees_status(page, "Shipped")
        await desk.deliver(page, received_by=TEXT)
        await desk.sees_status(detail.page, "Delivered")
        await expect(listing.page.locator(f"#row-{order_id}")).to_contain_text("Delivered", timeout=LIVE)
        for witness in (ops, detail, listing):
            await witness.here(TEXT)
        await home.here(TEXT)

        other = await desk.place_order(page, ("MOUSE-001", 1), customer=CUSTOMER)
        await desk.sees_status(page, "Waiting for payment")
        await desk.cancel(page, reason=LONG)
        await desk.sees_status(page, "Cancelled")
        await ops.here(LONG)
        await ops.on_paper()

        await ops.at("/")
        await ops.suggested(CUSTOMER)
        await ops.at(f"/search/?q={order_id}", TEXT)
        await ops.at(f"/orders/?tab=all&q={CUSTOMER}", TEXT)
        for one in (order_id, other):
            await ops.at(f"/orders/{one}/")
            await page.locator("#to-technical").click()
            await page.wait_for_url(re.compile("/technical/"))
            await ops.here()
        await configuration.at(f"/admin/orders/order/?q={CUSTOMER}", TEXT)
        await configuration.at("/admin/changes/", TEXT)


class TestRequests:
    async def test_title_comments_and_files(self, tabs: Tabs) -> None:
        asks = Witness(await tabs.page_for("employee", "/approvals/new/"))
        inbox = Witness(await tabs.page_for("manager", "/approvals/"))
        page = asks.page
        await page.get_by_label("Kind").select_option("expense")
        await page.get_by_label("Amount in USD").fill("420")
        await page.get_by_label("What do you ask for?").fill(TEXT)
        await page.locator("[name=description]").fill(LONG)
        file_name = TEXT.replace("/", "") + ".txt"
        await page.get_by_label("Files").set_input_files(
            {"name": file_name, "mimeType": "text/plain", "buffer": LONG.encode()}
        )
        await page.get_by_role("button", name="Ask", exact=True).click()
        await page.wait_for_url(office.REQUEST_PAGE)
        request_id = office.request_id_of(page)
        await asks.here(LONG)
        await expect(page.locator("main")).to_contain_text("onerror=taken=1 data-bad>.txt")
        await expect(office.row_of(inbox.page, request_id)).to_contain_text(TEXT, timeout=LIVE)
        await inbox.here(TEXT)

        manager = Witness(await tabs.page_for("manager", "/"))
        await expect(manager.page.locator(".waits").first).to_contain_text(TEXT, timeout=LIVE)
        await manager.here(TEXT)
        await manager.at(f"/approvals/{request_id}/", LONG)
        await manager.page.locator("#say textarea").fill(f"Seen: {LONG}")
        await manager.page.locator("#say").get_by_role("button", name="Comment").click()
        trail = page.locator("#request-trail .timeline__quote")
        await expect(trail.filter(has_text="Seen:")).to_have_text(f"Seen: {LONG}", timeout=LIVE)
        await asks.here(LONG)
        await manager.page.locator("#card-comment").fill(f"No: {LONG}")
        await manager.page.locator("#do-reject").click()
        await office.sees_status(page, "Rejected")
        await expect(trail.filter(has_text="No:").first).to_contain_text(LONG, timeout=LIVE)
        for witness in (asks, manager, inbox):
            await witness.here()
        await asks.on_paper()
        for address in ("/approvals/?tab=requested", f"/search/?q={request_id}"):
            await asks.at(address, TEXT)
        await asks.at("/")
        await asks.suggested(request_id)
        await manager.at("/approvals/?tab=decided", TEXT)
        configuration = Witness(await tabs.page_for("admin", f"/admin/approvals/approvalrequest/?q={request_id}"))
        await configuration.here(TEXT)


class TestCampaigns:
    async def test_contacts_segments_and_letters(
        self, tabs: Tabs, stack: Stack, mails: MailServer, tmp_path: Path
    ) -> None:
        page = await tabs.page_for("marketer", "/campaigns/contacts/new/")
        marketer = Witness(page)
        await page.get_by_label("Id", exact=True).fill(PERSON)
        await page.get_by_label("Name").fill(TEXT)
        await page.get_by_label("E-mail").fill("hostile-2@example.com")
        await page.locator("[name=attributes]").fill(f"club: {TEXT}")
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url(lambda url: "/new/" not in url)
        await marketer.here()
        await marketer.at(f"/campaigns/contacts/?q={PERSON}", TEXT)

        await marketer.at("/campaigns/segments/new/")
        await page.get_by_label("Name").fill(TEXT)
        await page.get_by_label("What it is for").fill(LONG)
        line = page.get_by_role("group", name="Filter 1")
        await line.get_by_label("Of the contact").select_option("attribute")
        await line.get_by_label("Which attribute").fill("club")
        await line.get_by_label("Value").fill(TEXT)
        await expect(page.locator("#segment-count")).to_contain_text("1 of")
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url(lambda url: "/new/" not in url)
        await marketer.here()
        await marketer.at("/campaigns/segments/", TEXT)

        await self._import(marketer, tmp_path)
        campaign_id = await self._send(marketer, tabs)

        await page.locator("#to-log").click()
        await expect(page.locator(".decisions")).to_contain_text(PERSON)
        await marketer.here(TEXT)
        await marketer.at(f"/campaigns/users/{PERSON}/")
        await expect(page.locator("#actor-decisions li").first).to_contain_text(TEXT, timeout=LIVE)
        await page.locator("#sim-ask").click()
        await expect(page.locator(".sim__answer")).to_be_visible()
        await marketer.here(TEXT)
        for address in (f"users/{PERSON}/log/", f"users/?q={PERSON}", f"?q={campaign_id}"):
            await marketer.at(f"/campaigns/{address}", TEXT)
        await marketer.at(f"/campaigns/{campaign_id}/preview/?user_id={PERSON}", TEXT)
        await marketer.at("/")
        for words in (campaign_id, PERSON):
            await marketer.suggested(words)
            await marketer.at("/")
        configuration = Witness(await tabs.page_for("admin", f"/admin/campaigns/contact/?q={PERSON}"))
        await configuration.here(TEXT)
        await configuration.at("/admin/campaigns/segment/", TEXT)
        mail = await mailroom.mail_to(mails, TEXT, "hostile-2@example.com")
        assert mail["Subject"] == TEXT
        html = mail.get_body(("html",))
        assert html is not None
        assert "<img" not in html.get_content()

    async def _import(self, marketer: Witness, directory: Path) -> None:
        """Names, values, a heading and the file's own name."""
        page = marketer.page
        file = directory / (TEXT.replace("/", "") + ".csv")
        cell = '"' + LONG.replace('"', '""') + '"'
        file.write_text(f"id,name,email,{cell}\nHOSTILE-3,{cell},hostile-3@example.com,{cell}\nHOSTILE-4,,{cell},\n")
        await marketer.at("/campaigns/imports/new/")
        await page.get_by_label("CSV file").set_input_files(file)
        await page.get_by_role("button", name="Upload").click()
        await page.wait_for_url(mailroom.COLUMNS_PAGE)
        await marketer.here(TEXT)
        await page.get_by_role("button", name="Read the file").click()
        await page.wait_for_url(mailroom.IMPORT_PAGE)
        await page.get_by_role("button", name="Compare").click(timeout=LIVE)
        write = page.get_by_role("button", name="Write the contacts")
        await expect(write).to_be_visible(timeout=LIVE)
        await marketer.here("data-bad>.csv")
        await write.click()
        await expect(page.locator("#import-live .status")).to_have_text("Done", timeout=LIVE)
        await marketer.here("data-bad")
        await marketer.at("/campaigns/imports/", "data-bad>.csv")
        await marketer.at("/campaigns/contacts/?q=HOSTILE-3", TEXT)

    async def _send(self, marketer: Witness, tabs: Tabs) -> str:
        page = marketer.page
        await marketer.at("/campaigns/new/")
        await page.get_by_label("Name").fill(TEXT)
        await page.get_by_label("Subject").fill(TEXT)
        await page.get_by_label("Text", exact=True).fill(f"{LONG}\n\n{{{{ name }}}}\n\n{{{{ unsubscribe_url }}}}")
        await page.get_by_label("HTML, if any").fill(f"<p>{LONG} {{{{ name }}}}</p><p>{{{{ unsubscribe_url }}}}</p>")
        await page.get_by_label("A saved segment").check()
        await page.get_by_label("Segment", exact=True).select_option(TEXT)
        await expect(page.locator("#audience-count")).to_contain_text("1")
        await page.get_by_role("button", name="Keep it as a draft").click()
        await expect(page.locator(".error-list")).to_contain_text("Must not let {{ name }} stand in <svg>.")
        await marketer.here()
        await page.get_by_label("HTML, if any").fill("<p>{{ name }}</p><p>{{ unsubscribe_url }}</p>")
        await page.get_by_role("button", name="Keep it as a draft").click()
        await page.wait_for_url(mailroom.CAMPAIGN_PAGE)
        campaign_id = mailroom.id_of(page)
        await expect(page.locator("#trial .trial-line")).to_be_visible(timeout=LIVE)
        await marketer.here(TEXT)

        watcher = Witness(await tabs.page_for("marketer", f"/campaigns/{campaign_id}/"))
        listing = Witness(await tabs.page_for("marketer", "/campaigns/"))
        dialog = await mailroom.open_dialog(page, "launch")
        await marketer.here()
        await dialog.get_by_role("button", name="Launch", exact=True).click()
        await mailroom.sees_status(page, "Completed", timeout=mailroom.SENDS_ON)
        await mailroom.sees_status(watcher.page, "Completed", timeout=mailroom.SENDS_ON)
        await expect(listing.page.locator(f"#row-{campaign_id}")).to_contain_text("Completed", timeout=LIVE)
        for witness in (marketer, watcher, listing):
            await witness.here(TEXT)
        return campaign_id


class TestByTheApi:
    """What no form would have let through in this shape, or whose form is another one."""

    async def test_orders(self, tabs: Tabs, stack: Stack) -> None:
        watching = Witness(await tabs.page_for("employee", "/orders/?tab=all"))
        home = Witness(await tabs.page_for("employee", "/"))
        order = {
            "customer_id": TEXT,
            "customer_email": "hostile@example.com",
            "items": [{"sku": "MOUSE-001", "quantity": 1}],
            "shipping_address": LONG,
        }
        async with stack.async_api("ops") as api:
            placed = [(await _post(api, "/api/orders", order))["order_id"] for _ in range(2)]
            sent, cancelled = placed
            page = watching.page
            await expect(page.locator("#orders-new")).to_be_visible(timeout=LIVE)
            detail = Witness(await tabs.page_for("employee", f"/orders/{sent}/"))
            await detail.here(LONG)
            await desk.sees_status(detail.page, "Waiting for payment")
            card = {"payment_method": "card", "card_token": TEXT, "amount_cents": 2_999}
            assert (await _answer(api, f"/api/orders/{sent}/payment", card)).is_client_error
            await _post(api, f"/api/orders/{sent}/payment", {**card, "card_token": "tok_visa"})
            await desk.sees_status(detail.page, "Paid")
            shipment = {"carrier": TEXT, "tracking_number": TEXT, "address": LONG}
            await _post(api, f"/api/orders/{sent}/shipment", shipment)
            await desk.sees_status(detail.page, "Shipped")
            await _post(api, f"/api/orders/{sent}/delivery", {"received_by": LONG[:150]})
            await desk.sees_status(detail.page, "Delivered")
            await _post(api, f"/api/orders/{cancelled}/cancellation", {"reason": LONG})
        await detail.here(TEXT)
        await detail.on_paper()
        await expect(home.page.locator("#home-events")).to_contain_text(TEXT, timeout=LIVE)
        await home.here(TEXT)
        await watching.here()
        await watching.at("/orders/?tab=all", TEXT)
        await watching.at(f"/orders/{cancelled}/", LONG)
        await watching.at(f"/search/?q={sent}", TEXT)
        await watching.at("/")
        await watching.suggested(sent)
        ops = Witness(await tabs.page_for("ops", f"/technical/order-{sent}/"))
        await ops.here()
        configuration = Witness(await tabs.page_for("admin", f"/admin/orders/order/?q={sent}"))
        await configuration.here()

    async def test_requests(self, tabs: Tabs, stack: Stack, mails: MailServer) -> None:
        inbox = Witness(await tabs.page_for("manager", "/approvals/"))
        home = Witness(await tabs.page_for("manager", "/"))
        wish = {"kind": "expense", "title": TEXT, "description": LONG, "amount_cents": 42_000}
        async with stack.async_api("employee") as asks, stack.async_api("manager") as decides:
            request_id = (await _post(asks, "/api/approvals", wish))["request_id"]
            one = f"/api/approvals/{request_id}"
            await expect(office.row_of(inbox.page, request_id)).to_contain_text(TEXT, timeout=LIVE)
            await expect(home.page.locator("#home-mine")).to_contain_text(TEXT, timeout=LIVE)
            detail = Witness(await tabs.page_for("employee", f"/approvals/{request_id}/"))
            await detail.here(LONG)
            await _post(asks, f"{one}/comments", {"text": f"@manager {LONG}"})
            trail = detail.page.locator("#request-trail")
            await expect(trail).to_contain_text(f"@manager {LONG}", timeout=LIVE)
            version = (await decides.get(one)).json()["state_version"]
            await _post(decides, f"{one}/changes", {"comment": f"Changes: {LONG}", "state_version": version})
            await expect(trail).to_contain_text(f"Changes: {LONG}", timeout=LIVE)
            anew = {**wish, "title": f"{TEXT} again", "description": f"Again: {LONG}", "comment": f"So: {LONG}"}
            anew = {name: value for name, value in anew.items() if name != "kind"}
            version = (await _post(asks, f"{one}/resubmission", anew))["state_version"]
            await expect(detail.page.locator("main")).to_contain_text(f"Again: {LONG}", timeout=LIVE)
            await _post(
                decides, f"{one}/decisions", {"approved": False, "comment": f"No: {LONG}", "state_version": version}
            )
            await office.sees_status(detail.page, "Rejected")
        for witness in (inbox, home, detail):
            await witness.here()
        await detail.on_paper()
        await inbox.at("/approvals/?tab=decided", TEXT)
        await inbox.at(f"/search/?q={request_id}", TEXT)
        for mail in mails.about(request_id):
            html = mail.get_body(("html",))
            assert html is not None
            assert "data-bad" in html.get_content()
            assert not re.search(r"<(img|script|svg)", html.get_content())

    async def test_a_letter_that_would_run_something_is_not_taken(self, tabs: Tabs, stack: Stack) -> None:
        async with stack.async_api("marketer") as api:
            answer = await _answer(api, "/api/campaigns", _letter(LETTER))
            assert (answer.status_code, answer.json()["field"]) == (422, "template.body_html")
            assert "a mail runs nothing" in answer.text
        page = await tabs.page_for("marketer", "/campaigns/new/")
        await page.get_by_label("Name").fill(TEXT)
        await page.get_by_label("Subject").fill(TEXT)
        await page.get_by_label("Text", exact=True).fill(LONG)
        await page.get_by_label("HTML, if any").fill(LETTER)
        await page.get_by_role("button", name="Keep it as a draft").click()
        await expect(page.locator(".error-list")).to_contain_text("Must not contain <script>: a mail runs nothing.")
        await Witness(page).here()

    async def test_a_letter_that_is_there_all_the_same_runs_nothing(self, tabs: Tabs, stack: Stack) -> None:
        """As one that was written before it was looked at, or is dressed so that it is not found."""
        # What the policy and the sandbox have kept from happening is told in the console.
        tabs.expect(r"Content Security Policy|sandboxed|allow-scripts|taken-by-|ERR_BLOCKED")
        async with stack.async_api("marketer") as api:
            campaign_id = (await _post(api, "/api/campaigns", _letter("<p>{{ name }}</p>")))["campaign_id"]
            stack.sql("UPDATE campaigns_campaign SET body_html = ? WHERE campaign_id = ?", LETTER, campaign_id)
            refused = await _answer(api, f"/api/campaigns/{campaign_id}/launch", {})
            assert (refused.status_code, "a mail runs nothing" in refused.text) == (422, True)
        marketer = Witness(await tabs.page_for("marketer", f"/campaigns/{campaign_id}/"))
        page = marketer.page
        await marketer.here(TEXT)
        await marketer.at(f"/campaigns/{campaign_id}/preview/?user_id=USER-001", TEXT)
        letter = page.frame_locator("iframe.letter__html")
        await expect(letter.get_by_text("Dear", exact=False)).to_be_visible()
        for what in ("#go", "#send", "#up"):
            await letter.locator(what).click()
        await page.wait_for_timeout(500)
        await marketer.here(TEXT)
        assert page.url.endswith("user_id=USER-001")
        # The fragment, drawn anew into the page.
        await page.get_by_role("button", name="Show").click()
        await expect(letter.get_by_text("Dear", exact=False)).to_be_visible()
        await marketer.here(TEXT)
        # And the mail by itself, as the address of the frame shows it: it belongs to nobody, and runs nothing either.
        await page.goto(f"/campaigns/{campaign_id}/preview/USER-001/")
        await expect(page.get_by_text("Dear", exact=False)).to_be_visible()
        await page.wait_for_timeout(500)
        assert (marketer.dialogs, marketer.taken) == ([], [])
        configuration = Witness(await tabs.page_for("admin", f"/admin/campaigns/campaign/?q={campaign_id}"))
        await configuration.page.locator("#result_list tbody th a").first.click()
        await configuration.here("taken-by-script")

    async def test_texts_of_a_campaign_and_its_mail(self, tabs: Tabs, stack: Stack, mails: MailServer) -> None:
        page = await tabs.page_for("marketer", "/campaigns/contacts/new/")
        await page.get_by_label("Id", exact=True).fill(READER)
        await page.get_by_label("Name").fill(LONG)
        await page.get_by_label("E-mail").fill("hostile-5@example.com")
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url(lambda url: "/new/" not in url)
        listing = Witness(await tabs.page_for("marketer", "/campaigns/"))
        html = '<p title="{{ name }}">{{ name }}</p><a href="{{ unsubscribe_url }}">No more</a>'
        texts = _letter(html, subject=f"By the API {TEXT}", audience={"user_ids": [READER]})
        async with stack.async_api("marketer") as api:
            campaign_id = (await _post(api, "/api/campaigns", texts))["campaign_id"]
            one = f"/api/campaigns/{campaign_id}"
            detail = Witness(await tabs.page_for("marketer", f"/campaigns/{campaign_id}/"))
            await detail.here(TEXT)
            await _post(api, f"{one}/launch", {})
            await mailroom.sees_status(detail.page, "Completed", timeout=mailroom.SENDS_ON)
            later = (await _post(api, "/api/campaigns", texts | {"starts_at": "2090-01-01T00:00:00Z"}))["campaign_id"]
            await _post(api, f"/api/campaigns/{later}/launch", {})
            await _post(api, f"/api/campaigns/{later}/pause", {"reason": f"Paused: {LONG}"})
            paused = Witness(await tabs.page_for("marketer", f"/campaigns/{later}/"))
            await paused.here(f"Paused: {LONG}")
            await _post(api, f"/api/campaigns/{later}/cancel", {"reason": f"Cancelled: {LONG}"})
            await expect(paused.page.locator("main")).to_contain_text(f"Cancelled: {LONG}", timeout=LIVE)
        await expect(listing.page.locator("main")).to_contain_text("new campaign", timeout=LIVE)
        for witness in (detail, paused, listing):
            await witness.here()
        for address in ("/campaigns/", f"/campaigns/{campaign_id}/log/", f"/campaigns/users/{READER}/log/"):
            await detail.at(address, TEXT)
        await detail.at(f"/campaigns/users/{READER}/")
        mail = await mailroom.mail_to(mails, f"By the API {TEXT}", "hostile-5@example.com")
        body = mail.get_body(("html",))
        assert body is not None
        assert not re.search(r"<(img|script|svg)", body.get_content())
        # As a mail program without any scruples would open it.
        reader = Witness(await tabs.anonymous("/accounts/login/"))
        await reader.page.set_content(f"<main>{body.get_content()}</main>")
        await reader.here(LONG)


def _letter(html: str, *, subject: str = TEXT, **more: Any) -> dict[str, Any]:
    template = {"subject": subject, "body": f"{LONG} {{{{ name }}}}", "body_html": html}
    return {"name": subject, "channel": "email", "audience": {"user_ids": ["USER-001"]}, "template": template} | more


async def _answer(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    return await api.post(path, json=body, headers={"Idempotency-Key": f"hostile-{next(_asked)}"})


async def _post(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await _answer(api, path, body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found
