"""The approvals' part of the JSON API: every route, and every answer that it can give."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from approvals import gateway, policies, projection
from approvals.contract import ApprovalInput, ApprovalStatus, ApprovalView, By, Door
from approvals.models import ApprovalRequest, Involvement, RefusedAttempt
from approvals.process.state import ApprovalState
from dashboard.models import ApiToken
from tests.approvals import people as company
from tests.orders.at_once import at_once
from tests.remembered import rows_of

REQUEST_ID = "REQ-20261121-120000-abcd"
NEW_REQUEST = {"kind": "expense", "title": "A chair", "amount_cents": 45_000}
UNTIL = "2027-01-12T17:00:00Z"
ONE = f"/api/approvals/{REQUEST_ID}"
CHANGES: dict[str, dict[str, Any]] = {
    "/api/approvals": NEW_REQUEST,
    f"{ONE}/decisions": {"approved": True, "comment": "Fine.", "state_version": 1},
    f"{ONE}/comments": {"text": "What for?"},
    f"{ONE}/withdrawal": {"reason": "No more."},
    f"{ONE}/changes": {"comment": "Cheaper.", "state_version": 1},
    f"{ONE}/resubmission": {"title": "A chair", "description": "", "amount_cents": 40_000},
    f"{ONE}/delegation": {"to": "hr", "until": UNTIL, "reason": "away"},
}
FUNCTIONS = {
    "/api/approvals": "submit_request",
    f"{ONE}/decisions": "decide",
    f"{ONE}/comments": "add_comment",
    f"{ONE}/withdrawal": "withdraw",
    f"{ONE}/changes": "request_changes",
    f"{ONE}/resubmission": "resubmit",
    f"{ONE}/delegation": "delegate",
}
CONTRACT_FIELDS = {
    "request_id", "workflow_id", "status", "version", "state_version", "kind", "title", "amount_cents", "requester",
    "round", "level", "levels", "deadline_at",
}  # fmt: skip
LEVEL_FIELDS = {"name", "rule", "approvers", "decisions"}
PROBLEMS = [
    (gateway.InvalidRequest("title", "must not be empty"), 422, {"field": "title"}),
    (gateway.NotPermitted("self_approval", "The requester never decides."), 403, {"code": "self_approval"}),
    (
        gateway.RequestRefused("already_decided", "Ana was first.", {"first": {"who": "ana"}}),
        409,
        {"code": "already_decided", "first": {"who": "ana"}},
    ),
    (gateway.RequestRefused("stale_state_version", "It has changed."), 409, {"code": "stale_state_version"}),
    (gateway.KeyReused(), 409, {"code": "key_reused"}),
    (gateway.RequestNotFound(REQUEST_ID), 404, {}),
    (gateway.Unavailable("Temporal is away.", 7), 503, {"code": "unavailable"}),
]


def view_of(requester: User, **more: Any) -> ApprovalView:
    start = ApprovalInput(
        REQUEST_ID,
        "expense",
        "A chair",
        requester.username,
        policies.resolve(requester, "expense", 45_000),
        amount_cents=45_000,
        by=By(requester.username, Door.WEB),
    )
    view = ApprovalState(start, timezone.now, lambda: None).view()
    return dataclasses.replace(view, **more)


@pytest.fixture
def staff(db: None) -> dict[str, User]:
    people = company.hire()
    company.write_policies()
    rows_of(("with tokens", *(user.pk for user in people.values())), _hand_out_tokens)
    return User.objects.in_bulk(field_name="username")


def _hand_out_tokens() -> None:
    auditor = User.objects.create_user("auditor")
    auditor.user_permissions.set(Permission.objects.filter(codename__in=["view_all_requests", "export_audit"]))
    User.objects.create_user("nobody")
    for user in User.objects.all():
        ApiToken.issue(user, "test", token=f"token-of-{user.username}")


@pytest.fixture
def saved(staff: dict[str, User]) -> ApprovalView:
    """The request in the database, as its workflow has saved it."""
    view = view_of(staff["employee"])
    rows_of(("a request", *(user.pk for user in staff.values())), lambda: projection.save(view))
    return view


class FakeGateway:
    """Answers every call with one request, or a problem, and remembers what it was asked."""

    def __init__(self, view: ApprovalView) -> None:
        self.view = view
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.problem: Exception | None = None

    def named(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            if self.problem:
                raise self.problem
            return self.view

        return call


@pytest.fixture
def fake(saved: ApprovalView, monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway(saved)
    for name in FUNCTIONS.values():
        monkeypatch.setattr(gateway, name, fake.named(name))
    return fake


def call(path: str, body: Any = None, *, who: str | None = "manager", key: str | None = None, **more: Any) -> Any:
    """GET without a body, POST with one (bytes as they are, anything else as JSON)."""
    headers: dict[str, str] = {"Authorization": f"Bearer token-of-{who}"} if who else {}
    if key is not None:
        headers["Idempotency-Key"] = key
    client = more.get("client") or Client()
    if body is None:
        return client.get(path, headers=headers)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, raw, content_type="application/json", headers={**headers, **more.get("headers", {})})


class TestReading:
    def test_one_request_has_the_contracts_fields(self, saved):
        answer = call(ONE)
        assert answer.status_code == 200
        assert answer.json().keys() >= CONTRACT_FIELDS
        assert answer.json()["levels"][0].keys() >= LEVEL_FIELDS
        assert answer.json()["levels"][0]["approvers"] == ["manager"]
        assert answer["Callboard-Source"] == "database"
        assert answer["Callboard-As-Of"]

    def test_who_may_see_it(self, saved):
        seen = {who: call(ONE, who=who).status_code for who in ("employee", "manager", "auditor", "outsider", "nobody")}
        assert seen == {"employee": 200, "manager": 200, "auditor": 200, "outsider": 404, "nobody": 404}

    def test_what_is_not_there_looks_like_what_one_may_not_see(self, saved):
        there, not_there = call(ONE, who="outsider"), call("/api/approvals/REQ-20261121-120000-ffff", who="outsider")
        assert there.json()["detail"].replace("abcd", "") == not_there.json()["detail"].replace("ffff", "")
        assert call("/api/approvals/%00", who="manager").status_code == 404

    @pytest.mark.parametrize(
        ("who", "inbox", "found"),
        [
            ("manager", "mine", True),
            ("manager", "requested", False),
            ("manager", "all", True),
            ("employee", "mine", False),
            ("employee", "requested", True),
            ("employee", "all", True),
            ("outsider", "all", False),
            ("auditor", "all", True),
            ("auditor", "mine", False),
        ],
    )
    def test_inboxes(self, saved, who, inbox, found):
        items = call(f"/api/approvals?inbox={inbox}", who=who).json()["items"]
        assert [item["request_id"] for item in items] == ([REQUEST_ID] if found else [])

    def test_mine_is_what_i_can_decide_now(self, saved):
        place = Involvement.objects.get(username="manager", can_decide=True)
        for starts_at, until, found in (
            (None, timezone.now() - timedelta(seconds=1), 0),
            (timezone.now() + timedelta(hours=1), None, 0),
            (timezone.now() - timedelta(hours=1), timezone.now() + timedelta(hours=1), 1),
        ):
            place.starts_at, place.until = starts_at, until
            place.save()
            assert len(call("/api/approvals").json()["items"]) == found
        ApprovalRequest.objects.update(status="approved")
        assert not call("/api/approvals").json()["items"]

    def test_what_i_have_decided_stays_mine_to_look_up(self, saved):
        Involvement.objects.filter(username="manager").update(can_decide=False, decided_at=timezone.now())
        ApprovalRequest.objects.update(status="approved")
        (item,) = call("/api/approvals?inbox=decided").json()["items"]
        assert item.keys() >= CONTRACT_FIELDS

    def test_pages_follow_one_another(self, staff, django_assert_max_num_queries):
        for number in range(7):
            view = dataclasses.replace(view_of(staff["employee"]), request_id=f"REQ-20261121-120000-000{number}")
            projection.save(view)
        seen: list[str] = []
        path = "/api/approvals?inbox=all&limit=3"
        cursor = ""
        for _ in range(3):
            with django_assert_max_num_queries(8):
                page = call(f"{path}&cursor={cursor}").json()
            seen += [item["request_id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert cursor is None
        assert len(seen) == len(set(seen)) == 7

    def test_the_list_holds_the_trail(self, saved):
        (item,) = call("/api/approvals").json()["items"]
        assert next(entry["what"] for entry in item["trail"]) == "submitted"

    def test_filters(self, saved):
        assert len(call("/api/approvals?status=pending&kind=expense").json()["items"]) == 1
        assert not call("/api/approvals?status=approved").json()["items"]
        assert not call("/api/approvals?kind=leave").json()["items"]
        for status in ApprovalStatus:
            assert call(f"/api/approvals?status={status}").status_code == 200

    @pytest.mark.parametrize(
        "query", ["inbox=theirs", "status=x", "kind=x", "limit=0", "limit=101", "cursor=x", "limit=a"]
    )
    def test_a_senseless_question_is_a_422(self, saved, query):
        answer = call(f"/api/approvals?{query}")
        assert answer.status_code == 422
        assert answer.json()["field"] == query.partition("=")[0]


@pytest.mark.parametrize("path", CHANGES)
class TestEveryChange:
    def test_is_handed_to_the_gateway_in_the_callers_name(self, fake, staff, path):
        answer = call(path, CHANGES[path], key="mine")
        created = path == "/api/approvals"
        assert answer.status_code == (201 if created else 200)
        assert answer.json()["request_id"] == REQUEST_ID
        if created:
            assert answer["Location"] == ONE
        ((name, args, asked),) = fake.calls
        assert name == FUNCTIONS[path]
        assert args == (() if created else (REQUEST_ID,))
        assert (asked["user"], asked["door"], asked["key"]) == (staff["manager"], Door.API, "mine")
        for field, value in CHANGES[path].items():
            if field != "until":
                assert asked[field] == value

    @pytest.mark.parametrize(("problem", "status", "fields"), PROBLEMS, ids=lambda each: getattr(each, "code", None))
    def test_says_no_as_the_contract_wants(self, fake, path, problem, status, fields):
        fake.problem = problem
        answer = call(path, CHANGES[path])
        assert answer.status_code == status
        assert answer.json().items() >= fields.items()
        assert answer.json()["detail"]
        assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)

    def test_without_a_good_token(self, fake, path):
        for who in (None, "somebody-else"):
            answer = call(path, CHANGES[path], who=who)
            assert answer.status_code == 401
        assert not fake.calls

    def test_for_whom_it_is_not(self, fake, path):
        wanted = {"auditor": 403, "nobody": 403 if path == "/api/approvals" else 404}
        if path != "/api/approvals":
            wanted["outsider"] = 404
        assert {who: call(path, CHANGES[path], who=who).status_code for who in wanted} == wanted
        assert not fake.calls
        assert RefusedAttempt.objects.filter(door="api").count() == len(wanted)

    def test_whose_account_was_closed(self, fake, path):
        User.objects.filter(username="manager").update(is_active=False)
        assert call(path, CHANGES[path]).status_code == 401

    def test_with_a_key_used_for_something_else(self, fake, path):
        assert call(path, CHANGES[path], key="k").status_code < 300
        assert call(path, CHANGES[path], key="k").status_code < 300
        text = next(name for name, value in CHANGES[path].items() if isinstance(value, str) and name != "until")
        other = {**CHANGES[path], text: "leave" if text == "kind" else "other"}
        answer = call(path, other, key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")
        assert len(fake.calls) == 2

    @pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201])
    def test_with_a_key_that_is_none(self, fake, path, key):
        assert call(path, CHANGES[path], key=key).status_code == 422

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"title": NaN}', b"[" * 100_000, b'{"comment": "\\ud800"}'],
    )
    def test_with_what_is_no_object(self, fake, path, body):
        if body == b"" and path.endswith("/withdrawal"):
            return  # a call without a body withdraws without a reason
        answer = call(path, body)
        assert answer.status_code == 422
        assert answer.json()["detail"]
        assert not fake.calls

    def test_that_is_too_large(self, fake, path):
        answer = call(path, {**CHANGES[path], "more": "x" * 1_100_000})
        assert answer.status_code == 413

    def test_by_the_session_needs_the_csrf_token(self, fake, staff, path):
        client = Client(enforce_csrf_checks=True)
        client.force_login(staff["manager"])
        assert call(path, CHANGES[path], who=None, client=client).status_code == 403
        assert not fake.calls
        client.cookies["csrftoken"] = token = "x" * 32
        answer = call(path, CHANGES[path], who=None, client=client, headers={"X-CSRFToken": token})
        assert answer.status_code < 300

    def test_of_another_method(self, fake, path):
        headers = {"Authorization": "Bearer token-of-manager"}
        assert Client().put(path, b"{}", content_type="application/json", headers=headers).status_code == 405


class TestBodies:
    @pytest.mark.parametrize(
        ("path", "changes", "field"),
        [
            ("/api/approvals", {"kind": "x"}, "kind"),
            ("/api/approvals", {"kind": None}, "kind"),
            ("/api/approvals", {"title": ""}, "title"),
            ("/api/approvals", {"title": "x" * 201}, "title"),
            ("/api/approvals", {"amount_cents": "45000"}, "amount_cents"),
            ("/api/approvals", {"amount_cents": True}, "amount_cents"),
            ("/api/approvals", {"amount_cents": 0}, "amount_cents"),
            ("/api/approvals", {"amount_cents": 1.5}, "amount_cents"),
            ("/api/approvals", {"amount_cents": 10**13}, "amount_cents"),
            ("/api/approvals", {"currency": "usd"}, "currency"),
            (f"{ONE}/decisions", {"approved": "yes"}, "approved"),
            (f"{ONE}/decisions", {"approved": 1}, "approved"),
            (f"{ONE}/decisions", {"approved": None}, "approved"),
            (f"{ONE}/decisions", {"state_version": "1"}, "state_version"),
            (f"{ONE}/decisions", {"state_version": -1}, "state_version"),
            (f"{ONE}/decisions", {"comment": "x" * 4_001}, "comment"),
            (f"{ONE}/comments", {"text": ""}, "text"),
            (f"{ONE}/changes", {"comment": ""}, "comment"),
            (f"{ONE}/delegation", {"until": "tomorrow"}, "until"),
            (f"{ONE}/delegation", {"until": "2027-01-12T17:00:00"}, "until"),
            (f"{ONE}/delegation", {"until": "0001-01-01T00:00:00+14:00"}, "until"),
            (f"{ONE}/delegation", {"until": 1}, "until"),
            (f"{ONE}/delegation", {"to": ""}, "to"),
        ],
    )
    def test_a_field_that_cannot_be_meant_is_named(self, fake, path, changes, field):
        answer = call(path, {**CHANGES[path], **changes})
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert field in answer.json()["detail"]
        assert not fake.calls

    @pytest.mark.parametrize("field", ["approved", "state_version"])
    def test_a_decision_says_what_and_of_which_version(self, fake, field):
        body = {name: value for name, value in CHANGES[f"{ONE}/decisions"].items() if name != field}
        assert call(f"{ONE}/decisions", body).json()["field"] == field

    def test_no_policy_for_it_is_a_422(self, staff):
        answer = call("/api/approvals", {"kind": "refund", "title": "x"}, who="employee")
        assert (answer.status_code, answer.json()["field"]) == (422, "kind")

    @given(
        body=st.dictionaries(
            st.sampled_from(["approved", "comment", "state_version", "on_behalf_of", "extra"]),
            st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2),
        )
    )
    @hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_nothing_that_is_sent_is_a_500(self, fake, body):
        assert call(f"{ONE}/decisions", body).status_code in (200, 422)


class TestSchema:
    def test_has_every_route_of_the_contract(self, schema):
        routes = {(path, method) for path, methods in schema["paths"].items() for method in methods}
        changes = {(path.replace(REQUEST_ID, "{request_id}"), "post") for path in CHANGES}
        assert routes >= changes | {("/api/approvals", "get"), ("/api/approvals/{request_id}", "get")}

    def test_the_request_has_the_contracts_fields(self, schema):
        fields = schema["components"]["schemas"]["ApprovalView"]["properties"]
        assert set(fields) == {field.name for field in dataclasses.fields(ApprovalView)}
        assert set(fields) >= CONTRACT_FIELDS

    def test_every_changing_call_takes_a_key_and_a_token(self, schema):
        for path in CHANGES:
            operation = schema["paths"][path.replace(REQUEST_ID, "{request_id}")]["post"]
            assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
            assert operation["security"] == [{"ApiToken": []}]
            assert {"401", "403", "404", "409", "413", "422", "503"} <= operation["responses"].keys()
            assert operation["description"]


@pytest.mark.django_db(transaction=True)
class TestStory:
    """The whole way, on a real Temporal."""

    @pytest.fixture
    def staff(self, transactional_db: None, worker: None) -> dict[str, User]:
        people = company.hire()
        company.write_policies()
        for username, user in people.items():
            ApiToken.issue(user, "test", token=f"token-of-{username}")
        return people

    def test_from_the_question_to_the_answer(self, staff):
        created = call("/api/approvals", {**NEW_REQUEST, "amount_cents": 450_000}, who="employee", key="new")
        assert created.status_code == 201
        again = call("/api/approvals", {**NEW_REQUEST, "amount_cents": 450_000}, who="employee", key="new")
        assert again.json()["request_id"] == created.json()["request_id"]
        path, request = created["Location"], created.json()
        seen = request["state_version"]

        own = call(f"{path}/decisions", {"approved": True, "state_version": seen}, who="employee")
        assert (own.status_code, own.json()["code"]) == (403, "self_approval")
        assert call(f"{path}/comments", {"text": "Which one? @bo"}).status_code == 200
        assert call(path, who="bo").status_code == 200
        wanted = call(f"{path}/changes", {"comment": "Cheaper.", "state_version": seen})
        assert wanted.json()["status"] == "changes_requested"
        early = call(f"{path}/decisions", {"approved": True, "state_version": seen})
        assert (early.status_code, early.json()["code"]) == (409, "changes_requested")
        resubmission = {"title": "A chair", "description": "Cheaper", "amount_cents": 440_000}
        round_two = call(f"{path}/resubmission", resubmission, who="employee").json()
        assert (round_two["round"], round_two["status"]) == (2, "pending")

        stale = call(f"{path}/decisions", {"approved": True, "state_version": seen})
        assert (stale.status_code, stale.json()["code"]) == (409, "stale_state_version")
        seen = round_two["state_version"]
        handed = call(f"{path}/delegation", {"to": "hr", "until": "2099-01-01T00:00:00Z", "reason": "away"})
        assert handed.status_code == 200
        body = {"approved": True, "comment": "Fine.", "state_version": seen}
        first = call(f"{path}/decisions", body, who="hr", key="d")
        assert first.status_code == 200
        (decision,) = first.json()["levels"][0]["decisions"]
        assert (
            decision.items() >= {"approver": "hr", "on_behalf_of": "manager", "door": "api", "approved": True}.items()
        )
        assert call(f"{path}/decisions", body, who="hr", key="d").status_code == 200
        second = call(f"{path}/decisions", body, who="manager")
        assert (second.status_code, second.json()["code"]) == (409, "already_decided")
        assert second.json()["first"]["who"] == "hr"
        body["state_version"] = first.json()["state_version"]
        done = call(f"{path}/decisions", body, who="director").json()
        assert done["status"] == "approved"
        late = call(f"{path}/withdrawal", {"reason": "No."}, who="employee")
        assert (late.status_code, late.json()["code"]) == (409, "already_approved")
        assert {row.code for row in RefusedAttempt.objects.all()} == {
            "self_approval", "changes_requested", "stale_state_version", "already_decided", "already_approved",
        }  # fmt: skip

    def test_withdrawn_is_withdrawn(self, staff):
        path = call("/api/approvals", NEW_REQUEST, who="employee")["Location"]
        assert call(f"{path}/withdrawal", b"", who="manager").status_code == 403
        assert call(f"{path}/withdrawal", b"", who="employee").json()["status"] == "withdrawn"

    def test_ten_at_once_are_one_decision(self, staff):
        path = call("/api/approvals", NEW_REQUEST, who="employee")["Location"]
        answers = at_once(
            10, lambda n: call(f"{path}/decisions", {"approved": n % 2 == 0, "comment": "x", "state_version": 1})
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
        (decision,) = call(path).json()["levels"][0]["decisions"]
        winner = next(answer.json() for answer in answers if answer.status_code == 200)
        assert winner["levels"][0]["decisions"][0]["approved"] == decision["approved"]
