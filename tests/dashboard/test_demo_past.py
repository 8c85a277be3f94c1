"""The demo's last fortnight: rows without a workflow, on pages that work as those of any other process that is over."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from approvals.audit_check import trail_chain_problems
from approvals.contract import ApprovalStatus
from approvals.demo import load_demo_policies
from approvals.demo_past import load_demo_past as load_requests
from approvals.demo_steps import user_called
from approvals.models import ApprovalRequest
from campaigns.contract import CampaignStatus
from campaigns.demo import load_demo_audience
from campaigns.demo_past import FIRST
from campaigns.demo_past import load_demo_past as load_campaigns
from campaigns.models import Campaign, SendLog
from dashboard import areas
from dashboard.demo_rhythm import moments
from dashboard.demo_users import load_demo_users
from dashboard.home.counting import HourCounter
from dashboard.home.parts import Day
from orders.contract import OrderStage, OrderStatus
from orders.demo import load_demo_data
from orders.demo_past import load_demo_past as load_orders
from orders.models import Order, OrderEvent, Product

WEEK = (20, 20, 20, 20, 20, 4, 0)


class TestRhythm:
    NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)  # a Wednesday

    def test_is_the_same_each_time_and_another_for_something_else(self) -> None:
        assert moments("orders", WEEK, self.NOW) == moments("orders", WEEK, self.NOW)
        assert moments("orders", WEEK, self.NOW) != moments("requests", WEEK, self.NOW)

    def test_a_day_stays_as_it_was_while_the_clock_goes_on(self) -> None:
        later = moments("orders", WEEK, self.NOW + timedelta(hours=3))
        assert [at for at in later if at < self.NOW] == moments("orders", WEEK, self.NOW)

    def test_follows_the_week_and_ends_now(self) -> None:
        found = moments("orders", WEEK, self.NOW)
        days = Counter(at.date() for at in found)
        assert found == sorted(found)
        assert found[-1] < self.NOW
        assert {date.weekday() for date in days} == {0, 1, 2, 3, 4, 5}
        assert min(days) == datetime(2026, 3, 5, tzinfo=UTC).date()
        assert all(17 <= days[date] <= 23 for date in days if date.weekday() < 5 and date != self.NOW.date())
        assert all(days[date] < 7 for date in days if date.weekday() == 5)
        assert len(set(days.values())) > 2, "every day is like the other"


@pytest.fixture
def past(db: None) -> datetime:
    load_demo_users()
    load_demo_data()
    load_demo_policies()
    load_demo_audience()
    now = timezone.now()
    for area in areas.modules("demo_past"):
        assert area.load_demo_past(now)
    HourCounter.forget_all()
    return now


class TestPast:
    def test_is_over_and_needs_nobody_and_stands_behind_each_figure(self, past: datetime) -> None:
        assert set(Order.objects.values_list("stage", flat=True)) == {OrderStage.COMPLETED, OrderStage.CANCELLED}
        assert {OrderStatus.DELIVERED, OrderStatus.CANCELLED, OrderStatus.REFUNDED} == set(
            Order.objects.values_list("status", flat=True)
        )
        assert all(ApprovalStatus(one.status).is_final for one in ApprovalRequest.objects.all())
        assert set(Campaign.objects.values_list("status", flat=True)) == {CampaignStatus.COMPLETED}
        day = Day.of(past)
        for area in areas.modules("home"):
            part = area.read(past, day)
            assert part.needs == []
            assert part.behind is None
        assert not OrderEvent.objects.filter(at__gte=past).exists()
        assert not Order.objects.exclude(next_at=None).exists()
        figures = {one.key: one.days for area in areas.modules("home") for one in area.read(past, Day.of(past)).figures}
        assert set(figures) == {"orders", "delivered", "decisions", "messages"}
        for key, days in figures.items():
            assert sum(1 for number in days[:-1] if number) >= 7, key
            assert len(set(days[:-1])) > 4, key

    def test_is_written_once_takes_nothing_of_today_and_adds_up(self, past: datetime) -> None:
        assert Product.objects.get(sku="LIMITED-010").stock == 10
        assert Product.objects.get(sku="LAPTOP-001").stock == 1_500
        assert not SendLog.objects.filter(at__gte=past - timedelta(hours=24)).exists()
        assert not SendLog.objects.filter(user_id__lt=FIRST).exists()
        before = Order.objects.count(), ApprovalRequest.objects.count(), SendLog.objects.count()
        assert [area.load_demo_past(past) for area in areas.modules("demo_past")] == [0, 0, 0]
        assert before == (Order.objects.count(), ApprovalRequest.objects.count(), SendLog.objects.count())
        for row in ApprovalRequest.objects.all():
            assert list(trail_chain_problems(row)) == []
        for campaign in Campaign.objects.all():
            counts = Counter(campaign.recipients.values_list("state", flat=True))
            assert (campaign.sent_count, campaign.failed_count) == (counts["sent"], counts["failed"])
            assert campaign.audience_count == campaign.recipients.count()
            assert SendLog.objects.filter(campaign_id=campaign.campaign_id).count() == campaign.audience_count

    def test_its_pages_work_without_a_workflow(self, past: datetime) -> None:
        pages = {
            "ops": [f"/orders/{status.order_id}/" for status in one_of_each(Order)],
            "admin": [f"/approvals/{status.request_id}/" for status in one_of_each(ApprovalRequest)],
            "marketer": [f"/campaigns/{Campaign.objects.first().campaign_id}/", f"/campaigns/users/{FIRST}/"],
        }
        for username, paths in pages.items():
            client = Client()
            client.force_login(user_called(username))
            for path in [*paths, "/", "/orders/?tab=all", "/approvals/?tab=all"]:
                answer = client.get(path)
                assert answer.status_code == 200, path


def one_of_each(model: "type[Order] | type[ApprovalRequest]") -> list:
    found = {row.status: row for row in model.objects.all()}
    assert len(found) == 3
    return list(found.values())


class TestOldFolder:
    @pytest.mark.django_db
    def test_where_somebody_has_begun_already_there_is_no_past(self) -> None:
        load_demo_users()
        load_demo_policies()
        load_demo_audience()
        Order.objects.create(order_id="ORD-1", idempotency_key="ops:1", customer_id="C", customer_email="c@example.com")
        ApprovalRequest.objects.create(
            request_id="REQ-1", idempotency_key="ops:1", kind="other", title="A", requester="ops"
        )
        Campaign.objects.create(campaign_id="CMP-1", idempotency_key="marketer:1", name="A")
        now = timezone.now()
        assert [load(now) for load in (load_orders, load_requests, load_campaigns)] == [0, 0, 0]
