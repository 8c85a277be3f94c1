"""The home page: its numbers are those of the rows, and nobody sees what is not theirs to see."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from approvals.contract import TrailKind
from approvals.models import ApprovalRequest, TrailRow
from campaigns import import_projection, totals
from campaigns.contract import ImportStage, ImportStatus, ImportView
from campaigns.models import Campaign, SendHour, SendLog
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.home import machinery
from dashboard.home import snapshots as snapshots_module
from dashboard.home.counting import HourCounter, hour_of
from dashboard.home.frames import frames
from dashboard.home.machinery import Failing, Machinery, Queue, Watch
from dashboard.home.parts import Day
from dashboard.home.snapshots import Snapshot, Snapshots, snapshots
from dashboard.roles import ADMINISTRATORS, ENGINEERS, MARKETERS, OPERATIONS, STAFF
from orders.contract import (
    By,
    Door,
    OrderStage,
    OrderStatus,
    PaymentStatus,
    PaymentView,
    Problem,
    TimelineEntry,
    TimelineKind,
)
from orders.home_events import latest_events
from orders.models import Order, OrderEvent, OrderMail, UnmatchedEvent, WebhookEvent
from temporal_worker.client import TemporalUnavailable
from temporal_worker.models import ChangeCounter, DelayedSave
from tests.approvals.requests_of import Desk
from tests.campaigns.pages import saved as campaign_saved
from tests.orders.orders_of import saved

WELL = Machinery((Queue("order-processing-queue", 2, 0),), temporal=True)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    monkeypatch.setattr(machinery.watch, "current", lambda: WELL)
    snapshots.forget()
    frames.forget()


def client_with(*roles: str, rights: tuple[str, ...] = ()) -> Client:
    user = User.objects.create_user("-".join(roles).lower().replace(" ", "") or "nobody", email="a@example.com")
    user.groups.set(Group.objects.filter(name__in=roles))
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def order_id(number: int) -> str:
    return f"ORD-20261119-140810-x{number:03}"


def figure(html: str, key: str) -> str:
    found = re.search(rf'id="value-{key}">([^<]*)<', html)
    assert found, key
    return found[1]


def funnel(html: str, key: str) -> list[str]:
    part = html.split(f'id="funnel-{key}"')[1].split("</ol>")[0]
    return re.findall(r"<b>([^<]*)</b>", part)


def some_orders() -> None:
    """Two wait for payment, one is paid and late, one is shipped, one was delivered today, one a week ago, one is stuck."""
    now = timezone.now()
    system = By("", Door.SYSTEM)
    delivered = [TimelineEntry(1, now, TimelineKind.ORDER_DELIVERED, system, "Delivered to the door")]
    for number in (1, 2):
        saved(order_id(number), timeline=[], placed_at=now)
    saved(
        order_id(3), timeline=[], status=OrderStatus.PAID, stage=OrderStage.AWAITING_SHIPMENT, late=True, placed_at=now
    )
    saved(
        order_id(4),
        timeline=[],
        status=OrderStatus.SHIPPED,
        stage=OrderStage.IN_TRANSIT,
        placed_at=now - timedelta(days=2),
    )
    saved(order_id(5), status=OrderStatus.DELIVERED, timeline=delivered, placed_at=now - timedelta(days=3))
    saved(order_id(6), status=OrderStatus.DELIVERED, timeline=[], placed_at=now - timedelta(days=7))
    saved(
        order_id(7),
        timeline=[],
        status=OrderStatus.NEEDS_ATTENTION,
        problem=Problem("refund", "The gateway said: account closed", now),
        placed_at=now - timedelta(days=20),
    )


def paying(of: str, **payment: Any) -> None:
    """An order whose card is being charged; with a next attempt, one that has failed."""
    at = {"status": PaymentStatus.UNKNOWN, "attempt": 1, "max_attempts": 5, "last_error": "The gateway is away."}
    saved(of, stage=OrderStage.PAYMENT, payment=PaymentView(**{**at, **payment}), placed_at=timezone.now())


class TestNumbers:
    def test_of_orders_are_those_of_the_rows(self) -> None:
        some_orders()
        html = client_with(OPERATIONS).get("/").content.decode()
        assert figure(html, "orders") == "3"
        assert figure(html, "delivered") == "1"
        assert "1 a week ago" in html
        assert funnel(html, "orders") == ["2", "1", "1", "1"]
        assert "Two things need a person." in html
        assert "four orders" in html
        assert "Refund stopped: order x007" in html
        assert "The gateway said: account closed." in html
        assert "Order x003 is paid but not shipped" in html

    def test_of_more_than_a_few_are_told_in_one_line(self) -> None:
        for number in range(12):
            saved(order_id(number), timeline=[], status=OrderStatus.PAID, late=True, placed_at=timezone.now())
        html = client_with(OPERATIONS).get("/").content.decode()
        assert html.count("is paid but not shipped</a>") == 2
        assert "Ten more orders are late" in html

    def test_of_requests_and_decisions(self) -> None:
        now = timezone.now()
        Desk(at=now).decide("manager").save()
        Desk(request_id="REQ-20261117-091544-c2d9", at=now).save()
        html = client_with("Auditors").get("/").content.decode()
        assert figure(html, "decisions") == "1"
        assert funnel(html, "approvals") == ["2", "0", "1"]
        assert "two requests" in html

    def test_of_messages_are_the_same_before_and_after_the_hours_are_added_up(self) -> None:
        now = timezone.now()
        day = Day.of(now)
        ages = {timedelta(0): 2, timedelta(hours=5): 3, timedelta(days=1): 4, timedelta(days=13): 5}
        rows = [(now - age, number) for age, number in ages.items()]
        for index, (at, count) in enumerate(rows):
            for number in range(count):
                log_row(f"g{index}-{number}", at=at)
        log_row("not-sent", at=now, outcome="denied")
        log_row("a-test", at=now, is_test=True)
        before = day.daily(totals.sent_by_hour(day.first))
        assert totals.close_hours(now) > 24 * 13
        assert SendHour.objects.aggregate(sum=Sum("number"))["sum"] >= 4
        assert day.daily(totals.sent_by_hour(day.first)) == before
        assert sum(before) in (9, 14)  # the oldest ones are at the edge of the fortnight, by the hour of the day
        assert totals.close_hours(now) == 0
        log_row("next", at=now + timedelta(minutes=1))
        html = client_with(MARKETERS).get("/").content.decode()
        assert figure(html, "messages") == str(day.daily(totals.sent_by_hour(day.first))[-1])

    def test_of_a_running_campaign(self) -> None:
        campaign_saved()
        html = client_with(MARKETERS).get("/").content.decode()
        assert funnel(html, "campaigns") == ["10", "4", "5", "1"]
        assert "5 of 10" in html
        assert "one campaign" in html


def log_row(grant: str, **fields: Any) -> None:
    SendLog.objects.create(**{"grant_id": grant, "user_id": "USER-1", "channel": "email", "outcome": "sent", **fields})


class TestJustNow:
    def test_a_cancellation_is_one_line_that_says_why(self) -> None:
        now, system = timezone.now(), By("", Door.SYSTEM)
        told = [
            TimelineEntry(1, now, TimelineKind.PAYMENT_WINDOW_CLOSED, system, "Not paid within 24 hours."),
            TimelineEntry(
                2, now, TimelineKind.CANCELLATION_REQUESTED, system, "Cancellation: not paid within 24 hours"
            ),
            TimelineEntry(3, now, TimelineKind.STOCK_RELEASED, system, "Stock released: 1 piece in 1 line."),
        ]
        saved(order_id(1), timeline=told, timeline_total=3, version=5)
        assert self._lines() == ["Stock released: 1 piece in 1 line.", "Cancellation: not paid within 24 hours"]
        end = TimelineEntry(4, now, TimelineKind.ORDER_CANCELLED, system, "Order cancelled: not paid within 24 hours")
        saved(order_id(1), timeline=[*told, end], timeline_total=4, version=6)
        saved(order_id(2), timeline=told[:2], timeline_total=2, version=5)
        assert self._lines() == ["Cancellation: not paid within 24 hours", "cancelled: not paid within 24 hours"]

    def _lines(self) -> list[str]:
        return [event.text for event in latest_events()]


class TestRights:
    def test_who_sees_no_orders_is_told_of_none(self) -> None:
        some_orders()
        campaign_saved()
        Desk(at=timezone.now()).save()
        html = client_with("approver", rights=("approvals.ask_approval",)).get("/").content.decode()
        for word in ("x007", "Orders today", "Spring", "Contractor", "Decisions today", "Mails of"):
            assert word not in html, word
        assert "Waits for you" in html

    def test_who_sees_orders_is_not_told_of_payments_without_one(self) -> None:
        event = WebhookEvent.objects.create(
            event_id="evt_1", type="payment.captured", order_id="ORD-1", payment_id="p", amount_cents=6_450,
            currency="USD", created=timezone.now(),
        )  # fmt: skip
        UnmatchedEvent.objects.create(event=event, reason="there is no such order")
        assertNotContains(client_with(STAFF).get("/"), "fits no order")
        assertContains(client_with(OPERATIONS).get("/"), "A payment event of $64.50 fits no order")

    def test_requests_wait_for_their_own_people_alone(self) -> None:
        Desk(at=timezone.now()).save()
        manager = User.objects.create_user("manager")
        manager.groups.set(Group.objects.filter(name=STAFF))
        client = Client()
        client.force_login(manager)
        assertContains(client.get("/"), "Contractor extension, data team")
        assertContains(client.get("/home/mine/", headers={"HX-Request": "true"}), "Contractor extension, data team")
        assertNotContains(client_with(STAFF).get("/"), "Contractor extension")

    def test_who_may_nothing_is_told_whom_to_ask(self) -> None:
        response = client_with().get("/")
        assertContains(response, "Your account has no role yet")
        assertNotContains(response, "Just now")

    def test_who_is_not_logged_in_comes_back_here(self) -> None:
        assertRedirects(Client().get("/"), "/accounts/login/?next=/", fetch_redirect_response=False)

    def test_a_button_says_what_one_may_do(self) -> None:
        some_orders()
        assertContains(client_with(OPERATIONS).get("/"), ">Decide…<")
        assertNotContains(client_with(STAFF).get("/"), ">Decide…<")


class TestLinks:
    def test_all_lead_somewhere(self) -> None:
        some_orders()
        campaign_saved()
        Desk(at=timezone.now()).decide("manager").save()
        client = client_with(OPERATIONS, MARKETERS, STAFF, "Auditors")
        html = client.get("/").content.decode().split("<main")[1].split("</main>")[0]
        targets = {target.replace("&amp;", "&") for target in re.findall(r'href="(/[^"#]*)"', html)}
        assert len(targets) > 12
        # Pages of single processes ask Temporal, which this test has not: that they are there is told by their addresses.
        lists = {target for target in targets if not re.search(r"(ORD|REQ|CMP)-|/login/", target)}
        assert {target: client.get(target).status_code for target in lists} == dict.fromkeys(lists, 200)


class TestLists:
    """The list behind a figure has as many as the figure says."""

    def test_of_orders(self) -> None:
        some_orders()
        Order.objects.filter(order_id=order_id(2)).update(status=Order.STARTING)
        self._unsent_mails()
        client = client_with(OPERATIONS)
        html = client.get("/").content.decode()
        assert self._count(client, link(html, "figure-orders")) == int(figure(html, "orders")) == 3
        assert self._count(client, link(html, "figure-delivered")) == int(figure(html, "delivered")) == 1
        assert self._count(client, link(html, "hours-link-1")) == 3
        steps = [self._count(client, link(html, f"funnel-orders-{number}")) for number in (1, 2, 3, 4)]
        assert steps == [int(number) for number in funnel(html, "orders")] == [2, 1, 1, 1]
        assert self._count(client, link(html, "need-link-order-mails-waiting")) == 2
        assert self._count(client, link(html, "need-link-order-mails-lost")) == 2

    @pytest.mark.parametrize(("others", "told"), [(0, "One order has"), (1, "Two orders have"), (13, "14 orders have")])
    def test_of_orders_that_have_not_begun(self, others: int, told: str) -> None:
        some_orders()
        self._starting(order_id(1), timedelta(minutes=2))
        for number in range(others):
            saved(order_id(20 + number))
            self._starting(order_id(20 + number), timedelta(seconds=5))
        client = client_with(OPERATIONS)
        html = client.get("/").content.decode()
        assert f"{told} not begun yet" in html
        behind = client.get(link(html, "need-link-orders-starting"))
        assert behind.context["page"].count == others + 1
        assert {order.status for order in behind.context["page"].orders} == {Order.STARTING}
        assertContains(behind, "Status: <b>Not begun yet</b>")

    def test_of_orders_that_begin_just_now_nothing_is_told(self) -> None:
        some_orders()
        self._starting(order_id(1), timedelta(seconds=5))
        assertNotContains(client_with(OPERATIONS).get("/"), "not begun yet")

    def _starting(self, of: str, age: timedelta) -> None:
        Order.objects.filter(order_id=of).update(status=Order.STARTING, placed_at=timezone.now() - age, snapshot={})

    @pytest.mark.parametrize("number", [2, 61])
    def test_of_orders_whose_payment_fails(self, number: int) -> None:
        some_orders()
        paying(order_id(8), next_attempt_at=None)  # asked just now
        for index in range(number):
            paying(order_id(100 + index), next_attempt_at=timezone.now() + timedelta(minutes=index + 1), attempt=index)
        client = client_with(OPERATIONS)
        html = client.get("/").content.decode()
        assert f"Payments of {number} orders fail" in html
        assert "The gateway is away. Tried again by itself" in html
        assert ", attempt 1 of 5." in html  # of the one that comes next
        behind = client.get(link(html, "need-link-payments"))
        assert behind.context["page"].count == number
        assertContains(behind, "<b>Payment fails, tried again</b>")
        assertContains(behind, '<input type="hidden" name="payment" value="failing">')

    def test_of_one_order_whose_payment_fails_is_its_page(self) -> None:
        paying(order_id(8), next_attempt_at=timezone.now() + timedelta(minutes=1))
        html = client_with(OPERATIONS).get("/").content.decode()
        assert "Payment of order x008 fails" in html
        assert link(html, "need-link-payments") == f"/orders/{order_id(8)}/"

    def _unsent_mails(self) -> None:
        now = timezone.now()
        for number in (1, 2, 3, 4):
            order = Order.objects.get(order_id=order_id(number))
            OrderMail.objects.create(order=order, kind="order_placed", recipient="amara@example.com")
            if number > 2:
                text = "Mail “order placed” could not be sent."
                OrderEvent.objects.create(
                    order=order, sequence=90, at=now, kind=TimelineKind.MAIL_FAILED, door="system", text=text
                )
        Order.objects.update(updated_at=now - timedelta(minutes=2))

    def test_of_requests(self) -> None:
        now = timezone.now()
        decided = Desk(at=now)
        decided.decide("manager").save()
        Desk(request_id="REQ-20261117-091544-c2d9", at=now).save()
        for number, status in enumerate(("pending", "pending", "changes_requested", "starting", "approved")):
            Desk(request_id=f"REQ-20261117-091544-d{number:03}", at=now).save()
            rows = ApprovalRequest.objects.filter(request_id=f"REQ-20261117-091544-d{number:03}")
            rows.update(status=status, due_at=now - timedelta(hours=1), submitted_at=now - timedelta(hours=2))
        row = ApprovalRequest.objects.get(request_id="REQ-20261117-091544-d001")
        for sequence in (97, 98):
            TrailRow.objects.create(
                request=row, sequence=sequence, at=now, door="system", version=9, state_version=1, what="notice_failed"
            )
        client = client_with("Auditors")
        html = client.get("/").content.decode()
        steps = [self._count(client, link(html, f"funnel-approvals-{number}")) for number in (1, 2)]
        assert steps == [int(number) for number in funnel(html, "approvals")[:2]] == [5, 1]
        assert self._count(client, link(html, "funnel-approvals")) == 6
        assert self._count(client, link(html, "need-link-approvals-late")) == 2
        assert "Two requests are overdue" in html
        assert self._count(client, "/approvals/?tab=all&notice=lost") == 1
        assert figure(html, "decisions") == "1"
        decisions = client.get(link(html, "figure-decisions"))
        assert decisions.context["page"].count == 1
        assertContains(decisions, "Decided today: 1 decision<")

    def test_of_requests_that_have_not_begun(self) -> None:
        now = timezone.now()
        for number, age in enumerate((timedelta(minutes=2), timedelta(seconds=5), timedelta(seconds=5))):
            Desk(request_id=f"REQ-20261117-091544-d{number:03}", at=now).save()
            rows = ApprovalRequest.objects.filter(request_id=f"REQ-20261117-091544-d{number:03}")
            rows.update(status=ApprovalRequest.STARTING, submitted_at=now - age)
        client = client_with("Auditors")
        html = client.get("/").content.decode()
        assert "Three requests have not begun yet" in html
        assert self._count(client, link(html, "need-link-approvals-starting")) == 3

    def test_of_somebodys_own_requests(self) -> None:
        now = timezone.now()
        Desk(at=now).decide("manager").save()
        Desk(request_id="REQ-20261117-091544-c2d9", at=now).save()
        for name, key in (("manager", "my-decisions"), ("employee", "my-requests")):
            user = User.objects.create_user(name)
            user.groups.set(Group.objects.filter(name=STAFF))
            client = Client()
            client.force_login(user)
            html = client.get("/").content.decode()
            number = int(figure(html, key))
            assert number == {"manager": 1, "employee": 2}[name]
            assert self._count(client, link(html, f"figure-{key}")) == number

    def test_of_campaigns(self) -> None:
        campaign_saved()
        none = dict.fromkeys(("sent", "deferred", "denied", "failed", "unknown"), 0)
        campaign_saved("CMP-20261121-101500-0002", counts={"audience": 3, "pending": 3, **none})
        for number in range(3):
            log_row(f"g{number}", at=timezone.now(), campaign_id="CMP-20261121-101500-0002", user_id=f"USER-{number}")
        log_row("by-a-program", at=timezone.now())
        client = client_with(MARKETERS)
        html = client.get("/").content.decode()
        words = ("Sent", "Still to come", "Denied or failed")
        for number, (label, said) in enumerate(zip(words, funnel(html, "campaigns")[1:], strict=True), start=2):
            assertContains(client.get(link(html, f"funnel-campaigns-{number}")), f"<b>{label}: {said}</b>")
        assert len(client.get(link(html, "funnel-campaigns-2")).context["rows"]) == 1
        today = client.get(link(html, "figure-messages"))
        assertContains(today, f"<b>Messages today: {figure(html, 'messages')}, 1 of them by programs</b>")
        assert [row.campaign_id for row, _ in today.context["rows"]] == ["CMP-20261121-101500-0002"]

    def test_of_paused_campaigns(self) -> None:
        """A recurring one whose times are paused between two of them, too."""
        campaign_saved(status="paused", reason="A typo.")
        client = client_with(MARKETERS)

        def home() -> str:
            snapshots.forget()
            frames.forget()
            return client.get("/").content.decode()

        assert "A typo. 5 still wait for it." in home()
        now = timezone.now()
        more = {"recurs": "0 9 * * 1", "next_time_at": now, "times_paused_at": now, "times_paused_why": "Wrong prices."}
        Campaign.objects.update(status="completed", **more)
        assert "Wrong prices. None of its times begins anything." in home()
        campaign_saved("CMP-20261121-101500-0002", status="paused")
        assert "Two campaigns are paused" in home()
        assert len(client.get("/campaigns/?tab=paused").context["rows"]) == 2
        Campaign.objects.filter(recurs="0 9 * * 1").update(times_ended_at=now)
        assert "Two campaigns are paused" not in home()

    @pytest.mark.parametrize(
        "address",
        [
            "/orders/?tab=all&status=v&today=x&mail=y&payment=z",
            "/approvals/?tab=all&status=x&due=y&decided=z&notice=q",
            "/campaigns/?people=x",
        ],
    )
    def test_what_is_no_filter_is_ignored(self, address: str) -> None:
        some_orders()
        client = client_with(OPERATIONS, "Auditors", MARKETERS)
        listing = client.get(address).context["listing"]
        assert not getattr(listing, "is_narrowed", False)
        assert listing.url() == "?tab=all"

    @pytest.mark.parametrize(
        "address",
        [
            "/orders/?tab=all&status=starting&today=placed&mail=lost&payment=failing",
            "/approvals/?tab=all&status=open&due=overdue&decided=today",
        ],
    )
    def test_filters_are_kept_by_pages_and_swaps(self, address: str) -> None:
        some_orders()
        client = client_with(OPERATIONS, "Auditors")
        listing = client.get(address).context["listing"]
        assert listing.url() == address[address.index("?") :]
        assert listing.url(page=2) == f"{listing.url()}&page=2"

    def test_signs_are_links(self) -> None:
        html = client_with(OPERATIONS, "Auditors").get("/").content.decode()
        signs = html.split('id="home-machinery"')[1].split("</section>")[0].split("<ul")[1]
        assert signs.count("<li>") == signs.count("<a id=") == 4

    def _count(self, client: Client, address: str) -> int:
        number: int = client.get(address).context["page"].count
        return number


def link(html: str, key: str) -> str:
    found = re.search(rf'id="{key}" href="([^"]*)"', html)
    assert found, key
    return found[1].replace("&amp;", "&")


class TestCost:
    def test_is_the_same_whatever_there_is(self) -> None:
        client = client_with(OPERATIONS, MARKETERS, STAFF, "Auditors")

        def queries() -> int:
            snapshots.forget()
            frames.forget()
            with CaptureQueriesContext(connection) as captured:
                assert client.get("/").status_code == 200
            return len(captured)

        some_orders()
        saved(order_id(8), placed_at=timezone.now())
        campaign_saved()
        Desk(at=timezone.now()).save()
        queries()  # what the first request of a process looks up
        few = queries()
        for number in range(20, 28):
            saved(order_id(number), status=OrderStatus.NEEDS_ATTENTION, placed_at=timezone.now())
            Desk(request_id=f"REQ-20261117-091544-c{number:03}", at=timezone.now()).save()
            campaign_saved(f"CMP-20261121-101500-{number:04}")
        assert queries() == few <= 50

    def test_of_everybody_else_is_no_read_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reads = []
        read = snapshots_module.read

        def counted(number: int = 0, last: Snapshot | None = None) -> Snapshot:
            reads.append(number)
            return read(number, last)

        monkeypatch.setattr(snapshots_module, "read", counted)
        monkeypatch.setattr(snapshots_module, "EVERY", 60.0)
        clients = [client_with(role) for role in (OPERATIONS, STAFF, MARKETERS, ADMINISTRATORS)]
        for client in clients * 3:
            assert client.get("/").status_code == 200
        assert len(reads) == 1


class TestSnapshots:
    def test_are_read_again_when_something_has_moved_and_not_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshots_module, "EVERY", 0.0)
        one = Snapshots()
        first = one.current()
        assert one.current() is first
        saved(order_id(1), placed_at=timezone.now())
        assert ChangeCounter.read()["orders"]
        assert one.current() is not first

    def test_only_the_area_that_has_moved_is_read_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshots_module, "EVERY", 0.0)
        one = Snapshots()
        first = one.current()
        saved(order_id(1), placed_at=timezone.now())
        second = one.current()
        again = {name for name, read in second.reads.items() if read is not first.reads[name]}
        assert again == {"orders.home"}
        assert second.reads["orders.home"].part != first.reads["orders.home"].part

    def test_an_area_that_has_not_moved_is_read_again_when_it_is_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshots_module, "EVERY", 0.0)
        monkeypatch.setattr(snapshots_module, "STALE_AFTER", 0.0)
        one = Snapshots()
        first = one.current()
        second = one.current()
        assert all(read is not first.reads[name] for name, read in second.reads.items())

    def test_are_read_once_a_second_at_most(self) -> None:
        one = Snapshots()
        first = one.current()
        saved(order_id(1), placed_at=timezone.now())
        assert one.current() is first
        assert one.rest() > 0


class TestMachinery:
    def test_that_is_not_there_needs_a_person(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ill = Machinery((Queue("order-processing-queue", 0, 0), Queue("approval-queue", 1, 2_500)), temporal=True)
        monkeypatch.setattr(machinery.watch, "current", lambda: ill)
        html = client_with(OPERATIONS).get("/").content.decode()
        assert "No worker for Orders" in html
        assert "2,500 tasks wait for" in html
        assert "Not all there" in html

    def test_a_change_that_came_late_is_told_for_a_minute(self) -> None:
        then = timezone.now() - timedelta(minutes=5)
        entry = TimelineEntry(1, then, TimelineKind.ORDER_PLACED, By("", Door.SYSTEM), "Order placed")
        saved(order_id(1), timeline=[entry], placed_at=then)
        client = client_with(OPERATIONS)
        assertContains(client.get("/"), "Lists are 5\u00a0m behind")
        OrderEvent.objects.update(saved_at=timezone.now() - timedelta(seconds=61))
        snapshots.forget()
        assertNotContains(client.get("/"), "behind")
        assertContains(client.get("/"), "Up to date")

    @pytest.mark.parametrize(
        ("activity", "lists"), [("save_order", "orders"), ("save_request", "requests"), ("save_campaign", "campaigns")]
    )
    def test_lists_are_behind_while_a_save_is_tried_again(self, activity: str, lists: str) -> None:
        since = timezone.now() - timedelta(minutes=7)
        DelayedSave.note("run:5", activity, since)
        client = client_with(OPERATIONS, MARKETERS, "Auditors")
        html = client.get("/").content.decode()
        assert f"Lists of {lists} are behind</a>" in html
        assert f"{since:%H:%M} UTC</time> could not all be saved yet" in html
        assert f"Behind: {lists}" in html
        assertNotContains(client_with(rights=("approvals.ask_approval",)).get("/"), "behind")
        DelayedSave.forget("run:5")
        snapshots.forget()
        assertNotContains(client.get("/"), "are behind")

    def test_a_save_that_nobody_tries_any_more_is_not_told(self) -> None:
        DelayedSave.note("run:5", "save_order", timezone.now() - timedelta(minutes=7))
        DelayedSave.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
        assertNotContains(client_with(OPERATIONS).get("/"), "are behind")

    def test_a_second_try_at_once_is_nothing_to_tell(self) -> None:
        DelayedSave.note("run:5", "save_order", timezone.now() - timedelta(seconds=2))
        assertNotContains(client_with(OPERATIONS).get("/"), "are behind")

    def test_workflows_that_fail_need_a_person_and_are_listed_for_who_may_see_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        saved(order_id(1), placed_at=timezone.now())
        Desk(at=timezone.now()).save()
        ill = Machinery(
            (Queue("order-processing-queue", 1, 0), Queue("hr-approval-queue", 1, 0)),
            temporal=True,
            failing=(
                Failing(f"order-{order_id(1)}", "order-processing-queue"),
                Failing("approval-REQ-20261117-091544-c2d8", "hr-approval-queue"),
                Failing("order-nobodys", "order-processing-queue"),
            ),
        )
        monkeypatch.setattr(machinery.watch, "current", lambda: ill)
        client = client_with(OPERATIONS)
        html = client.get("/").content.decode()
        assert "2 workflows fail in Orders</a>" in html
        assert "1 workflow fails in Approvals</a>" in html
        assert 'href="/health/#failing"' in html
        listed = client.get("/health/").content.decode()
        assert f'href="/orders/{order_id(1)}/">{order_id(1)}</a>' in listed
        assert "REQ-20261117" not in listed
        assert "2 more are not yours to see." in listed
        assertContains(client_with(OPERATIONS, ENGINEERS).get("/health/"), f'href="/technical/order-{order_id(1)}/"')
        monkeypatch.setattr(machinery.watch, "current", lambda: WELL)
        assertNotContains(client.get("/health/"), "Workflows that fail")


class TestWatch:
    def test_looks_for_failing_workflows_every_half_minute_and_keeps_what_it_knew(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = (Failing("order-1", "order-processing-queue"),)
        looks: list[int] = []

        def look_for_failing() -> tuple[Failing, ...]:
            looks.append(1)
            if len(looks) > 1:
                raise TemporalUnavailable("away")
            return found

        monkeypatch.setattr(machinery, "look", lambda: WELL)
        monkeypatch.setattr(machinery, "look_for_failing", look_for_failing)
        watch = Watch()
        for _ in range(3):
            watch._look()
        assert len(looks) == 1
        watch._failing_at = float("-inf")
        watch._look()
        assert len(looks) == 2
        assert watch._last.failing == found


class TestNotices:
    def test_a_mail_that_is_tried_again_is_not_one_that_was_given_up(self) -> None:
        now, client = timezone.now(), client_with(OPERATIONS)
        self._unsent_mail(1)
        html = client.get("/").content.decode()
        assert "A mail about order x001 is being tried again</a>" in html
        assert "1 being tried again" in html
        assert "not sent" not in html
        failed = TimelineEntry(
            1, now, TimelineKind.MAIL_FAILED, By("", Door.SYSTEM), "Mail “order shipped” could not be sent."
        )
        saved(order_id(1), timeline=[failed], timeline_total=1, version=9, placed_at=now)
        Order.objects.update(updated_at=now - timedelta(minutes=2))
        snapshots.forget()
        html = client.get("/").content.decode()
        assert "A mail about order x001 is not sent</a>" in html
        assert "1 not sent" in html
        assert "being tried again" not in html
        assert f'href="/orders/{order_id(1)}/"' in html
        OrderEvent.objects.update(at=now - timedelta(days=2))
        snapshots.forget()
        assertNotContains(client.get("/"), "not sent")

    def test_of_several_orders_are_one_line(self) -> None:
        self._unsent_mail(1)
        self._unsent_mail(2)
        assertContains(client_with(OPERATIONS).get("/"), "Mails of 2 orders are being tried again")

    def _unsent_mail(self, number: int) -> None:
        saved(order_id(number), timeline=[], placed_at=timezone.now())
        order = Order.objects.get(order_id=order_id(number))
        Order.objects.filter(pk=order.pk).update(updated_at=timezone.now() - timedelta(minutes=2))
        OrderMail.objects.create(order=order, kind="order_shipped", recipient="amara@example.com")

    def test_about_requests_are_those_of_mail_and_slack(self) -> None:
        client, now = client_with("Auditors"), timezone.now()
        Desk(at=now).save()
        noted = {"words": "Slack", "problem": "away", "since": now.isoformat()}
        ApprovalRequest.objects.update(retried={"slack:1:1": noted})
        assertContains(client.get("/"), "A notice about request c2d8 is being tried again</a>")
        ApprovalRequest.objects.update(retried={})
        row = ApprovalRequest.objects.get()
        trail = {"door": "system", "version": 9, "state_version": 1, "what": TrailKind.NOTICE_FAILED}
        TrailRow.objects.create(request=row, sequence=99, at=now, text="Slack was not told.", **trail)
        snapshots.forget()
        html = client.get("/").content.decode()
        assert "A notice about request c2d8 is not sent</a>" in html
        assert "being tried again" not in html

    def test_what_was_noted_long_ago_is_tried_by_nobody(self) -> None:
        Desk(at=timezone.now()).save()
        long_ago = (timezone.now() - timedelta(hours=1)).isoformat()
        ApprovalRequest.objects.update(retried={"k": {"words": "Slack", "problem": "away", "since": long_ago}})
        assertNotContains(client_with("Auditors").get("/"), "being tried again")


class TestImports:
    def test_that_wait_or_failed_need_a_person(self) -> None:
        client, now = client_with(MARKETERS), timezone.now()
        self._saved(1, stage=ImportStage.VALIDATE, is_waiting=True)
        self._saved(2, stage=ImportStage.TRANSFORM)
        self._saved(3, status=ImportStatus.FAILED, problem="No column is called user_id", closed_at=now)
        html = client.get("/").content.decode()
        assert "Import of people-1.csv waits for a word</a>" in html
        assert 'href="/contacts/imports/IMP-1/"' in html or 'href="/campaigns/imports/IMP-1/"' in html
        assert "people-2.csv" not in html
        assert "Import of people-3.csv failed</a>" in html
        assert "No column is called user_id." in html
        assertNotContains(client_with(OPERATIONS).get("/"), "people-1.csv")

    def test_of_many_the_first_are_named(self) -> None:
        for number in range(1, 6):
            self._saved(number, stage=ImportStage.VALIDATE, is_waiting=True)
        assertContains(client_with(MARKETERS).get("/"), "3 more imports wait for a word or failed")

    def _saved(self, number: int, **words: Any) -> None:
        fields = {"status": ImportStatus.RUNNING, "stage": ImportStage.UPLOAD, "is_waiting": False, **words}
        view = ImportView(version=1, import_id=f"IMP-{number}", name=f"people-{number}.csv", by=By("mara"), **fields)
        assert import_projection.save(view)


class TestDay:
    def test_follows_the_installations_zone(self, settings: Any) -> None:
        settings.TIME_ZONE = "America/New_York"  # Django forgets the zone that it has kept
        now = datetime.fromisoformat("2026-11-19T03:30:00+00:00")
        day = Day.of(now)
        assert day.start.isoformat() == "2026-11-18T00:00:00-05:00"
        assert day.daily({hour_of(now): 3})[-1] == 3
        assert day.hourly({hour_of(now): 3})[22] == 3


class TestHourCounter:
    def test_counts_hours_that_are_over_once_and_the_others_anew(self) -> None:
        now = timezone.now()
        first = now - timedelta(days=3)
        counter = HourCounter(Order.objects.all, "placed_at")
        saved(order_id(1), placed_at=now - timedelta(days=2))
        saved(order_id(2), placed_at=now)
        assert sum(counter.since(first, now).values()) == 2
        saved(order_id(3), placed_at=now - timedelta(days=2, minutes=1))
        saved(order_id(4), placed_at=now)
        assert sum(counter.since(first, now).values()) == 3
        assert sum(counter.since(first, now + timedelta(minutes=11)).values()) == 4
        HourCounter._all.remove(counter)
