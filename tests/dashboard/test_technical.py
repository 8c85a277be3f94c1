"""Behind the curtain: who may look there, what is shown of a history, and that nothing of a message's content is."""

import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from approvals.technical import recognise as recognise_approval
from campaigns.models import Campaign, SendLog
from campaigns.presentation.steps import step_url
from campaigns.technical import recognise as recognise_campaign
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import ADMINISTRATORS, ENGINEERS, MARKETERS, OPERATIONS, STAFF
from dashboard.technical.masking import masked_event
from dashboard.technical.page import LINES, Technical
from dashboard.technical.steps import Line, Story, read_story, words
from dashboard.technical.views import _page_of
from orders import gateway
from orders.contract import By, Door, OrderStage, OrderStatus
from orders.models import Order, Product
from tests.campaigns.batches import begin, campaign, cap, person, send
from tests.eventually import eventually
from tests.orders.orders_of import saved as order_saved

HISTORIES = Path(__file__).parent.parent / "histories"
ORDER = "ORD-20260701-101500-ab12"


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def logged_in(*groups: str) -> Client:
    user = User.objects.create_user(f"user-{User.objects.count()}")
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


def recorded(name: str) -> list[HistoryEvent]:
    path = next(HISTORIES.rglob(f"{name}.json"))
    return list(WorkflowHistory.from_json("recorded", path.read_text()).events)


class TestStory:
    def test_an_activity_is_one_line_with_its_attempts_and_an_update_says_who(self) -> None:
        story = read_story(recorded("delivered"))
        holds = [line for line in story.lines if line.id == "hold_stock"]
        assert holds
        assert all((line.word, line.mark) == ("completed", "ok") for line in holds)
        assert len(holds[0].events) == 3  # scheduled, started, completed
        updates = [line for line in story.lines if line.kind == "update"]
        assert {"Ship", "Deliver"} <= {line.name for line in updates}
        assert story.updates == len(updates)
        assert story.tasks
        assert not any("Workflow task" in line.name for line in story.lines)

    def test_a_timer_that_runs_is_told_with_its_end(self) -> None:
        events = recorded("delivered")
        started = next(i for i, event in enumerate(events) if event.HasField("timer_started_event_attributes"))
        [timer] = read_story(events[: started + 1]).timers
        assert timer.ends_at > timer.started_at
        assert read_story(events).timers == []

    def test_names_in_words(self) -> None:
        assert [words(name) for name in ("hold_stock", "OrderWorkflow", "")] == [
            "Hold stock",
            "Order workflow",
            "Unnamed",
        ]


class TestMasking:
    def test_no_payload_of_any_recorded_history_is_left(self) -> None:
        """Not by name: whatever a message holds is gone, wherever in an event it stands."""
        left = []

        def look(value: Any, path: str) -> None:
            if isinstance(value, dict):
                if "data" in value and not any(kept in path for kept in ("userMetadata", "searchAttributes")):
                    left.append(path)
                for key, inner in value.items():
                    look(inner, f"{path}.{key}")
            elif isinstance(value, list):
                for inner in value:
                    look(inner, path)

        for path in HISTORIES.rglob("*.json"):
            for event in WorkflowHistory.from_json("recorded", path.read_text()).events:
                look(masked_event(event), path.stem)
        assert left == []

    def test_a_token_in_an_error_is_struck_out(self) -> None:
        event = HistoryEvent(event_id=7)
        event.activity_task_failed_event_attributes.failure.message = "The gateway does not know tok_visa_4242."
        event.activity_task_failed_event_attributes.failure.encoded_attributes.CopyFrom(Payload(data=b"tok_x"))
        shown = json.dumps(masked_event(event))
        assert "tok_visa" not in shown
        assert "does not know" in shown


@pytest.mark.django_db
class TestWhoMayLook:
    def test_the_right_and_the_sight_of_the_process_are_both_needed(self) -> None:
        Order.objects.create(order_id=ORDER, customer_id="C1", customer_email="c@example.com")
        page = f"/technical/order-{ORDER}/"
        for end in ("", "live/", "stack/", "history.json"):
            assert logged_in(OPERATIONS, STAFF).get(page + end).status_code == 403
            assert logged_in(ENGINEERS).get(page + end).status_code == 404
            assert logged_in(ENGINEERS, STAFF).get(page + end).status_code in (200, 503)
            assert Client().get(page + end).status_code == 302
        for unknown in ("order-ORD-1", "nobody", "approval-REQ-1", "campaign-CMP-1-shard-1", "user-actor-'x"):
            assert logged_in(ADMINISTRATORS).get(f"/technical/{unknown}/").status_code == 404

    def test_each_area_knows_its_own(self) -> None:
        Campaign.objects.create(campaign_id="CMP-1", name="Spring letter")
        shard = recognise_campaign("campaign-CMP-1-shard-12")
        assert shard is not None
        assert (shard.title, shard.link) == ("Spring letter, shard 12", "/campaigns/CMP-1/")
        assert recognise_approval("campaign-CMP-1") is None
        time = recognise_campaign("campaign-CMP-1-occurrence-2026-11-21T09:00:00Z")
        assert time is not None
        assert time.title == "Spring letter, start of the time due 2026-11-21T09:00:00 UTC"
        assert time.link == "/campaigns/CMP-1/"
        stop = recognise_campaign("stop-everything-STOP-20261121-0a1b2c")
        assert stop is not None
        assert (stop.title, stop.link) == ("Stop everything", "/campaigns/stop/STOP-20261121-0a1b2c/")
        assert recognise_campaign("stop-everything-../x") is None

    def test_without_temporal_the_page_says_so(self) -> None:
        Order.objects.create(order_id=ORDER, customer_id="C1", customer_email="c@example.com")
        engineer = logged_in(ENGINEERS, STAFF)
        assertContains(engineer.get(f"/technical/order-{ORDER}/"), "Temporal cannot be asked now")
        assertContains(engineer.get(f"/technical/order-{ORDER}/stack/"), "No worker answered")


@pytest.mark.django_db(transaction=True)
class TestTemporalsOwnPage:
    def test_of_what_temporal_has_nothing_of_it_is_said_where_the_link_leads(self, worker: None) -> None:
        order_saved(ORDER, status=OrderStatus.DELIVERED, stage=OrderStage.COMPLETED)
        staff, link = logged_in(STAFF), f"/technical/order-{ORDER}/temporal/"
        assertContains(staff.get(f"/orders/{ORDER}/"), f'href="{link}"')
        answer = staff.get(link)
        assertContains(answer, "Temporal has nothing of it", status_code=410)
        assertContains(answer, f'href="/orders/{ORDER}/"', status_code=410)

    def test_else_it_leads_on(self, worker: None, settings: Any) -> None:
        settings.TEMPORAL_UI_URL = "https://temporal.example"
        Product.objects.create(sku="MOUSE-001", name="Mouse", unit_price_cents=2_999, stock=100)
        view = gateway.start_order(
            customer_id="C1",
            customer_email="c@example.com",
            items=[("MOUSE-001", 1)],
            by=By("ops", Door.WEB),
            key="k",
        )
        answer = logged_in(STAFF).get(f"/technical/{view.workflow_id}/temporal/")
        assert answer.status_code == 302
        assert re.fullmatch(
            rf"https://temporal\.example/namespaces/[\w-]+/workflows/{view.workflow_id}", answer["Location"]
        )

    def test_out_of_reach_it_leads_on_too(self) -> None:
        Order.objects.create(order_id=ORDER, customer_id="C1", customer_email="c@example.com")
        assert logged_in(STAFF).get(f"/technical/order-{ORDER}/temporal/").status_code == 302

    def test_is_there_for_who_sees_the_process(self) -> None:
        Order.objects.create(order_id=ORDER, customer_id="C1", customer_email="c@example.com")
        assert logged_in(ENGINEERS).get(f"/technical/order-{ORDER}/temporal/").status_code == 404
        assert logged_in(STAFF).get("/technical/order-ORD-1/temporal/").status_code == 404
        assert Client().get(f"/technical/order-{ORDER}/temporal/").status_code == 302


def test_an_order_behind_the_curtain(worker: None) -> None:
    Product.objects.create(sku="MOUSE-001", name="Mouse", unit_price_cents=2_999, stock=100)
    by = By("ops", Door.WEB)
    view = gateway.start_order(
        customer_id="C1", customer_email="c@example.com", items=[("MOUSE-001", 1)], by=by, key="k"
    )
    eventually(lambda: gateway.read_order(view.order_id).view.stage == "awaiting_payment")
    gateway.process_payment(
        view.order_id, payment_method="card", card_token="tok_visa", amount_cents=2_999, by=by, key="pay"
    )
    eventually(lambda: gateway.read_order(view.order_id).view.stage == "awaiting_shipment")
    engineer, page = logged_in(ENGINEERS, STAFF), f"/technical/order-{view.order_id}/"
    shown = engineer.get(page)
    for part in ("Process payment", "by ops, web", "Hold stock", "Ship", "workflow task", "1,999 left"):
        assertContains(shown, part)
    assertNotContains(shown, "tok_visa")
    assertContains(engineer.get(f"{page}stack/"), "orders/workflows.py")
    file = engineer.get(f"{page}history.json")
    assert file.json()["is_whole"]
    assert len(file.json()["events"]) > 20
    assertNotContains(file, "tok_visa")
    assertNotContains(file, "c@example.com")
    assert engineer.get(f"{page}live/", {"after": "other"}).status_code == 200

    def is_known() -> bool:
        etag = engineer.get(page).context["it"].etag
        return engineer.get(f"{page}live/", {"after": etag}).status_code == 204

    eventually(is_known)


def test_a_decision_of_the_send_log_leads_to_its_step(worker: None) -> None:
    begin()
    cap(None)
    person(1)
    for number in (1, 2):
        send(campaign(number))
    first, second = SendLog.objects.order_by("pk")
    engineer = logged_in(ENGINEERS, MARKETERS)
    for log in (f"/campaigns/{first.campaign_id}/log/", f"/campaigns/users/{first.user_id}/log/"):
        assertContains(engineer.get(log), step_url(first).replace("&", "&amp;"))
    for row in (first, second):
        page = engineer.get(step_url(row).removesuffix("#step"))
        assert page.context["polls_after"] == 0, "whoever looks at one step is not disturbed"
        (step,) = re.findall(r'<li id="step".*?</li>', page.content.decode(), re.S)
        assert f"<code>{row.grant_id}</code>" in step
        assert "Request send" in step
    refused = SendLog.objects.create(grant_id="no", user_id=first.user_id, channel="push", outcome="denied")
    assert step_url(refused) == "", "what is refused is in no history"


def test_a_step_is_on_the_page_of_the_history_that_has_it() -> None:
    lines = [Line("right", "update", "Ask", timezone.now(), id=f"g{number}") for number in range(LINES * 2 + 1)]
    technical = Technical("user-actor-USER-001", story=Story(lines, [], 0, 0))
    assert [_page_of(step, technical) for step in (f"g{LINES * 2}", f"g{LINES}", "g0", "unknown", "")] == [
        1,
        2,
        3,
        1,
        1,
    ]


def _counts_down(order_id: str) -> bool:
    return bool(gateway.read_order(order_id).view.countdowns)


class TestFastForward:
    UNTIL = "2026-07-02T10:00:00Z"

    @pytest.mark.django_db
    def test_there_is_none_outside_the_demo(self) -> None:
        Order.objects.create(order_id=ORDER, customer_id="C1", customer_email="c@example.com")
        page = f"/technical/order-{ORDER}/fast-forward/"
        somebody = logged_in(ADMINISTRATORS, STAFF)
        assert somebody.get(page, {"until": self.UNTIL}).status_code == 404
        assert somebody.post(page, {"until": self.UNTIL}).status_code == 404

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "until", ["", "tomorrow", "2026-07-02T10:00:00", "9999-01-01T00:00:00Z", "2026-99-99T00:00:00Z"]
    )
    def test_a_moment_that_is_none_is_no_page(self, settings: Any, until: str) -> None:
        settings.DEMO = True
        Order.objects.create(order_id=ORDER, customer_id="C1", customer_email="c@example.com")
        page = f"/technical/order-{ORDER}/fast-forward/"
        assert logged_in(STAFF).post(page, {"until": until}).status_code == 404
        assert logged_in().post(page, {"until": self.UNTIL}).status_code == 404

    def test_a_day_passes_for_one_order_and_for_no_other(self, worker: None, settings: Any) -> None:
        settings.DEMO = True
        Product.objects.create(sku="MOUSE-001", name="Mouse", unit_price_cents=2_999, stock=100)
        by = By("ops", Door.WEB)
        first, second = (
            gateway.start_order(
                customer_id="C1", customer_email="c@example.com", items=[("MOUSE-001", 1)], by=by, key=key
            )
            for key in ("first", "second")
        )
        for view in (first, second):
            eventually(partial(_counts_down, view.order_id))
        [countdown] = gateway.read_order(first.order_id).view.countdowns
        assert timedelta(hours=23) < countdown.ends_at - timezone.now() <= timedelta(hours=24)
        page = f"/technical/order-{first.order_id}/fast-forward/"
        staff = logged_in(STAFF)
        assertContains(staff.get(page, {"until": countdown.ends_at.isoformat()}), "Demo time")
        answer = staff.post(page, {"until": countdown.ends_at.isoformat()})
        assert answer["Location"] == f"/orders/{first.order_id}/"
        eventually(lambda: gateway.read_order(first.order_id).view.status == "cancelled")
        assert gateway.read_order(second.order_id).view.status == "pending"
        row = eventually(lambda: Order.objects.filter(order_id=first.order_id, status="cancelled").first())
        assert row is not None
        shown = staff.get(f"/orders/{first.order_id}/")
        assertContains(shown, "not paid within 24 hours")
        assertContains(shown, 'data-ahead="86')
        assertContains(staff.get(f"/orders/{second.order_id}/"), 'data-ahead="0"')
