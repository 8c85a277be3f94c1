"""A notice that fails is shown on its request's page from its first failure on, until it has arrived or is given up."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains
from temporalio.exceptions import ApplicationError

from approvals.activities import publish_slack_card, send_approval_mail
from approvals.contract import Notice, NoticeRequest, SlackCard
from approvals.models import ApprovalRequest
from approvals.notifiers import mail as mail_notifier
from approvals.notifiers import retries
from approvals.notifiers import slack as slack_notifier
from approvals.notifiers.retries import LONGEST, retries_of
from tests.approvals.requests_of import REQUEST_ID, Desk

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = f"/approvals/{REQUEST_ID}/"
AGAIN = "being tried again"


class Attempt:
    """What an activity knows of itself."""

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt


@pytest.fixture
def attempt(monkeypatch: pytest.MonkeyPatch) -> Any:
    def attempt(number: int) -> None:
        monkeypatch.setattr(retries.activity, "in_activity", lambda: True)
        monkeypatch.setattr(retries.activity, "info", lambda: Attempt(number))

    return attempt


@pytest.fixture
def desk(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(at=timezone.now(), names={"employee": "Emil Novak", "manager": "Marta Kovács"}).save()
    monkeypatch.setattr("approvals.gateway.reading.query_state", lambda request_id: None)
    monkeypatch.setattr("approvals.gateway.reading.client.call", lambda asked: desk.view)
    return desk


class Post:
    """The mail server: a test says whether it is there."""

    is_away = False

    def send_notice(self, notice: NoticeRequest) -> str:
        if self.is_away:
            raise OSError("later")
        return "manager@example.com"


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Post:
    post = Post()
    monkeypatch.setattr(mail_notifier, "send_notice", post.send_notice)
    return post


def page_of(people: dict[str, User], username: str = "employee", path: str = PAGE) -> Any:
    client = Client()
    client.force_login(people[username])
    return client.get(path)


def notice(desk: Desk) -> NoticeRequest:
    return NoticeRequest(Notice.ASKED, "manager", desk.view)


class TestMail:
    def test_is_shown_from_the_first_failure_until_it_has_arrived(
        self,
        people: dict[str, User],
        desk: Desk,
        box: Post,
        attempt: Any,
    ) -> None:
        assertNotContains(page_of(people), AGAIN)
        box.is_away = True
        for number in (1, 2):
            attempt(number)
            with pytest.raises(ApplicationError):
                send_approval_mail(notice(desk))
            for path in (PAGE, f"{PAGE}actions/"):
                page = page_of(people, path=path)
                assertContains(page, AGAIN)
                assertContains(page, "The mail “asked” to Marta Kovács")
        box.is_away = False
        attempt(3)
        send_approval_mail(notice(desk))
        assertNotContains(page_of(people), AGAIN)

    def test_ends_when_it_is_given_up(self, people: dict[str, User], desk: Desk, box: Post, attempt: Any) -> None:
        box.is_away = True
        for number in range(1, 7):
            attempt(number)
            with pytest.raises(ApplicationError):
                send_approval_mail(notice(desk))
            assert bool(ApprovalRequest.objects.get().retried) == (number < 6)

    def test_costs_nothing_when_it_arrives_at_once(self, desk: Desk, box: Post, attempt: Any) -> None:
        attempt(1)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            send_approval_mail(notice(desk))
        assert not any("retried" in one["sql"] and one["sql"].startswith("UPDATE") for one in queries)

    def test_a_page_asks_for_it_with_what_it_asks_anyway(self, people: dict[str, User], desk: Desk) -> None:
        client = Client()
        client.force_login(people["employee"])
        client.get(PAGE)
        with CaptureQueriesContext(connection) as queries:
            client.get(PAGE)
        assert sum('"retried"' in one["sql"] for one in queries) == 1

    def test_of_a_request_that_was_terminated_is_forgotten(self) -> None:
        now = timezone.now()
        entry = {"words": "The mail", "problem": "later", "since": (now - LONGEST).isoformat()}
        assert retries_of({"k": entry}, now) == []


class TestSlack:
    def test_is_shown_too(
        self, people: dict[str, User], desk: Desk, attempt: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(card: SlackCard) -> None:
            raise ApplicationError("Slack is away.", type="NotDone")

        def refused(card: SlackCard) -> None:
            raise ApplicationError("channel_not_found", type="Refused", non_retryable=True)

        attempt(1)
        monkeypatch.setattr(slack_notifier, "publish_card", away)
        with pytest.raises(ApplicationError):
            publish_slack_card(SlackCard(desk.view, 1, 1))
        assertContains(page_of(people), "The message in Slack for Manager")
        monkeypatch.setattr(slack_notifier, "publish_card", refused)
        with pytest.raises(ApplicationError):
            publish_slack_card(SlackCard(desk.view, 1, 1))
        assertNotContains(page_of(people), AGAIN)  # nobody tries again; the trail says so
