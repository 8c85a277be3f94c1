"""The request's pages against a gateway that does as it is told; the real one is tried with a real worker elsewhere."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from approvals import gateway
from approvals.audit import record_attempt
from approvals.contract import ApprovalView, Door
from approvals.gateway import RequestReading
from approvals.models import Attachment
from approvals.policies import resolve
from tests.approvals.requests_of import REQUEST_ID, Desk

PAGE = f"/approvals/{REQUEST_ID}/"
HTMX = {"HX-Request": "true"}
FUNCTIONS = (
    "submit_request",
    "decide",
    "request_changes",
    "resubmit",
    "withdraw",
    "add_comment",
    "attach",
    "delegate",
    "end_delegation",
)


class RecordingGateway:
    """Answers with ``answer``, or raises ``problem``; remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.reading: RequestReading | Exception = self.now(Desk().view)
        self.problem: Exception | None = None
        self.answer: ApprovalView = Desk().decide("manager").view

    def now(self, view: ApprovalView, **more: Any) -> RequestReading:
        return RequestReading(view, **{"source": "temporal", "as_of": timezone.now(), **more})

    def read_request(self, request_id: str, user: User) -> RequestReading:
        if isinstance(self.reading, Exception):
            raise self.reading
        return self.reading

    def function(self, name: str) -> Any:
        def called(*args: Any, **kwargs: Any) -> ApprovalView:
            self.calls.append((name, kwargs))
            if self.problem:
                raise self.problem
            return self.answer

        return called


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> RecordingGateway:
    recording = RecordingGateway()
    monkeypatch.setattr(gateway, "read_request", recording.read_request)
    for name in FUNCTIONS:
        monkeypatch.setattr(gateway, name, recording.function(name))
    return recording


@pytest.fixture
def client_of(people: dict[str, User]) -> Any:
    def client_of(username: str) -> Client:
        client = Client()
        client.force_login(people[username])
        return client

    return client_of


def key_in(html: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', html)
    assert found
    return found.group(1)


def decision(**changes: Any) -> dict[str, Any]:
    return {"decision": "approve", "comment": "", "state_version": "1", "place": "card", **changes}


class TestPage:
    def test_a_decider_sees_buttons_and_what_follows(self, gate: RecordingGateway, client_of: Any) -> None:
        page = client_of("manager").get(PAGE)
        assertContains(page, "Your decision")
        assertContains(page, "Approving sends it to HR: Hanna Reyes.")
        assertContains(page, 'name="state_version" value="1"')
        assertContains(page, "Only Emil Novak can, until it is final.")

    def test_who_asked_sees_why_they_cannot_decide(self, gate: RecordingGateway, client_of: Any) -> None:
        page = client_of("employee").get(PAGE)
        assertNotContains(page, 'id="do-approve"')
        assertContains(page, "You asked for this, so you cannot decide it.")
        assertContains(page, "Nobody has asked for changes.")

    def test_shared_fragments_name_everybody_and_address_nobody(self, gate: RecordingGateway, client_of: Any) -> None:
        page = client_of("manager").get(PAGE)
        assertContains(page, '<strong><span data-person="manager">Marta Kovács</span></strong>')

    def test_what_is_typed_never_becomes_markup(self, gate: RecordingGateway, client_of: Any) -> None:
        desk = Desk(title="<script>alert(1)</script>", description="<img src=x onerror=alert(2)>")
        gate.reading = gate.now(desk.decide("manager", comment="<b>bold</b>").view)
        html = client_of("hr").get(PAGE).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "<b>bold</b>" not in html

    def test_not_visible_is_not_there(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.reading = gateway.RequestNotFound(REQUEST_ID)
        assert client_of("outsider").get(PAGE).status_code == 404
        assert client_of("outsider").get(f"{PAGE}changes/").status_code == 404

    def test_from_the_database_nothing_can_be_done(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.reading = gate.now(Desk().view, source="database", reason="Temporal is out of reach.")
        page = client_of("manager").get(PAGE)
        assertContains(page, "Temporal or its worker does not answer")
        assertNotContains(page, 'id="do-approve"')

    def test_refused_attempts_are_for_their_author_and_for_auditors(
        self, gate: RecordingGateway, client_of: Any, people: dict[str, User]
    ) -> None:
        record_attempt(
            request_id=REQUEST_ID, who="manager", door=Door.SLACK, what="approve", code="stale", reason="Too old."
        )
        assertContains(client_of("manager").get(PAGE), "Too old.")
        assertNotContains(client_of("hr").get(PAGE), "Too old.")
        people["hr"].user_permissions.add(Permission.objects.get(codename="view_all_requests"))
        assertContains(client_of("hr").get(PAGE), "Too old.")

    def test_what_changed_while_looking(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.reading = gate.now(Desk().want_changes("manager").ask_again(amount_cents=900_000).view)
        page = client_of("manager").get(f"{PAGE}actions/?seen=1", headers=HTMX)
        assertContains(page, "It changed while you were looking")
        assertContains(page, "$9,000.00")
        assertNotContains(client_of("manager").get(f"{PAGE}actions/?seen=2", headers=HTMX), "while you were looking")


class TestDecision:
    def test_from_the_card(self, gate: RecordingGateway, client_of: Any) -> None:
        response = client_of("manager").post(f"{PAGE}decision/", decision(comment="Good."), headers=HTMX)
        assertContains(response, 'id="request-levels"')
        name, asked = gate.calls[0]
        assert name == "decide"
        assert (asked["approved"], asked["comment"], asked["state_version"], asked["door"]) == (True, "Good.", 1, "web")

    def test_without_scripts(self, gate: RecordingGateway, client_of: Any) -> None:
        response = client_of("manager").post(f"{PAGE}decision/", decision(decision="reject", comment="No."))
        assertRedirects(response, PAGE)
        assert gate.calls[0][1]["approved"] is False

    def test_the_key_of_the_form_is_the_key_of_the_update(self, gate: RecordingGateway, client_of: Any) -> None:
        manager = client_of("manager")
        key = key_in(manager.get(PAGE).content.decode())
        for _ in range(2):
            manager.post(f"{PAGE}decision/", decision(idempotency_key=key), headers=HTMX)
        assert [asked["key"] for _, asked in gate.calls] == [key, key]

    def test_from_a_row_of_the_inbox(self, gate: RecordingGateway, client_of: Any) -> None:
        response = client_of("manager").post(f"{PAGE}decision/", decision(place="row"), headers=HTMX)
        assertContains(response, f'id="req-{REQUEST_ID}" hx-swap-oob="true"')
        assert json.loads(response["HX-Trigger"])["dialogDone"]["told"].startswith("Approved: Contractor")
        assertRedirects(client_of("manager").post(f"{PAGE}decision/", decision(place="row")), "/approvals/")

    @pytest.mark.parametrize(
        ("problem", "status"),
        [
            (gateway.RequestRefused("already_decided", "Bo Nyman approved it before you."), 409),
            (gateway.NotPermitted("self_approval", "You asked for this, so you cannot decide it."), 403),
            (gateway.Unavailable("Temporal is out of reach.", 3), 503),
        ],
    )
    def test_a_no_keeps_what_was_typed(
        self, gate: RecordingGateway, client_of: Any, problem: Exception, status: int
    ) -> None:
        gate.problem = problem
        response = client_of("manager").post(f"{PAGE}decision/", decision(comment="Well thought"), headers=HTMX)
        assertContains(response, str(problem), status_code=status)
        if status != 403:
            assertContains(response, "Well thought", status_code=status)

    def test_a_no_in_the_inbox_stands_in_its_row(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.RequestRefused("already_decided", "Bo Nyman approved it before you.")
        response = client_of("manager").post(f"{PAGE}decision/", decision(place="row"), headers=HTMX)
        assertContains(response, f'id="req-{REQUEST_ID}"', status_code=409)
        assertContains(response, "Bo Nyman approved it before you.", status_code=409)

    def test_out_of_reach_in_the_inbox_stands_in_its_row_with_its_key(
        self, gate: RecordingGateway, client_of: Any
    ) -> None:
        gate.problem = gateway.Unavailable("Temporal is out of reach.", 3)
        fields = decision(place="row", idempotency_key="the-key-of-a-row")
        response = client_of("manager").post(f"{PAGE}decision/", fields, headers=HTMX)
        assertContains(response, "Temporal is out of reach.", status_code=503)
        assert (key_in(response.content.decode()), response["Retry-After"]) == ("the-key-of-a-row", "3")

    def test_out_of_reach_in_the_dialog_keeps_what_was_typed(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.Unavailable("Temporal is out of reach.", 3)
        fields = decision(place="row", decision="reject", comment="Too dear")
        in_dialog = {**HTMX, "HX-Target": "dialog-body"}
        response = client_of("manager").post(f"{PAGE}decision/", fields, headers=in_dialog)
        assertContains(response, "Too dear", status_code=503)
        assertContains(response, 'id="dialog-title"', status_code=503)

    def test_a_rejection_without_its_reason(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.InvalidRequest("comment", "A rejection needs a reason.")
        for place, field in (("card", "card-comment-error"), ("row", "f-comment-error")):
            response = client_of("manager").post(
                f"{PAGE}decision/",
                decision(decision="reject", place=place),
                headers={**HTMX, "HX-Target": "" if place == "card" else "dialog-body"},
            )
            assertContains(response, f'id="{field}"', status_code=422)

    @pytest.mark.parametrize("changes", [{"state_version": "x"}, {"decision": "perhaps"}, {"comment": "x" * 5000}])
    def test_nonsense_is_never_an_error_of_ours(self, gate: RecordingGateway, client_of: Any, changes: Any) -> None:
        for headers in (HTMX, {}):
            response = client_of("manager").post(f"{PAGE}decision/", decision(**changes), headers=headers)
            assert response.status_code == 422
        assert not gate.calls


class TestActions:
    def test_ask_for_changes(self, gate: RecordingGateway, client_of: Any) -> None:
        manager = client_of("manager")
        assertContains(manager.get(f"{PAGE}changes/", headers=HTMX), "decisions made so far do not count any more")
        manager.post(f"{PAGE}changes/", {"comment": "Cheaper", "state_version": "1"}, headers=HTMX)
        name, asked = gate.calls[0]
        assert (name, asked["comment"], asked["state_version"]) == ("request_changes", "Cheaper", 1)

    def test_from_the_inbox_the_row_is_drawn_anew(self, gate: RecordingGateway, client_of: Any) -> None:
        here = {**HTMX, "HX-Current-URL": "http://testserver/approvals/?tab=mine"}
        fields = {"comment": "Cheaper", "state_version": "1"}
        response = client_of("manager").post(f"{PAGE}changes/", fields, headers=here)
        assertContains(response, f'id="req-{REQUEST_ID}"')
        assertNotContains(response, 'id="request-head"')

    def test_ask_again_with_what_was(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.reading = gate.now(Desk().want_changes("manager").view)
        employee = client_of("employee")
        form = employee.get(f"{PAGE}resubmission/", headers=HTMX)
        assertContains(form, 'value="18,400.00"')
        assertContains(form, "Three days a week?")
        employee.post(f"{PAGE}resubmission/", {"title": "Less", "amount": "9,000", "description": ""}, headers=HTMX)
        name, asked = gate.calls[0]
        assert (name, asked["title"], asked["amount_cents"]) == ("resubmit", "Less", 900_000)

    def test_withdraw(self, gate: RecordingGateway, client_of: Any) -> None:
        assertRedirects(client_of("employee").post(f"{PAGE}withdrawal/", {"reason": "Changed plans"}), PAGE)
        assert gate.calls[0][1]["reason"] == "Changed plans"

    def test_hand_over(self, gate: RecordingGateway, client_of: Any) -> None:
        manager = client_of("manager")
        form = manager.get(f"{PAGE}delegation/", headers=HTMX)
        assertContains(form, '<option value="bo">Bo Nyman</option>')
        assertNotContains(form, '<option value="employee">')  # who asked never decides
        until = {"to": "bo", "until": "2030-01-10T12:00", "zone": "Europe/Berlin"}
        manager.post(f"{PAGE}delegation/", until, headers=HTMX)
        asked = gate.calls[0][1]
        assert (asked["to"], asked["until"].isoformat()) == ("bo", "2030-01-10T12:00:00+01:00")

    def test_comment(self, gate: RecordingGateway, client_of: Any) -> None:
        manager = client_of("manager")
        assertContains(manager.post(f"{PAGE}comment/", {"text": "Hello"}, headers=HTMX), 'id="say"')
        assert gate.calls[0][1]["text"] == "Hello"
        assertContains(manager.post(f"{PAGE}comment/", {"text": " "}, headers=HTMX), "required", status_code=422)

    def test_attach(self, gate: RecordingGateway, client_of: Any) -> None:
        file = SimpleUploadedFile("offer.pdf", b"%PDF", "application/pdf")
        client_of("manager").post(f"{PAGE}attachments/", {"file": file}, headers=HTMX)
        asked = gate.calls[0][1]
        assert (asked["name"], asked["content"]) == ("offer.pdf", b"%PDF")

    def test_a_refusal_stands_in_the_dialog(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.RequestRefused("withdrawn", "The request is withdrawn already.")
        response = client_of("manager").post(f"{PAGE}changes/", {"comment": "x", "state_version": "1"}, headers=HTMX)
        assertContains(response, "The request is withdrawn already.", status_code=409)
        assertContains(response, 'role="alert"', status_code=409)

    def test_what_was_typed_stays_when_the_request_cannot_be_read(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.reading = gateway.Unavailable("Temporal is out of reach.", 3)
        manager = client_of("manager")
        response = manager.post(f"{PAGE}changes/", {"comment": "Cheaper", "state_version": "x"}, headers=HTMX)
        assertContains(response, "Cheaper", status_code=422)
        assert response["Retry-After"] == "3"
        assert manager.get(f"{PAGE}changes/", headers=HTMX).status_code == 503

    def test_a_comment_out_of_reach_keeps_its_text_and_its_key(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.Unavailable("Temporal is out of reach.", 3)
        fields = {"text": "Hello", "idempotency_key": "a-key-of-a-form"}
        response = client_of("manager").post(f"{PAGE}comment/", fields, headers=HTMX)
        assertContains(response, "Hello", status_code=503)
        assert (key_in(response.content.decode()), response["Retry-After"]) == ("a-key-of-a-form", "3")


class TestAttachment:
    def test_is_saved_and_never_drawn(self, client_of: Any, people: dict[str, User], monkeypatch: Any) -> None:
        row = Attachment(
            request_id=REQUEST_ID,
            name='a "b".pdf',
            content_type="application/pdf",
            size=4,
            sha256="0" * 64,
            uploaded_by=people["employee"],
        )
        row.file.save("x", SimpleUploadedFile("x", b"%PDF"))
        monkeypatch.setattr(gateway, "open_attachment", lambda request_id, attachment_id, user: row)
        response = client_of("manager").get(f"{PAGE}attachments/{row.attachment_id}/")
        assert response.content == b"%PDF"
        assert response["Content-Disposition"].startswith("attachment;")
        assert response["X-Content-Type-Options"] == "nosniff"


class TestAsking:
    ASKED = {"kind": "expense", "title": "Camera", "amount": "1,250.00", "description": "For the fair."}

    def test_is_sent_once_with_its_files(self, gate: RecordingGateway, client_of: Any) -> None:
        employee = client_of("employee")
        key = key_in(employee.get("/approvals/new/").content.decode())
        files = [SimpleUploadedFile("a.txt", b"a"), SimpleUploadedFile("b.txt", b"b")]
        response = employee.post("/approvals/new/", {**self.ASKED, "idempotency_key": key, "files": files})
        assertRedirects(response, PAGE)
        (_, asked), *attached = gate.calls
        assert (asked["kind"], asked["amount_cents"], asked["key"]) == ("expense", 125_000, key)
        assert [one["name"] for _, one in attached] == ["a.txt", "b.txt"]
        assert len({one["key"] for _, one in attached}) == 2

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"title": ""}, "Say in a line what you ask for."),
            ({"kind": ""}, "Choose a kind"),
            ({"kind": "war"}, "There is no such kind."),
            ({"amount": "lots"}, "This is not an amount."),
            ({"amount": "1.005"}, "An amount has two decimals at most"),
            ({"amount": "NaN"}, "An amount has two decimals at most"),
            ({"starts_on": "2027-02-01", "ends_on": "2027-01-01"}, "This is before it starts."),
        ],
    )
    def test_mistakes_are_named(self, gate: RecordingGateway, client_of: Any, changes: Any, words: str) -> None:
        response = client_of("employee").post("/approvals/new/", {**self.ASKED, **changes})
        assertContains(response, words, status_code=422)
        assert not gate.calls

    def test_no_policy_stands_beside_the_amount(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.InvalidRequest("amount_cents", "Say how much it is: who decides depends on it.")
        response = client_of("employee").post("/approvals/new/", {**self.ASKED, "amount": ""})
        assertContains(response, 'id="f-amount-error"', status_code=422)

    def test_out_of_reach_keeps_the_key(self, gate: RecordingGateway, client_of: Any) -> None:
        gate.problem = gateway.Unavailable("Temporal is out of reach.", 3)
        key = "a-key-of-a-form"
        response = client_of("employee").post("/approvals/new/", {**self.ASKED, "idempotency_key": key})
        assert response.status_code == 503
        assert key_in(response.content.decode()) == key

    def test_who_will_decide(self, client_of: Any, people: dict[str, User], monkeypatch: Any) -> None:
        monkeypatch.setattr(
            gateway,
            "preview_policy",
            lambda user, kind, amount_cents, currency="USD": resolve(user, kind, amount_cents, currency),
        )
        employee = client_of("employee")
        page = employee.get("/approvals/new/preview/?kind=expense&amount=1,250.00", headers=HTMX)
        assertContains(page, "By the policy “")
        assertContains(page, "”, version 1.")
        assertContains(page, "<b>Manager</b>, one person: Marta Kovács.")
        assertContains(page, "<b>Director</b>, one person: Daniel Osei.")
        assertContains(employee.get("/approvals/new/preview/?kind=", headers=HTMX), "Choose a kind")
        assertContains(employee.get("/approvals/new/preview/?kind=expense&amount=x", headers=HTMX), "can be read")
