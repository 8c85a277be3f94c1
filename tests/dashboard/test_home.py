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

from campaigns import totals
from campaigns.models import SendHour, SendLog
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.home import machinery
from dashboard.home import snapshots as snapshots_module
from dashboard.home.counting import HourCounter, hour_of
from dashboard.home.frames import frames
from dashboard.home.machinery import Machinery, Queue
from dashboard.home.parts import Day
from dashboard.home.snapshots import Snapshot, Snapshots, snapshots
from dashboard.roles import ADMINISTRATORS, MARKETERS, OPERATIONS, STAFF
from orders.contract import By, Door, OrderStage, OrderStatus, Problem, TimelineEntry, TimelineKind
from orders.models import Order, UnmatchedEvent, WebhookEvent
from temporal_worker.models import ChangeCounter
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

        def counted(number: int = 0) -> Snapshot:
            reads.append(number)
            return read(number)

        monkeypatch.setattr(snapshots_module, "read", counted)
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

    def test_lists_that_lag_are_told(self) -> None:
        then = timezone.now() - timedelta(minutes=5)
        entry = TimelineEntry(1, then, TimelineKind.ORDER_PLACED, By("", Door.SYSTEM), "Order placed")
        saved(order_id(1), timeline=[entry], placed_at=then)
        assertContains(client_with(OPERATIONS).get("/"), "Lists are 5\u00a0m behind")


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
