"""Slack's messages and buttons against a stand-in that is a real server, on a real Temporal."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from approvals import gateway, policies
from approvals.contract import ApprovalInput, ApprovalView, By, Door, SlackCard
from approvals.models import ApprovalRequest, Policy, RefusedAttempt, SlackIdentity, SlackMessage, SlackPress
from approvals.notifiers import slack, slack_card, slack_client, slack_presses
from approvals.process.state import ApprovalState
from temporal_worker.snapshots import to_json
from tests.approvals import people as company
from tests.eventually import eventually
from tests.orders.at_once import at_once
from tests.slack_standin import CHANNEL, SECRET, TEAM, TOKEN, SlackStandIn, signed

WEBHOOK = "/webhooks/slack/interactivity"


@pytest.fixture
def slack_server(settings: Any) -> Iterator[SlackStandIn]:
    with SlackStandIn() as server:
        settings.SLACK_BASE_URL = server.url
        settings.SLACK_BOT_TOKEN, settings.SLACK_SIGNING_SECRET, settings.SLACK_TEAM_ID = TOKEN, SECRET, TEAM
        yield server


@pytest.fixture
def staff(transactional_db: None) -> dict[str, User]:
    people = company.hire()
    company.write_policies()
    Policy.objects.update(slack="buttons", slack_channel=CHANNEL)
    for number, user in enumerate(people.values()):
        SlackIdentity.objects.create(team_id=TEAM, slack_user_id=f"U{number}", user=user)
    return people


def slack_id(user: User) -> str:
    return user.slack_identities.get().slack_user_id  # type: ignore[attr-defined]


def ask(user: User, **more: Any) -> ApprovalView:
    content = {"kind": "expense", "title": "A chair", "amount_cents": 45_000, "key": str(time.time_ns()), **more}
    return gateway.submit_request(user=user, door=Door.WEB, **content)


def post(payload: dict[str, Any], **more: Any) -> Any:
    body, headers = signed(payload, **more)
    content_type = headers.pop("Content-Type")
    return Client(raise_request_exception=False).post(WEBHOOK, body, content_type=content_type, headers=headers)


def card_of(user: User, **changes: Any) -> SlackCard:
    """A card of a request that only the database knows."""
    start = ApprovalInput(
        "REQ-20261121-120000-abcd",
        "expense",
        "A chair",
        user.username,
        policies.resolve(user, "expense", 45_000),
        amount_cents=45_000,
        names={"employee": "Emil Novak", "manager": "Marta Kovács"},
        by=By(user.username, Door.WEB),
    )
    view = replace(ApprovalState(start, timezone.now, lambda: None).view(), **changes)
    ApprovalRequest.objects.get_or_create(
        request_id=view.request_id,
        defaults={
            "status": "pending",
            "version": view.version,
            "requester": view.requester,
            "kind": view.kind,
            "title": view.title,
            "idempotency_key": "x",
            "snapshot": to_json(view),
        },
    )
    return SlackCard(view, 1, 1)


class TestMessage:
    def test_is_posted_once_and_then_kept_up_to_date(self, slack_server, staff):
        card = card_of(staff["employee"])
        slack.publish_card(card)
        slack.publish_card(card)
        assert slack_server.calls["chat.postMessage"] == 1
        (message,) = slack_server.messages.values()
        assert "A chair" in message["text"]
        assert "$450.00" in json.dumps(message["blocks"], ensure_ascii=False)
        later = replace(card, request=replace(card.request, version=card.request.version + 1, status="withdrawn"))
        slack.publish_card(later)
        (message,) = slack_server.messages.values()
        assert "The request was withdrawn." in json.dumps(message["blocks"])
        with pytest.raises(StopIteration):
            slack_server.button(slack_card.APPROVE)

    def test_an_older_card_does_not_overwrite_a_newer_one(self, slack_server, staff):
        card = card_of(staff["employee"])
        slack.publish_card(replace(card, request=replace(card.request, version=9)))
        slack.publish_card(card)
        assert slack_server.calls["chat.update"] == 0

    def test_whose_answer_was_lost_is_found_and_not_posted_again(self, slack_server, staff):
        card = card_of(staff["employee"])
        slack_server.once["chat.postMessage"] = "lost"
        with pytest.raises(ApplicationError) as error:
            slack.publish_card(card)
        assert (error.value.type, error.value.non_retryable) == ("OutcomeUnknown", False)
        for _ in range(5):  # younger messages, so that pages have to be turned
            slack_client.call(
                "chat.postMessage", channel=CHANNEL, text="x", blocks=slack_card.message(card), metadata=OTHER
            )
        slack.publish_card(card)
        assert len([each for each in slack_server.messages.values() if each["metadata"] != OTHER]) == 1
        assert SlackMessage.objects.get().state == SlackMessage.State.POSTED

    def test_whose_poster_died_before_posting_is_posted_once_it_is_sure(self, slack_server, staff):
        card = card_of(staff["employee"])
        row = ApprovalRequest.objects.get()
        SlackMessage.objects.create(request=row, round=1, level=1, channel=CHANNEL)
        with pytest.raises(ApplicationError, match="still be on its way"):
            slack.publish_card(card)
        assert not slack_server.messages
        SlackMessage.objects.update(updated_at=timezone.now() - slack.SURE_AFTER - timedelta(seconds=1))
        outcomes = at_once(5, lambda _: slack.publish_card(card))
        assert len(slack_server.messages) == 1
        assert {type(each) for each in outcomes} <= {type(None), ApplicationError}

    def test_ten_at_once_post_one(self, slack_server, staff):
        card = card_of(staff["employee"])
        at_once(10, lambda _: slack.publish_card(card))
        assert len(slack_server.messages) == 1

    @pytest.mark.parametrize(
        ("fault", "kind", "is_final"),
        [
            ("limited", "NotDone", False),
            ("channel_not_found", "Refused", True),
            ("internal_error", "OutcomeUnknown", False),
            ("down", "OutcomeUnknown", False),
        ],
    )
    def test_says_what_became_of_it(self, slack_server, staff, fault, kind, is_final):
        slack_server.faults["chat.postMessage"] = fault
        with pytest.raises(ApplicationError) as error:
            slack.publish_card(card_of(staff["employee"]))
        assert (error.value.type, error.value.non_retryable) == (kind, is_final)
        assert SlackMessage.objects.exists() == (kind == "OutcomeUnknown")
        if fault == "limited":
            assert error.value.next_retry_delay == timedelta(seconds=1)

    def test_is_not_sent_where_nobody_listens(self, slack_server, staff, settings):
        settings.SLACK_BASE_URL = "http://127.0.0.1:9/api/"
        with pytest.raises(ApplicationError) as error:
            slack.publish_card(card_of(staff["employee"]))
        assert error.value.type == "NotDone"
        assert not SlackMessage.objects.exists()

    def test_is_nothing_while_slack_is_off(self, slack_server, staff, settings):
        settings.SLACK_BOT_TOKEN = ""
        slack.publish_card(card_of(staff["employee"]))
        assert not slack_server.calls

    def test_of_a_level_that_is_over_is_not_posted_late(self, slack_server, staff):
        slack.publish_card(card_of(staff["employee"], status="withdrawn"))
        assert not slack_server.messages

    def test_has_no_buttons_where_the_policy_only_tells(self, slack_server, staff):
        slack.publish_card(card_of(staff["employee"], slack="notify"))
        with pytest.raises(StopIteration):
            slack_server.button(slack_card.APPROVE)
        assert slack_server.button(slack_card.OPEN)["url"].endswith("/approvals/REQ-20261121-120000-abcd/")

    def test_peoples_words_are_neither_links_nor_mentions_nor_too_long(self, slack_server, staff):
        card = card_of(staff["employee"], title="<!channel> & " + "x" * 187, description="<http://evil|click> " * 500)
        slack.publish_card(card)  # the stand-in checks the lengths
        (message,) = slack_server.messages.values()
        assert "<!channel>" not in message["text"]
        sections = [each for each in message["blocks"] if each["type"] == "section"]
        assert "<http://evil" not in json.dumps(sections)

    def test_that_somebody_has_deleted_stays_deleted(self, slack_server, staff):
        card = card_of(staff["employee"])
        slack.publish_card(card)
        slack_server.messages.clear()
        slack.publish_card(replace(card, request=replace(card.request, version=99)))
        assert not slack_server.messages


OTHER = {"event_type": "other", "event_payload": {}}


class TestSignature:
    def test_a_good_one_is_taken(self, slack_server, staff):
        assert post({"type": "ping", "team": {"id": TEAM}}).status_code == 200

    @pytest.mark.parametrize("seconds", [-299, 299])
    def test_five_minutes_either_way_are_fine(self, slack_server, staff, seconds):
        assert post({"type": "ping", "team": {"id": TEAM}}, at=time.time() + seconds).status_code == 200

    @pytest.mark.parametrize("seconds", [-302, 302, 86_400])
    def test_more_are_not(self, slack_server, staff, seconds):
        assert post({"type": "ping", "team": {"id": TEAM}}, at=time.time() + seconds).status_code == 401

    @pytest.mark.parametrize(
        ("timestamp", "signature", "body"),
        [
            ("", "", b"payload=%7B%7D"),
            ("soon", "v0=1", b"payload=%7B%7D"),
            ("9" * 400, "v0=1", b"payload=%7B%7D"),
            ("٥", "v0=1", b"payload=%7B%7D"),
            ("now", "v0=ü", b"payload=%7B%7D"),
            ("now", "v0=" + "0" * 64, b"payload=%7B%7D"),
            ("now", "v0=" + "0" * 64, b"\xff\xfe"),
        ],
    )
    def test_no_edge_of_it_is_a_500(self, slack_server, staff, timestamp, signature, body):
        headers = {
            "X-Slack-Request-Timestamp": str(int(time.time())) if timestamp == "now" else timestamp,
            "X-Slack-Signature": signature,
        }
        client = Client(raise_request_exception=False)
        answer = client.post(WEBHOOK, body, content_type="application/x-www-form-urlencoded", headers=headers)
        assert answer.status_code == 401
        attempt = RefusedAttempt.objects.get()
        assert (attempt.door, attempt.code) == ("slack", "forged")

    def test_another_secret_is_refused(self, slack_server, staff):
        assert post({"type": "ping", "team": {"id": TEAM}}, secret="guessed").status_code == 401

    def test_another_workspace_is_refused(self, slack_server, staff):
        assert post({"type": "ping", "team": {"id": "T0OTHER"}}).status_code == 401

    def test_forgeries_do_not_fill_the_disk(self, slack_server, staff):
        for _ in range(30):
            post({}, secret="guessed")
        assert RefusedAttempt.objects.count() == 20

    def test_without_slack_there_is_no_such_door(self, slack_server, staff, settings):
        settings.SLACK_SIGNING_SECRET = ""
        assert post({}).status_code == 404

    def test_other_methods_and_sizes(self, slack_server, staff):
        assert Client().get(WEBHOOK).status_code == 405
        big = Client().post(WEBHOOK, b"x" * 300_000, content_type="application/x-www-form-urlencoded")
        assert big.status_code == 413

    @pytest.mark.parametrize(
        "payload",
        [
            {},
            {"team": {"id": TEAM}, "type": "block_actions"},
            {"team": {"id": TEAM}, "type": "block_actions", "actions": [{}]},
            {
                "team": {"id": TEAM},
                "type": "block_actions",
                "actions": [{"action_id": "callboard_approve", "value": "1"}],
            },
            {"team": {"id": TEAM}, "type": "view_submission", "view": []},
            {"team": [], "type": 5},
        ],
    )
    def test_what_slack_would_never_send_is_a_422(self, slack_server, staff, payload):
        assert post(payload).status_code == 422


@pytest.mark.usefixtures("worker")
class TestDeciding:
    @pytest.fixture
    def asked(self, slack_server: SlackStandIn, staff: dict[str, User]) -> ApprovalView:
        view = ask(staff["employee"])
        eventually(lambda: slack_server.messages)
        return view

    def open_form(self, server: SlackStandIn, user: User, action: str = slack_card.APPROVE) -> dict[str, Any]:
        assert post(server.press(slack_id(user), server.button(action))).status_code == 200
        return server.forms[-1]

    def test_a_press_opens_a_form_that_decides(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["manager"])
        assert gateway.read_request(asked.request_id, staff["manager"]).view.status == "pending"
        before = time.monotonic()
        answer = post(slack_server.submit(slack_id(staff["manager"]), form, "Sit well."))
        assert time.monotonic() - before < 3
        assert "You approved" in json.dumps(answer.json(), ensure_ascii=False)
        view = gateway.read_request(asked.request_id, staff["manager"]).view
        (decision,) = view.levels[0].decisions
        assert (view.status, decision.approver, decision.door) == ("approved", "manager", "slack")
        assert decision.comment == "Sit well."
        eventually(lambda: "Approved by Marta" in json.dumps(list(slack_server.messages.values())))
        assert len(slack_server.messages) == 1
        with pytest.raises(StopIteration):
            slack_server.button(slack_card.APPROVE)

    def test_the_same_form_twice_is_one_decision(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["manager"])
        payload = slack_server.submit(slack_id(staff["manager"]), form)
        answers = at_once(6, lambda _: post(payload))
        assert {answer.status_code for answer in answers} == {200}
        assert SlackPress.objects.count() == 1
        view = gateway.read_request(asked.request_id, staff["manager"]).view
        assert [one.what for one in view.trail].count("approved") == 1

    def test_a_rejection_needs_its_reason(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["manager"], slack_card.REJECT)
        assert not next(block for block in form["view"]["blocks"] if block["type"] == "input")["optional"]
        answer = post(slack_server.submit(slack_id(staff["manager"]), form, "  "))
        assert answer.json()["response_action"] == "errors"
        answer = post(slack_server.submit(slack_id(staff["manager"]), form, "Too dear."))
        assert "You rejected" in json.dumps(answer.json(), ensure_ascii=False)

    def test_who_comes_second_is_told_who_was_first(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["manager"])
        gateway.decide(
            asked.request_id, user=staff["manager"], door=Door.WEB, approved=True, comment="", state_version=1, key="w"
        )
        answer = post(slack_server.submit(slack_id(staff["manager"]), form))
        assert "Marta Kovács" in json.dumps(answer.json(), ensure_ascii=False)
        assert RefusedAttempt.objects.get().door == "slack"

    def test_the_requester_cannot_decide(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["employee"])
        answer = post(slack_server.submit(slack_id(staff["employee"]), form))
        assert "You approved" not in json.dumps(answer.json())
        assert RefusedAttempt.objects.get().code == "self_approval"
        assert gateway.read_request(asked.request_id, staff["manager"]).view.status == "pending"

    def test_somebody_in_the_channel_whom_it_does_not_concern_gets_no_form(self, slack_server, staff, asked):
        post(slack_server.press(slack_id(staff["outsider"]), slack_server.button(slack_card.APPROVE)))
        assert not slack_server.forms
        eventually(lambda: slack_server.ephemerals)
        assert slack_server.ephemerals[0]["user"] == slack_id(staff["outsider"])
        assert RefusedAttempt.objects.get().who == "outsider"

    def test_a_slack_account_that_is_not_linked_gets_no_form(self, slack_server, staff, asked):
        post(slack_server.press("USTRANGER", slack_server.button(slack_card.APPROVE)))
        assert not slack_server.forms
        eventually(lambda: "not linked" in json.dumps(slack_server.ephemerals))
        attempt = RefusedAttempt.objects.get()
        assert (attempt.who, attempt.code, attempt.request_id) == ("slack:USTRANGER", "not_linked", asked.request_id)

    def test_the_same_id_of_another_workspace_is_somebody_else(self, slack_server, staff, asked):
        stranger = {"id": slack_id(staff["manager"]), "team_id": "T0OTHER"}
        post(slack_server.press("x", slack_server.button(slack_card.APPROVE), user=stranger))
        assert not slack_server.forms

    def test_whoever_left_cannot_send_the_form_off(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["manager"])
        User.objects.filter(username="manager").update(is_active=False)
        answer = post(slack_server.submit(slack_id(staff["manager"]), form))
        assert "not linked" in json.dumps(answer.json())
        assert gateway.read_request(asked.request_id, staff["employee"]).view.status == "pending"

    def test_a_change_since_then_is_seen(self, slack_server, staff, asked):
        form = self.open_form(slack_server, staff["manager"])
        gateway.request_changes(
            asked.request_id, user=staff["manager"], door=Door.WEB, comment="Less.", state_version=1, key="c"
        )
        gateway.resubmit(
            asked.request_id,
            user=staff["employee"],
            door=Door.WEB,
            title="A chair",
            description="",
            amount_cents=90_000,
            key="r",
        )
        answer = post(slack_server.submit(slack_id(staff["manager"]), form))
        assert "You approved" not in json.dumps(answer.json())
        assert RefusedAttempt.objects.get().code == "stale_state_version"
        assert not gateway.read_request(asked.request_id, staff["manager"]).view.levels[0].decisions

    def test_slack_away_keeps_no_decision_waiting(self, slack_server, staff, asked):
        slack_server.faults["*"] = "down"
        view = gateway.decide(
            asked.request_id, user=staff["manager"], door=Door.WEB, approved=True, comment="", state_version=1, key="w"
        )
        assert view.status == "approved"
        slack_server.faults.clear()
        eventually(lambda: "Approved by Marta" in json.dumps(list(slack_server.messages.values())), 20)


class TestLeftPresses:
    """Temporal is away when the form is sent off."""

    def test_are_finished_later_and_told(self, slack_server, staff, temporal_server, worker):
        view = ask(staff["employee"])
        press = SlackPress.objects.create(
            press_id="V1:x",
            user=staff["manager"],
            request_id=view.request_id,
            approved=True,
            state_version=1,
            channel=CHANNEL,
            slack_user_id=slack_id(staff["manager"]),
        )
        slack.finish_presses()
        press.refresh_from_db()
        assert press.state == SlackPress.State.RECEIVED  # perhaps somebody is still at it
        SlackPress.objects.update(received_at=timezone.now() - slack_presses.LEFT_AFTER)
        at_once(3, lambda _: slack.finish_presses())
        press.refresh_from_db()
        assert (press.state, "You approved" in press.outcome) == (SlackPress.State.DONE, True)
        assert len(slack_server.ephemerals) == 1
        assert view.request_id in slack_server.ephemerals[0]["text"]

    def test_wait_while_temporal_is_away(self, slack_server, staff, monkeypatch):
        def away(*args: Any, **kwargs: Any) -> None:
            raise gateway.Unavailable("Temporal is out of reach.")

        card = card_of(staff["employee"])
        slack.publish_card(card)
        reading = gateway.RequestReading(card.request, "database", timezone.now())
        monkeypatch.setattr(gateway, "read_request", lambda request_id, user: reading)
        monkeypatch.setattr(gateway, "decide", away)
        post(slack_server.press(slack_id(staff["manager"]), slack_server.button(slack_card.APPROVE)))
        answer = post(slack_server.submit(slack_id(staff["manager"]), slack_server.forms[-1]))
        assert "taken in" in json.dumps(answer.json())
        SlackPress.objects.update(received_at=timezone.now() - slack_presses.LEFT_AFTER)
        slack.finish_presses()
        assert SlackPress.objects.get().state == SlackPress.State.RECEIVED


def test_the_stand_in_is_strict(slack_server, staff):
    for wrong in ("blocks", "text"):
        arguments = {"channel": CHANNEL, "text": "x", "blocks": slack_card.message(card_of(staff["employee"]))}
        arguments.pop(wrong)
        with pytest.raises(slack_client.Refused):
            slack_client.call("chat.postMessage", **arguments)
