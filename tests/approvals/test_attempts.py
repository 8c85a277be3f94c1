"""Whatever a door of ours refuses is in the chain of attempts, also when it is refused before its request is asked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from approvals import gateway
from approvals.contract import ApprovalView, Door
from approvals.mail_links import link_for
from approvals.models import Policy, RefusedAttempt
from approvals.strangers import MOST_A_MINUTE
from tests.approvals.requests_of import REQUEST_ID, Desk

pytestmark = pytest.mark.django_db(transaction=True)

People = dict[str, User]


def attempts() -> list[tuple[str, str, str, str]]:
    return list(RefusedAttempt.objects.values_list("who", "door", "what", "code"))


class TestMailLink:
    @pytest.fixture
    def view(self, people: People) -> ApprovalView:
        Policy.objects.update(mail="decide")
        return replace(Desk(at=timezone.now()).save().view, mail="decide")

    def path(self, view: ApprovalView, user: User) -> str:
        return link_for(user, view).removeprefix("http://127.0.0.1:8000")

    def test_that_has_expired(self, people: People, view: ApprovalView) -> None:
        path = self.path(replace(view, deadline_at=timezone.now() - timedelta(seconds=1)), people["manager"])
        assert Client().get(path).status_code == Client().post(path, {"choice": "reject"}).status_code == 410
        assert attempts() == [
            ("manager", "mail", "open a link", "link_expired"),
            ("manager", "mail", "reject", "link_expired"),
        ]
        assert set(RefusedAttempt.objects.values_list("request_id", flat=True)) == {REQUEST_ID}

    def test_of_a_closed_account(self, people: People, view: ApprovalView) -> None:
        path = self.path(view, people["manager"])
        User.objects.filter(username="manager").update(is_active=False)
        assert Client().post(path, {"choice": "approve"}).status_code == 410
        assert attempts() == [("manager", "mail", "approve", "account_closed")]

    def test_of_somebody_without_a_part_any_more(self, people: People, view: ApprovalView) -> None:
        path = self.path(view, people["manager"])
        people["manager"].groups.clear()
        assert Client().post(path, {"choice": "approve"}).status_code == 404
        assert attempts() == [("manager", "mail", "approve", "not_found")]

    def test_does_not_fill_the_disk(self, people: People, view: ApprovalView) -> None:
        path = self.path(replace(view, deadline_at=timezone.now() - timedelta(seconds=1)), people["manager"])
        for _ in range(MOST_A_MINUTE + 5):
            Client().post(path)
        assert RefusedAttempt.objects.count() == MOST_A_MINUTE


def resubmit(user: User) -> Any:
    words: dict[str, Any] = {"title": "A", "description": "", "amount_cents": None, "key": "k"}
    return gateway.resubmit(REQUEST_ID, user=user, door=Door.API, **words)


def attach(user: User, **more: Any) -> Any:
    words = {"name": "a.exe", "content": b"x", "content_type": "", "key": "k", **more}
    return gateway.attach(REQUEST_ID, user=user, door=Door.WEB, **words)


def delegate(user: User) -> Any:
    words: dict[str, Any] = {"to": "nobody", "until": timezone.now(), "reason": "", "key": "k"}
    return gateway.delegate(REQUEST_ID, user=user, door=Door.WEB, **words)


class TestBeforeTheRequestIsAsked:
    @pytest.fixture(autouse=True)
    def _desk(self, people: People) -> None:
        Desk(at=timezone.now()).decide("manager", False).save()

    @pytest.mark.parametrize(
        ("act", "who", "noted"),
        [
            (resubmit, "outsider", ("outsider", "api", "resubmit", "not_found")),
            (attach, "outsider", ("outsider", "web", "attach", "not_found")),
            (attach, "employee", ("employee", "web", "attach", "invalid")),
            (delegate, "manager", ("manager", "web", "delegate", "invalid")),
        ],
    )
    def test_is_noted_once(self, people: People, act: Callable[[User], Any], who: str, noted: Any) -> None:
        with pytest.raises(gateway.ApprovalProblem) as problem:
            act(people[who])
        assert attempts() == [(*noted[:3], problem.value.code)]
        assert RefusedAttempt.objects.get().request_id == REQUEST_ID

    def test_many_at_once_too(self, people: People) -> None:
        words: dict[str, Any] = {"approved": True, "comment": "", "items": [(REQUEST_ID, 1)], "key": "k"}
        with pytest.raises(gateway.InvalidRequest):
            gateway.start_bulk(user=people["outsider"], **words)
        people["outsider"].groups.clear()
        with pytest.raises(gateway.NotPermitted):
            gateway.start_bulk(user=User.objects.get(username="outsider"), **words)
        assert [(row.what, row.request_id) for row in RefusedAttempt.objects.all()] == [
            ("approve", REQUEST_ID),
            ("approve", ""),
        ]


class TestWithoutTheRight:
    @pytest.mark.parametrize(
        ("path", "fields", "what"),
        [
            (f"/approvals/{REQUEST_ID}/decision/", {"decision": "approve"}, "approve"),
            (f"/approvals/{REQUEST_ID}/withdrawal/", {}, "withdraw"),
            (f"/approvals/{REQUEST_ID}/comment/", {"text": "Hello"}, "add_comment"),
            (f"/approvals/{REQUEST_ID}/delegation/end/", {}, "end_delegation"),
            ("/approvals/new/", {}, "submit"),
            ("/approvals/bulk/", {"decision": "reject"}, "reject"),
            ("/approvals/away/new/", {}, "away_new"),
        ],
    )
    def test_on_the_web_is_noted(self, people: People, path: str, fields: dict[str, str], what: str) -> None:
        people["manager"].groups.clear()
        client = Client()
        client.force_login(people["manager"])
        assert client.get(path).status_code in (404, 405)
        assert client.post(path, fields).status_code == 404
        assert attempts() == [("manager", "web", what, "no_right")]
        assert RefusedAttempt.objects.get().request_id in ("", REQUEST_ID)

    def test_who_is_not_logged_in_is_sent_to_log_in(self, people: People) -> None:
        assert Client().post(f"/approvals/{REQUEST_ID}/decision/", {"decision": "approve"}).status_code == 302
        assert attempts() == []

    def test_asking_is_noted_as_well(self, people: People) -> None:
        people["employee"].groups.clear()
        user = User.objects.get(username="employee")
        with pytest.raises(gateway.NotPermitted):
            gateway.submit_request(user=user, door=Door.API, kind="leave", title="A week", key="k")
        assert attempts() == [("employee", "api", "submit", "no_right")]
