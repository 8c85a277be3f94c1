"""The campaigns' part of the JSON API: every route, and every answer that it can give. Stories are in ``test_api_story``."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns import gateway
from campaigns.contract import (
    ActorView,
    By,
    CampaignStatus,
    CampaignView,
    Door,
    FrequencyCapInput,
    QuietHours,
    SendDecision,
    SendGrant,
    counts_with_audience,
)
from campaigns.gateway import ActorReading, CampaignReading, Draft
from campaigns.models import Campaign, Segment
from dashboard.models import ApiToken
from dashboard.roles import CAMPAIGN_WRITERS, MARKETERS, STAFF, TRANSACTIONAL_SENDERS
from tests.campaigns.contacts_of import contact
from tests.remembered import rows_of

CAMPAIGN_ID = "CMP-20261121-120000-abcd"
ONE = f"/api/campaigns/{CAMPAIGN_ID}"
USER = "/api/users/USER-001"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEW_CAMPAIGN: dict[str, Any] = {
    "name": "Spring",
    "channel": "email",
    "audience": {"user_ids": ["USER-001"]},
    "template": {"subject": "Hello {{ first_name }}", "body": "Dear {{ name }}"},
}
# path: (method, body, function of the gateway)
CHANGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "/api/campaigns": ("post", NEW_CAMPAIGN, "create_draft"),
    f"{ONE}/launch": ("post", {}, "launch"),
    f"{ONE}/pause": ("post", {"reason": "The price is wrong."}, "pause"),
    f"{ONE}/resume": ("post", {"reason": "It is right."}, "resume"),
    f"{ONE}/cancel": ("post", {"reason": "No more."}, "cancel"),
    f"{USER}/cap": ("put", {"max_per_day": 2, "min_hours_between": 4}, "set_cap"),
    f"{USER}/send-requests": ("post", {"channel": "sms", "category": "news", "grant_id": "g-1"}, "request_send"),
    f"{USER}/opt-outs": ("post", {"channel": "sms"}, "opt_out"),
}
OPTIONAL_BODY = {f"{ONE}/launch", f"{ONE}/pause", f"{ONE}/resume", f"{ONE}/cancel"}
CAMPAIGN_FIELDS = {
    "campaign_id", "workflow_id", "status", "version", "counts", "denied_by_reason", "rate_per_minute", "finishes_at",
}  # fmt: skip
COUNTS = {"audience", "sent", "deferred", "denied", "failed", "unknown", "pending"}
ACTOR_FIELDS = {
    "user_id", "workflow_id", "version", "cap", "sends_in_window", "opted_out_channels", "next_allowed_at", "decisions",
}  # fmt: skip
DECISION_FIELDS = {
    "allowed", "code", "reason", "rule", "limit", "count", "used_by", "next_allowed_at", "policy_version", "detail",
}  # fmt: skip
PROBLEMS = [
    (gateway.InvalidRequest("audience", "Nobody is in this audience."), 422, {"field": "audience"}),
    (gateway.NotPermitted("no_right", "You may not."), 403, {"code": "no_right"}),
    (gateway.CampaignRefused("already_paused", "It is paused."), 409, {"code": "already_paused"}),
    (gateway.KeyReused(), 409, {"code": "key_reused"}),
    (gateway.CampaignNotFound(CAMPAIGN_ID), 404, {}),
    (gateway.ContactNotFound("USER-001"), 404, {}),
    (gateway.Unavailable("Temporal is away.", 7), 503, {"code": "unavailable"}),
]


def view_of(**more: Any) -> CampaignView:
    counts = counts_with_audience({"sent": 2, "pending": 1})
    return CampaignView(
        **{
            "campaign_id": CAMPAIGN_ID,
            "workflow_id": f"campaign-{CAMPAIGN_ID}",
            "status": "running",
            "version": 3,
            "counts": counts,
            "denied_by_reason": {},
            "rate_per_minute": 600,
            "finishes_at": NOON,
            **more,
        }
    )


def actor_view() -> ActorView:
    return ActorView("USER-001", "user-actor-USER-001", 1, None, [], [], {}, [])


@pytest.fixture
def staff(db: None) -> dict[str, User]:
    rows_of("the campaigns' API", _hire)
    return User.objects.in_bulk(field_name="username")


def _hire() -> None:
    for username, role in {"marketer": MARKETERS, "writer": CAMPAIGN_WRITERS, "stranger": STAFF}.items():
        user = User.objects.create_user(username, f"{username}@example.com")
        user.groups.add(Group.objects.get(name=role))
        ApiToken.issue(user, "test", token=f"token-of-{username}")
    contact("USER-001")


class FakeGateway:
    """Answers every call, or raises one problem, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.problem: Exception | None = None
        self.answers: dict[str, Any] = {
            "set_cap": actor_view(),
            "request_send": SendGrant("g-1", "sms", "news", NOON, 4),
            "opt_out": True,
        }

    def named(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            if self.problem:
                raise self.problem
            return self.answers.get(name) or view_of()

        return call


@pytest.fixture
def fake(staff: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway()
    for _, _, function in CHANGES.values():
        monkeypatch.setattr(gateway, function, fake.named(function))
    monkeypatch.setattr(gateway, "read_actor", lambda user_id, *, user: ActorReading(actor_view(), "temporal"))
    return fake


def call(path: str, body: Any = None, *, who: str | None = "marketer", key: str | None = None, **more: Any) -> Any:
    """GET without a body, POST or ``method`` with one (bytes as they are, anything else as JSON)."""
    headers: dict[str, str] = {"Authorization": f"Bearer token-of-{who}"} if who else {}
    if key is not None:
        headers["Idempotency-Key"] = key
    client = more.get("client") or Client()
    if body is None:
        return client.get(path, headers=headers)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    send = getattr(client, more.get("method") or CHANGES.get(path, ("post",))[0])
    return send(path, raw, content_type="application/json", headers={**headers, **more.get("headers", {})})


class TestReading:
    @pytest.fixture
    def drafts(self, staff: dict[str, User]) -> list[str]:
        views = [
            gateway.create_draft(
                user=staff["marketer"], draft=Draft(f"No. {n}", "push", "all", "Hi", "You"), key=str(n)
            )
            for n in range(7)
        ]
        return [view.campaign_id for view in views]

    def test_one_campaign_has_the_contracts_fields(self, drafts: list[str]) -> None:
        answer = call(f"/api/campaigns/{drafts[0]}")
        assert answer.status_code == 200
        campaign = answer.json()
        assert campaign.keys() >= CAMPAIGN_FIELDS
        assert campaign["counts"].keys() == COUNTS
        assert (campaign["status"], campaign["version"], campaign["rate_per_minute"]) == ("draft", 0, 6_000)
        assert answer["Callboard-Source"] == "database"
        assert answer["Callboard-As-Of"]

    def test_what_is_launched_and_not_there_yet_is_scheduled(self, drafts: list[str]) -> None:
        Campaign.objects.filter(campaign_id=drafts[0]).update(status=Campaign.STARTING)
        assert call(f"/api/campaigns/{drafts[0]}").json()["status"] == "scheduled"
        [item] = call("/api/campaigns?status=scheduled").json()["items"]
        assert (item["campaign_id"], item["status"]) == (drafts[0], "scheduled")

    @pytest.mark.parametrize("was", [CampaignStatus.COMPLETED, CampaignStatus.CANCELLED])
    def test_a_recurring_one_is_not_over_with_its_first_time(self, drafts: list[str], was: CampaignStatus) -> None:
        def statuses(**now: Any) -> tuple[str, list[str]]:
            Campaign.objects.filter(campaign_id=drafts[0]).update(**now)
            asked = [one for one in CampaignStatus if one != CampaignStatus.DRAFT]
            listed = {one: call(f"/api/campaigns?status={one}").json()["items"] for one in asked}
            assert all(item["status"] == one for one, items in listed.items() for item in items)
            return call(f"/api/campaigns/{drafts[0]}").json()["status"], [one for one, items in listed.items() if items]

        known = {"recurs": "0 9 * * 1", "planned_at": NOON, "status": was, "next_time_at": NOON}
        assert statuses(**known) == ("scheduled", ["scheduled"])
        assert statuses(times_paused_at=NOON) == ("paused", ["paused"])
        assert statuses(times_paused_at=None, times_ended_at=NOON, next_time_at=None) == (was, [was])

    def test_who_may_see_it(self, drafts: list[str]) -> None:
        path = f"/api/campaigns/{drafts[0]}"
        seen = {who: call(path, who=who).status_code for who in ("marketer", "writer", "stranger")}
        assert seen == {"marketer": 200, "writer": 200, "stranger": 404}
        assert call("/api/campaigns", who="stranger").status_code == 403
        assert call("/api/campaigns", who=None).status_code == 401
        assert call(f"{USER}/actor", who="stranger").status_code == 404

    def test_what_is_not_there_looks_like_what_one_may_not_see(self, drafts: list[str]) -> None:
        there = call(f"/api/campaigns/{drafts[0]}", who="stranger").json()["detail"]
        not_there = call(ONE, who="marketer").json()["detail"]
        assert there.replace(drafts[0], "") == not_there.replace(CAMPAIGN_ID, "")
        there = call(f"{USER}/actor", who="stranger").json()["detail"]
        not_there = call("/api/users/USER-404/actor").json()["detail"]
        assert there.replace("USER-001", "") == not_there.replace("USER-404", "")
        for path in ("/api/campaigns/%00", "/api/users/%00/actor", f"/api/users/{'x' * 5_000}/actor"):
            assert call(path).status_code == 404

    def test_pages_follow_one_another(self, drafts: list[str], django_assert_max_num_queries: Any) -> None:
        seen: list[str] = []
        cursor = ""
        for _ in range(3):
            with django_assert_max_num_queries(8):
                page = call(f"/api/campaigns?limit=3&cursor={cursor}").json()
            seen += [item["campaign_id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert cursor is None
        assert seen == drafts[::-1]

    def test_filters(self, drafts: list[str]) -> None:
        for status in CampaignStatus:
            found = call(f"/api/campaigns?status={status}").json()["items"]
            assert len(found) == (7 if status == CampaignStatus.DRAFT else 0)

    @pytest.mark.parametrize("query", ["status=x", "limit=0", "limit=101", "limit=a", "cursor=x", "cursor=%00"])
    def test_a_senseless_question_is_a_422(self, staff: dict[str, User], query: str) -> None:
        answer = call(f"/api/campaigns?{query}")
        assert answer.status_code == 422
        assert answer.json()["field"] == query.partition("=")[0]

    def test_what_the_workflow_says_is_told_apart(self, staff: dict[str, User], monkeypatch: Any) -> None:
        reading = CampaignReading(view_of(), "temporal", NOON)
        monkeypatch.setattr(gateway, "read_campaign", lambda campaign_id, user: reading)
        answer = call(ONE)
        assert answer.json()["counts"] == {**dict.fromkeys(COUNTS, 0), "audience": 3, "sent": 2, "pending": 1}
        assert (answer["Callboard-Source"], answer.json()["finishes_at"]) == ("temporal", "2026-11-21T12:00:00+00:00")


@pytest.mark.parametrize("path", CHANGES)
class TestEveryChange:
    def test_is_handed_to_the_gateway_in_the_callers_name(
        self, fake: FakeGateway, staff: dict[str, User], path: str
    ) -> None:
        method, body, function = CHANGES[path]
        answer = call(path, body, key="mine")
        created = path == "/api/campaigns"
        assert answer.status_code == (201 if created else 200)
        if created:
            assert answer["Location"] == ONE
        ((name, args, asked),) = fake.calls
        assert (name, asked["user"]) == (function, staff["marketer"])
        assert args == (() if created else (path.split("/")[3],))
        if function in ("launch", "pause", "resume", "cancel", "set_cap"):
            assert asked["door"] == Door.API
        if function not in ("request_send", "opt_out"):  # they are the same twice by what they are
            assert asked["key"] == "mine"
        if "reason" in body:
            assert asked["reason"] == body["reason"]
        assert method in ("post", "put")

    @pytest.mark.parametrize(("problem", "status", "fields"), PROBLEMS, ids=lambda each: getattr(each, "code", None))
    def test_says_no_as_the_contract_wants(
        self, fake: FakeGateway, path: str, problem: Exception, status: int, fields: dict[str, Any]
    ) -> None:
        fake.problem = problem
        answer = call(path, CHANGES[path][1])
        assert answer.status_code == status
        assert answer.json().items() >= fields.items()
        assert answer.json()["detail"]
        assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)

    def test_without_a_good_token(self, fake: FakeGateway, path: str) -> None:
        for who in (None, "somebody-else"):
            assert call(path, CHANGES[path][1], who=who).status_code == 401
        assert not fake.calls

    def test_for_whom_it_is_not(self, fake: FakeGateway, path: str) -> None:
        is_new = path == "/api/campaigns"
        wanted = {"stranger": 403 if is_new else 404, "writer": 201 if is_new else 403}
        assert {who: call(path, CHANGES[path][1], who=who).status_code for who in wanted} == wanted
        assert len(fake.calls) == is_new

    def test_whose_account_was_closed(self, fake: FakeGateway, path: str) -> None:
        User.objects.filter(username="marketer").update(is_active=False)
        assert call(path, CHANGES[path][1]).status_code == 401

    def test_with_a_key_used_for_something_else(self, fake: FakeGateway, path: str) -> None:
        body = CHANGES[path][1]
        for _ in range(2):
            assert call(path, body, key="k").status_code < 300
        other = next(one for one in CHANGES if one != path)
        answer = call(other, CHANGES[other][1], key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")
        assert len(fake.calls) == 2

    @pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201])
    def test_with_a_key_that_is_none(self, fake: FakeGateway, path: str, key: str) -> None:
        assert call(path, CHANGES[path][1], key=key).status_code == 422

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"\xff",
            b'{"name": NaN}',
            b"[" * 100_000,
            b'{"name": "\\ud800", "reason": "\\ud800"}',
            b'{"reason": "a\\u0000b", "name": "a\\u0000b"}',
        ],
    )
    def test_with_what_is_no_object(self, fake: FakeGateway, path: str, body: bytes) -> None:
        if body in (b"", b"null") and path in OPTIONAL_BODY:
            return  # a call without a body has nothing to say
        answer = call(path, body)
        assert answer.status_code == 422
        assert answer.json()["detail"]
        assert not fake.calls

    def test_without_a_body_where_there_is_nothing_to_say(self, fake: FakeGateway, path: str) -> None:
        assert (call(path, b"").status_code == 200) == (path in OPTIONAL_BODY)

    def test_that_is_too_large(self, fake: FakeGateway, path: str) -> None:
        assert call(path, {**CHANGES[path][1], "more": "x" * 1_100_000}).status_code == 413

    def test_by_the_session_needs_the_csrf_token(self, fake: FakeGateway, staff: dict[str, User], path: str) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(staff["marketer"])
        assert call(path, CHANGES[path][1], who=None, client=client).status_code == 403
        assert not fake.calls
        client.cookies["csrftoken"] = token = "x" * 32
        answer = call(path, CHANGES[path][1], who=None, client=client, headers={"X-CSRFToken": token})
        assert answer.status_code < 300

    def test_of_another_method(self, fake: FakeGateway, path: str) -> None:
        assert call(path, {}, method="delete").status_code == 405


class TestBodies:
    @pytest.mark.parametrize(
        ("path", "changes", "field"),
        [
            ("/api/campaigns", {"name": ""}, "name"),
            ("/api/campaigns", {"name": "x" * 201}, "name"),
            ("/api/campaigns", {"name": 7}, "name"),
            ("/api/campaigns", {"channel": "pigeon"}, "channel"),
            ("/api/campaigns", {"channel": None}, "channel"),
            ("/api/campaigns", {"category": 1}, "category"),
            ("/api/campaigns", {"template": "Hello"}, "template"),
            ("/api/campaigns", {"template": {"subject": "Hello"}}, "template.body"),
            ("/api/campaigns", {"template": {"subject": "x" * 201, "body": "x"}}, "template.subject"),
            ("/api/campaigns", {"rate_per_minute": 0}, "rate_per_minute"),
            ("/api/campaigns", {"rate_per_minute": "600"}, "rate_per_minute"),
            ("/api/campaigns", {"transactional": "yes"}, "transactional"),
            ("/api/campaigns", {"starts_at": "tomorrow"}, "starts_at"),
            ("/api/campaigns", {"starts_at": "2027-01-12T17:00:00"}, "starts_at"),
            ("/api/campaigns", {"ends_at": "0001-01-01T00:00:00+14:00"}, "ends_at"),
            ("/api/campaigns", {"missed_runs": "never"}, "missed_runs"),
            ("/api/campaigns", {"late_minutes": 0}, "late_minutes"),
            (f"{ONE}/pause", {"reason": "x" * 501}, "reason"),
            (f"{ONE}/cancel", {"reason": ["no"]}, "reason"),
            (f"{USER}/cap", {"max_per_day": -1}, "max_per_day"),
            (f"{USER}/cap", {"max_per_day": "2"}, "max_per_day"),
            (f"{USER}/cap", {"max_per_day": True}, "max_per_day"),
            (f"{USER}/cap", {"max_per_day": 2.5}, "max_per_day"),
            (f"{USER}/cap", {"max_per_day": 1_001}, "max_per_day"),
            (f"{USER}/cap", {"min_hours_between": -0.5}, "min_hours_between"),
            (f"{USER}/cap", {"min_hours_between": "4"}, "min_hours_between"),
            (f"{USER}/cap", {"window": "week"}, "window"),
            (f"{USER}/cap", {"per_channel": {"sms": -1}}, "per_channel.sms"),
            (f"{USER}/cap", {"quiet_hours": {"start": "25:00", "end": "08:00"}}, "quiet_hours.start"),
            (f"{USER}/send-requests", {"grant_id": ""}, "grant_id"),
            (f"{USER}/send-requests", {"grant_id": 7}, "grant_id"),
            (f"{USER}/send-requests", {"channel": None}, "channel"),
            (f"{USER}/send-requests", {"category": "x" * 61}, "category"),
            (f"{USER}/opt-outs", {"channel": "pigeon"}, "channel"),
            (f"{USER}/opt-outs", {"channel": ""}, "channel"),
        ],
    )
    def test_a_field_that_cannot_be_meant_is_named(
        self, fake: FakeGateway, path: str, changes: dict[str, Any], field: str
    ) -> None:
        answer = call(path, {**CHANGES[path][1], **changes})
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert field in answer.json()["detail"]
        assert not fake.calls

    def test_how_late_a_campaign_may_begin_is_kept(self, fake: FakeGateway) -> None:
        when = {"starts_at": "2027-01-12T17:00:00Z", "late_minutes": 45}
        assert call("/api/campaigns", {**NEW_CAMPAIGN, **when}).status_code == 201
        [(_, _, given)] = fake.calls
        assert (given["draft"].starts_at, given["draft"].late_minutes) == (datetime(2027, 1, 12, 17, tzinfo=UTC), 45)

    @pytest.mark.parametrize("path", [path for path in CHANGES if path not in OPTIONAL_BODY])
    def test_what_is_left_out_is_named(self, fake: FakeGateway, path: str) -> None:
        answer = call(path, {})
        assert answer.status_code == 422
        assert answer.json()["detail"]
        assert not fake.calls

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"audience": "nobody"}, "audience"),
            ({"audience": None}, "audience"),
            ({"audience": 7}, "audience"),
            ({"audience": []}, "audience"),
            ({"audience": {}}, "audience"),
            ({"audience": {"user_ids": ["USER-001"], "segment": "x"}}, "audience"),
            ({"audience": {"segment": "There is none"}}, "audience"),
            ({"audience": {"segment": ["x"]}}, "audience.segment"),
            ({"audience": {"user_ids": []}}, "audience.user_ids"),
            ({"audience": {"user_ids": "USER-001"}}, "audience.user_ids"),
            ({"audience": {"user_ids": [1]}}, "audience.user_ids"),
            ({"audience": {"user_ids": ["USER-404"]}}, "audience.user_ids"),
            ({"audience": {"user_ids": ["USER-001"] * 10_001}}, "audience.user_ids"),
            ({"template": {"subject": "", "body": "x"}}, "template.subject"),
            ({"template": {"subject": "x", "body": "{% load static %}"}}, "template.body"),
            ({"template": {"subject": "{{ password }}", "body": "x"}}, "template.subject"),
            ({"template": {"subject": "x", "body": "x", "body_html": "<a href={{ name }}>"}}, "template.body_html"),
            ({"template": {"subject": "x\r\nBcc: y", "body": "x"}}, "template.subject"),
            ({"name": "two\nlines"}, "name"),
            ({"name": "   "}, "name"),
            ({"category": "No Name"}, "category"),
            ({"time_zone": "Mars/Olympus"}, "time_zone"),
            ({"starts_at": "2027-01-02T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"}, "ends_at"),
        ],
    )
    def test_what_no_campaign_can_have_is_named(
        self, staff: dict[str, User], changes: dict[str, Any], field: str
    ) -> None:
        answer = call("/api/campaigns", {**NEW_CAMPAIGN, **changes})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert field in answer.json()["detail"]
        assert Campaign.objects.count() == 0

    def test_a_draft_by_each_kind_of_audience_and_channel(self, staff: dict[str, User]) -> None:
        Segment.objects.create(name="Few", filters={})
        for number, (channel, audience) in enumerate(
            [("email", "all"), ("sms", {"segment": "Few"}), ("push", {"user_ids": ["USER-001"]})]
        ):
            body = {**NEW_CAMPAIGN, "channel": channel, "audience": audience}
            created = call("/api/campaigns", body, who="writer", key=f"k{number}")
            assert created.status_code == 201
            assert created.json().items() >= {"status": "draft", "channel": channel, "category": "marketing"}.items()
            again = call("/api/campaigns", body, who="writer", key=f"k{number}")
            assert again.json()["campaign_id"] == created.json()["campaign_id"]
            row = Campaign.objects.get(campaign_id=created.json()["campaign_id"])
            assert (row.audience, row.created_by, row.body_text) == (audience, "writer", "Dear {{ name }}")
            assert row.subject == ("" if channel == "sms" else "Hello {{ first_name }}")
        assert Campaign.objects.count() == 3

    def test_ten_thousand_contacts_are_not_too_many(self, staff: dict[str, User]) -> None:
        answer = call("/api/campaigns", {**NEW_CAMPAIGN, "audience": {"user_ids": ["USER-001"] * 10_000}})
        assert answer.status_code == 201

    def test_transactional_needs_a_right_of_its_own(self, staff: dict[str, User]) -> None:
        answer = call("/api/campaigns", {**NEW_CAMPAIGN, "transactional": True})
        assert (answer.status_code, answer.json()["code"]) == (403, "no_right")
        answer = call(f"{USER}/send-requests", {**CHANGES[f"{USER}/send-requests"][1], "transactional": True})
        assert (answer.status_code, answer.json()["code"]) == (403, "no_right")

    def test_a_program_that_sends_nothing_but_transactional_messages(self, fake: FakeGateway) -> None:
        user = User.objects.create_user("shop")
        user.groups.add(Group.objects.get(name=TRANSACTIONAL_SENDERS))
        ApiToken.issue(user, "test", token="token-of-shop")
        body = {**CHANGES[f"{USER}/send-requests"][1], "transactional": True}
        assert call(f"{USER}/send-requests", body, who="shop").status_code == 200
        assert call(f"{USER}/opt-outs", {"channel": "sms"}, who="shop").status_code == 403
        assert call("/api/campaigns", who="shop").status_code == 403
        assert len(fake.calls) == 1

    def test_a_draft_cannot_be_paused(self, staff: dict[str, User]) -> None:
        path = call("/api/campaigns", NEW_CAMPAIGN)["Location"]
        for what in ("pause", "resume", "cancel"):
            answer = call(f"{path}/{what}", {})
            assert (answer.status_code, answer.json()["code"]) == (409, "draft")

    def test_a_cap_is_handed_over_whole(self, fake: FakeGateway) -> None:
        quiet = {"start": "21:00", "end": "08:00"}
        body = {"max_per_day": 0, "min_hours_between": None, "per_channel": {"sms": 1}, "quiet_hours": quiet}
        assert call(f"{USER}/cap", body).status_code == 200
        assert fake.calls[0][2]["cap"] == FrequencyCapInput(
            max_per_day=0, per_channel={"sms": 1}, quiet_hours=QuietHours("21:00", "08:00"), by=By()
        )
        assert call(f"{USER}/cap", {"cleared": True}).status_code == 200
        assert fake.calls[1][2]["cap"].cleared

    def test_a_refusal_is_the_decision(self, fake: FakeGateway) -> None:
        fake.answers["request_send"] = SendDecision(
            False, "cap_day", "They have had 3 today.", "max_per_day", 3, 3, ["a", "b", "c"], NOON, 7
        )
        answer = call(f"{USER}/send-requests", CHANGES[f"{USER}/send-requests"][1])
        assert answer.status_code == 409
        decision = answer.json()
        assert decision.keys() >= DECISION_FIELDS
        assert (decision["allowed"], decision["code"], decision["limit"], decision["count"]) == (False, "cap_day", 3, 3)
        assert (decision["used_by"], decision["detail"]) == (["a", "b", "c"], "They have had 3 today.")
        assert decision["next_allowed_at"] == "2026-11-21T12:00:00+00:00"

    @given(
        path=st.sampled_from(list(CHANGES)),
        body=st.dictionaries(
            st.sampled_from(
                ["name", "channel", "category", "audience", "template", "reason", "max_per_day", "grant_id", "extra"]
            ),
            st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2)
            | st.dictionaries(st.sampled_from(["user_ids", "segment", "subject", "body"]), st.text(max_size=5)),
        ),
    )  # fmt: skip
    @hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_nothing_that_is_sent_is_a_500(self, fake: FakeGateway, path: str, body: dict[str, Any]) -> None:
        assert call(path, body).status_code in (200, 201, 422)


class TestSchema:
    @staticmethod
    def template_of(path: str) -> str:
        return path.replace(CAMPAIGN_ID, "{campaign_id}").replace("USER-001", "{user_id}")

    def test_has_every_route_of_the_contract(self, schema: dict[str, Any]) -> None:
        routes = {(path, method) for path, methods in schema["paths"].items() for method in methods}
        wanted = {(self.template_of(path), method) for path, (method, _, _) in CHANGES.items()}
        reads = ["/api/campaigns", "/api/campaigns/{campaign_id}", "/api/users/{user_id}/actor"]
        assert routes >= wanted | {(path, "get") for path in reads}

    def test_answers_have_the_contracts_fields(self, schema: dict[str, Any]) -> None:
        found = {name: set(one.get("properties", {})) for name, one in schema["components"]["schemas"].items()}
        assert found["CampaignView"] == {field.name for field in dataclasses.fields(CampaignView)}
        assert found["CampaignView"] >= CAMPAIGN_FIELDS
        assert found["ActorView"] >= ACTOR_FIELDS
        assert found["SendRefusal"] >= DECISION_FIELDS
        assert found["SendAnswer"] >= {"allowed", "grant_id"}

    def test_every_changing_call_takes_a_key_and_a_token(self, schema: dict[str, Any]) -> None:
        for path, (method, _, _) in CHANGES.items():
            operation = schema["paths"][self.template_of(path)][method]
            assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
            assert operation["security"] == [{"ApiToken": []}]
            assert {"401", "403", "404", "409", "413", "422", "503"} <= operation["responses"].keys()
            assert operation["description"]

    def test_the_audience_is_described(self, schema: dict[str, Any]) -> None:
        audience = schema["components"]["schemas"]["NewCampaign"]["properties"]["audience"]
        assert len(audience["anyOf"]) == 3
        assert audience["anyOf"][0]["properties"]["user_ids"]["maxItems"] == 10_000
