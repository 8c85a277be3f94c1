"""Whoever starts a process at Temporal calls it what they like: what no address can hold is left out, and breaks no page."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from approvals.activities import send_approval_mail
from approvals.contract import Notice, NoticeRequest, SlackCard
from approvals.models import ApprovalRequest, TrailRow
from approvals.notifiers.mail import send_notice
from approvals.notifiers.slack import publish_card, slack_client
from approvals.technical import recognise as recognise_request
from campaigns import import_projection
from campaigns.contract import (
    FILE_PROBLEM,
    By,
    ImportStage,
    ImportStatus,
    ImportView,
    StageRequest,
    TidyInput,
    is_import_id,
)
from campaigns.import_activities import tidy_import, validate_import
from campaigns.live_imports import read_batch as read_imports
from campaigns.models import AudienceImport
from campaigns.technical import recognise as recognise_import
from dashboard import health_watch, views
from dashboard.health_watch import Health, Sign
from dashboard.home import machinery
from dashboard.home.frames import frames
from dashboard.home.machinery import Failing, Machinery, Queue
from dashboard.home.snapshots import snapshots
from orders.activities import send_order_mail
from orders.contract import MailRequest, OrderStatus, is_order_id
from orders.live_list import read_batch as read_orders
from orders.models import Order, OrderEvent, OrderMail, UnmatchedEvent, WebhookEvent
from orders.technical import recognise as recognise_order
from tests.approvals.requests_of import Desk
from tests.orders.orders_of import order_view, saved

STRANGE = ["test-1", "a b", "ORD-20261119-140810-x7f2\n", "REQ-20261117-091544-c2d8\n", "a/b", "é"]
"""None is an id of an order, and none of a request."""
NO_IMPORT = ["a b", "-1", "IMP-1\n", "a/b", "é"]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    failing = tuple(
        Failing(f"{kind}-{strange}", "order-processing-queue")
        for kind in ("order", "approval", "import")
        for strange in (*STRANGE, *NO_IMPORT)
    )
    well = Machinery((Queue("order-processing-queue", 1, 0),), temporal=True, failing=failing)
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    monkeypatch.setattr(machinery.watch, "current", lambda: well)
    monkeypatch.setattr(views, "check_all", dict)
    snapshots.forget()
    frames.forget()


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def view_of(import_id: str, **words: Any) -> ImportView:
    words = {"status": ImportStatus.RUNNING, "stage": ImportStage.VALIDATE, "is_waiting": True, **words}
    return ImportView(version=1, import_id=import_id, name="people.csv", by=By("mara"), **words)


def assert_all_go_on(root: Client, workflow_id: str, *pages: str) -> None:
    for page in ("/", "/home/mine/", "/health/", *pages):
        assert root.get(page).status_code == 200, page
    assert root.get(f"/technical/{quote(workflow_id, safe='')}/").status_code == 404


class TestOrders:
    @pytest.mark.parametrize("strange", STRANGE)
    def test_are_left_out_and_said_in_the_log(
        self, root: Client, strange: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        saved(strange, status=OrderStatus.NEEDS_ATTENTION, placed_at=timezone.now())
        saved("ORD-20261119-140810-aaaa", placed_at=timezone.now())
        assert [row.order_id for row in Order.objects.all()] == ["ORD-20261119-140810-aaaa"]
        assert set(OrderEvent.objects.values_list("order__order_id", flat=True)) == {"ORD-20261119-140810-aaaa"}
        assert "order_without_address" in caplog.text
        assert_all_go_on(root, f"order-{strange}", "/orders/", "/orders/?tab=all", "/orders/?tab=attention")

    def test_the_lists_feed_goes_on(self) -> None:
        saved("test-1")
        saved("ORD-20261119-140810-aaaa")
        batch, _ = read_orders(0)
        assert [row.order_id for row in batch.rows] == ["ORD-20261119-140810-aaaa"]

    @pytest.mark.parametrize("strange", STRANGE)
    def test_nothing_technical_is_there_of_one_that_is_left_from_before(self, strange: str) -> None:
        Order.objects.create(order_id=strange, idempotency_key="old")
        assert recognise_order(f"order-{strange}") is None

    def test_no_mail_leads_to_a_page_that_is_not_there(self) -> None:
        with pytest.raises(ApplicationError, match="No page") as told:
            send_order_mail(MailRequest("order_confirmation", order_view("test-1")))
        assert told.value.non_retryable
        assert not OrderMail.objects.exists()
        with pytest.raises(ApplicationError, match="not in the database yet") as told:
            send_order_mail(MailRequest("order_confirmation", order_view()))
        assert not told.value.non_retryable

    def test_an_event_may_be_called_anything(self, root: Client) -> None:
        event = WebhookEvent.objects.create(
            event_id="evt 1\n/2?#",
            type="payment.succeeded",
            order_id="test-1",
            payment_id="pay_1",
            amount_cents=2_999,
            currency="USD",
            created=datetime(2026, 11, 19, tzinfo=UTC),
            state=WebhookEvent.State.UNMATCHED,
        )
        UnmatchedEvent.objects.create(event=event, reason="There is no such order.")
        html = root.get("/orders/unmatched/").content.decode()
        action = "/orders/unmatched/evt%201%0A/2%3F%23/resolution/"
        assert f'action="{action}"' in html
        assert root.post(action, {"note": "Paid back by hand"}).status_code == 302
        assert UnmatchedEvent.objects.get().resolved_by == "root"
        assert root.get("/").status_code == 200

    def test_ours_have_addresses(self) -> None:
        assert is_order_id("ORD-20261119-140810-x7f2")
        assert not any(is_order_id(strange) for strange in STRANGE)


class TestRequests:
    @pytest.mark.parametrize("strange", STRANGE)
    def test_are_left_out_and_said_in_the_log(
        self, root: Client, strange: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        Desk(request_id=strange, at=timezone.now()).save()
        Desk(request_id="REQ-20261117-091544-aaaa", at=timezone.now()).save()
        assert [row.request_id for row in ApprovalRequest.objects.all()] == ["REQ-20261117-091544-aaaa"]
        assert set(TrailRow.objects.values_list("request__request_id", flat=True)) == {"REQ-20261117-091544-aaaa"}
        assert "request_without_address" in caplog.text
        assert_all_go_on(root, f"approval-{strange}", "/approvals/", "/approvals/?tab=all")

    @pytest.mark.parametrize("strange", STRANGE)
    def test_nothing_technical_is_there_of_one_that_is_left_from_before(self, strange: str) -> None:
        ApprovalRequest.objects.create(request_id=strange, idempotency_key="old")
        assert recognise_request(f"approval-{strange}") is None

    def test_no_notice_leads_to_a_page_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(slack_client, "is_on", lambda: True)
        view = Desk(request_id="test-1").view
        view.slack = "notify"
        notice = NoticeRequest(Notice.ASKED, "manager", view)
        for tell in (
            lambda: send_notice(notice),
            lambda: send_approval_mail(notice),
            lambda: publish_card(SlackCard(view, 1, 1)),
        ):
            with pytest.raises(ApplicationError, match="No page") as told:
                tell()
            assert told.value.non_retryable
        with pytest.raises(ApplicationError, match="not in the database yet") as told:
            send_notice(NoticeRequest(Notice.ASKED, "manager", Desk().view))
        assert not told.value.non_retryable


class TestImports:
    @pytest.mark.parametrize("strange", NO_IMPORT)
    def test_are_left_out_and_said_in_the_log(
        self, root: Client, strange: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert not import_projection.save(view_of(strange))
        assert import_projection.save(view_of("test-1"))
        assert [row.import_id for row in AudienceImport.objects.all()] == ["test-1"]
        assert "import_without_address" in caplog.text
        assert_all_go_on(root, f"import-{strange}", "/campaigns/imports/", "/campaigns/imports/test-1/")
        batch, _ = read_imports(0)
        assert [row.import_id for row in batch.rows] == ["test-1"]

    @pytest.mark.parametrize("strange", NO_IMPORT)
    def test_nothing_technical_is_there_of_one_that_is_left_from_before(self, strange: str) -> None:
        AudienceImport.objects.create(import_id=strange, idempotency_key="old")
        assert recognise_import(f"import-{strange}") is None

    @pytest.mark.parametrize("strange", NO_IMPORT)
    def test_end_before_a_file_is_read(self, strange: str, tmp_path: Path, settings: Any) -> None:
        settings.MEDIA_ROOT = tmp_path
        file = tmp_path / "imports" / "people.csv"
        file.parent.mkdir()
        file.write_text("id,name\nUSER-001,Amara\n")
        environment = ActivityEnvironment()
        with pytest.raises(ApplicationError, match="no page can have it") as told:
            environment.run(validate_import, StageRequest(strange, "imports/people.csv", ImportStage.VALIDATE))
        assert (told.value.type, told.value.non_retryable) == (FILE_PROBLEM, True)
        environment.run(tidy_import, TidyInput(strange, "imports/people.csv", keep_problems=False))
        assert not AudienceImport.objects.exists()

    def test_most_words_are_an_address(self) -> None:
        assert all(is_import_id(word) for word in ("IMP-20261121-120000-7f3a", "test-1", "people.csv", "1"))
        assert not any(is_import_id(strange) for strange in (*NO_IMPORT, "", "a" * 65))
