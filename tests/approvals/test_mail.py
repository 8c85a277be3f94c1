"""Mails by a real SMTP server, and the link in them that decides, on a real Temporal."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from approvals import gateway
from approvals.activities import send_approval_mail
from approvals.contract import ApprovalView, Door, Notice, NoticeRequest
from approvals.mail_links import SALT, link_for
from approvals.models import ApprovalMail, ApprovalRequest, Policy, RefusedAttempt
from approvals.notifiers.mail import send_notice
from dashboard.accounts.models import Profile
from dashboard.processes import free_port
from tests.approvals import people as company
from tests.approvals.test_slack import ask, card_of
from tests.eventually import eventually

HOSTILE = 'A "chair" <b>& co</b>\r\nBcc: eve@example.com'


class Box:
    """Takes mails in; a test says what it answers."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=default)
            self.mails.append(mail)
        return self.answer

    def to(self, username: str) -> list[Any]:
        return [mail for mail in self.mails if mail["To"] == f"{username}@example.com"]


@pytest.fixture
def box(settings: Any) -> Iterator[Box]:
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield box
    controller.stop()


@pytest.fixture
def staff(transactional_db: None) -> dict[str, User]:
    people = company.hire()
    company.write_policies()
    Policy.objects.update(mail="decide")
    return people


def plain_of(mail: Any) -> str:
    return mail.get_body(("plain",)).get_content()


def html_of(mail: Any) -> str:
    return mail.get_body(("html",)).get_content()


def link_in(mail: Any) -> str:
    """The path of the link in a mail's text."""
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/approvals/\S+)", plain_of(mail))
    return path


class TestSending:
    def test_goes_once(self, box, staff):
        notice = NoticeRequest(Notice.ASKED, "manager", card_of(staff["employee"]).request)
        assert send_notice(notice) == send_notice(notice) == "manager@example.com"
        assert len(box.mails) == 1
        assert send_notice(replace(notice, number=2)) == "manager@example.com"
        assert len(box.mails) == 2

    def test_who_covers_for_whom_it_was_escalated_to_reads_for_whom(self, box, staff):
        view = card_of(staff["employee"]).request
        send_notice(NoticeRequest(Notice.ESCALATED, "bo", view, text="Vera O’Hara"))
        (mail,) = box.mails
        for text in (plain_of(mail), html_of(mail)):
            assert "this request was escalated to Vera O’Hara, for whom you cover." in text

    @pytest.mark.parametrize("kind", list(Notice))
    def test_every_kind_says_what_it_is_about(self, box, staff, kind):
        view = card_of(staff["employee"], title=HOSTILE, description="<script>x</script>").request
        send_notice(NoticeRequest(kind, "manager", view, text="Because <i>of</i> this."))
        (mail,) = box.mails
        assert mail["To"] == "manager@example.com"
        assert mail["Bcc"] is None
        assert 'A "chair" <b>& co</b>' in mail["Subject"]
        for text in (plain_of(mail), html_of(mail)):
            assert "Hello Marta" in text
            assert "Emil Novak" in text
            assert "$450.00" in text
            assert view.request_id in text
            assert "{{" not in text
            assert "{%" not in text
        assert 'A "chair" <b>& co</b>' in plain_of(mail)
        assert "<script>" not in html_of(mail)
        assert "<b>& co" not in html_of(mail)
        assert "<i>of</i>" not in html_of(mail)

    @pytest.mark.parametrize(
        ("zone", "words"),
        [
            ("", "Fri 20 Nov 2026, 23:30 UTC"),
            ("UTC", "Fri 20 Nov 2026, 23:30 UTC"),
            ("Europe/Berlin", "Sat 21 Nov 2026, 00:30 (Europe/Berlin)"),
            ("America/New_York", "Fri 20 Nov 2026, 18:30 (America/New York)"),
            ("Mars/Olympus", "Fri 20 Nov 2026, 23:30 UTC"),
        ],
    )
    def test_says_until_when_in_the_readers_zone(self, box, staff, zone, words):
        Profile.objects.create(user=staff["manager"], time_zone=zone)
        deadline = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
        view = card_of(staff["employee"], deadline_at=deadline).request
        send_notice(NoticeRequest(Notice.REMINDER, "manager", view))
        (mail,) = box.mails
        assert f"Until: {words}" in plain_of(mail)
        assert words in html_of(mail)

    def test_a_server_that_is_away_is_tried_again(self, box, staff):
        notice = NoticeRequest(Notice.ASKED, "manager", card_of(staff["employee"]).request)
        box.answer = "451 later"
        with pytest.raises(OSError, match="later"):
            send_notice(notice)
        assert ApprovalMail.objects.get().sent_at is None
        box.answer = "250 OK"
        assert send_notice(notice) == "manager@example.com"
        assert len(box.mails) == 1

    def test_a_server_that_is_away_is_no_surprise_to_the_worker(self, box, staff):
        box.answer = "451 later"
        with pytest.raises(ApplicationError, match="later") as error:
            send_approval_mail(NoticeRequest(Notice.ASKED, "manager", card_of(staff["employee"]).request))
        assert not error.value.non_retryable

    def test_one_whose_acceptance_was_lost_goes_again_under_the_same_id(self, box, staff):
        notice = NoticeRequest(Notice.ASKED, "manager", card_of(staff["employee"]).request)
        for number in (1, 1, 2):
            send_notice(replace(notice, number=number))
            ApprovalMail.objects.update(sent_at=None)
        first, again, other = (mail["Message-ID"] for mail in box.mails)
        assert first == again != other

    def test_nobody_without_an_address_or_an_account_gets_one(self, box, staff):
        view = card_of(staff["employee"]).request
        User.objects.filter(username="manager").update(is_active=False)
        User.objects.filter(username="hr").update(email="")
        assert [send_notice(NoticeRequest(Notice.ASKED, name, view)) for name in ("manager", "hr", "nobody")] == [
            ""
        ] * 3
        assert not box.mails

    def test_your_turn_is_not_said_after_it_was_decided(self, box, staff):
        view = card_of(staff["employee"]).request
        ApprovalRequest.objects.update(status="approved", version=view.version + 1)
        assert send_notice(NoticeRequest(Notice.ASKED, "manager", view)) == ""
        assert send_notice(NoticeRequest(Notice.DECIDED, "employee", view)) == "employee@example.com"

    def test_waits_for_the_row(self, box, staff):
        view = card_of(staff["employee"]).request
        ApprovalRequest.objects.all().delete()
        with pytest.raises(ApplicationError, match="not in the database yet"):
            send_notice(NoticeRequest(Notice.ASKED, "manager", view))

    def test_a_policy_without_signed_links_leads_to_the_page(self, box, staff):
        view = card_of(staff["employee"], mail="link").request
        send_notice(NoticeRequest(Notice.ASKED, "manager", view))
        assert link_in(box.mails[0]) == f"/approvals/{view.request_id}/"

    def test_who_only_hears_of_it_gets_no_link_that_decides(self, box, staff):
        view = card_of(staff["employee"]).request
        for kind in (Notice.MENTIONED, Notice.DECIDED, Notice.WITHDRAWN, Notice.CHANGES_REQUESTED):
            send_notice(NoticeRequest(kind, "manager", view))
        assert {link_in(mail) for mail in box.mails} == {f"/approvals/{view.request_id}/"}


@pytest.mark.usefixtures("worker")
class TestStory:
    def test_whose_turn_it_is_gets_a_mail_and_the_requester_the_answer(self, box, staff):
        view = ask(staff["employee"])
        mail = eventually(lambda: box.to("manager"))[0]
        answer = Client().post(link_in(mail), {"choice": "approve", "comment": "Sit\r\nwell."})
        assert answer.status_code == 200
        assert "You approved" in answer.content.decode()
        decision = gateway.read_request(view.request_id, staff["manager"]).view.levels[0].decisions[0]
        assert (decision.approver, decision.door, decision.comment) == ("manager", "mail", "Sit\r\nwell.")
        (told,) = eventually(lambda: box.to("employee"))
        assert told["Subject"] == "Approved: A chair"
        assert "Approved by Marta Kovács: “Sit well.”" in " ".join(plain_of(told).split())


@pytest.mark.usefixtures("worker")
class TestLink:
    @pytest.fixture
    def asked(self, box: Box, staff: dict[str, User]) -> ApprovalView:
        return ask(staff["employee"])

    @pytest.fixture
    def path(self, asked: ApprovalView, staff: dict[str, User]) -> str:
        return link_for(staff["manager"], asked).removeprefix("http://127.0.0.1:8000")

    def status(self, view: ApprovalView, staff: dict[str, User]) -> str:
        return gateway.read_request(view.request_id, staff["employee"]).view.status

    def test_opening_it_decides_nothing(self, asked, path, staff):
        for method in ("get", "head"):
            answer = getattr(Client(), method)(path + "?choice=approve")
            assert answer.status_code == 200
            assert "no-store" in answer["Cache-Control"]
        assert "A chair" in Client().get(path).content.decode()
        assert self.status(asked, staff) == "pending"

    def test_a_form_of_another_site_decides_nothing(self, asked, path, staff):
        assert Client(enforce_csrf_checks=True).post(path, {"choice": "approve"}).status_code == 403
        assert self.status(asked, staff) == "pending"

    def test_pressing_twice_is_one_decision(self, asked, path, staff):
        answers = [Client().post(path, {"choice": "approve"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        trail = gateway.read_request(asked.request_id, staff["employee"]).view.trail
        assert [one.what for one in trail].count("approved") == 1

    def test_approve_and_then_reject_says_what_came_first(self, asked, path, staff):
        Client().post(path, {"choice": "approve"})
        answer = Client().post(path, {"choice": "reject", "comment": "No."})
        assert answer.status_code == 409
        assert "approved" in answer.content.decode()
        assert RefusedAttempt.objects.get().door == "mail"

    def test_a_rejection_without_its_reason_asks_for_it(self, asked, path, staff):
        answer = Client().post(path, {"choice": "reject", "comment": " "})
        assert answer.status_code == 422
        assert self.status(asked, staff) == "pending"

    def test_no_choice_is_none(self, asked, path, staff):
        assert Client().post(path, {"comment": "x"}).status_code == 422

    @pytest.mark.parametrize("spoil", [lambda path: path[:-3] + "/", lambda path: "/approvals/mail/x/"])
    def test_one_that_was_changed_is_none(self, asked, path, staff, spoil):
        assert Client().post(spoil(path), {"choice": "approve"}).status_code == 404
        assert RefusedAttempt.objects.get().code == "bad_link"
        assert self.status(asked, staff) == "pending"

    def test_one_that_was_signed_for_something_else_is_none(self, asked, path, staff):
        content = ["manager", asked.request_id, 1, 4_000_000_000]
        other = signing.dumps(content, salt="approvals.api.cursor", compress=True)
        assert Client().get(f"/approvals/mail/{other}/").status_code == 404
        ours = signing.dumps(content, salt=SALT, compress=True)
        assert Client().get(f"/approvals/mail/{ours}/").status_code == 200

    def test_expires(self, asked, staff):
        late = replace(asked, deadline_at=timezone.now() - timedelta(seconds=1))
        path = link_for(staff["manager"], late).removeprefix("http://127.0.0.1:8000")
        assert Client().post(path, {"choice": "approve"}).status_code == 410
        assert self.status(asked, staff) == "pending"

    def test_ends_with_the_account(self, asked, path, staff):
        User.objects.filter(username="manager").update(is_active=False)
        assert Client().post(path, {"choice": "approve"}).status_code == 410
        assert self.status(asked, staff) == "pending"

    def test_is_for_its_own_person_alone(self, asked, staff):
        for username, status in (("employee", 403), ("outsider", 404)):
            path = link_for(staff[username], asked).removeprefix("http://127.0.0.1:8000")
            assert Client().post(path, {"choice": "approve"}).status_code == status
        assert self.status(asked, staff) == "pending"

    def test_of_another_round_shows_no_buttons_and_decides_nothing(self, asked, path, staff):
        manager, employee = staff["manager"], staff["employee"]
        gateway.request_changes(
            asked.request_id, user=manager, door=Door.WEB, comment="Less.", state_version=1, key="c"
        )
        assert "asked for changes" in Client().get(path).content.decode()
        gateway.resubmit(
            asked.request_id,
            user=employee,
            door=Door.WEB,
            title="A chair",
            description="",
            amount_cents=90_000,
            key="r",
        )
        page = Client().get(path).content.decode()
        assert "has changed since this mail" in page
        assert 'name="choice"' not in page
        assert Client().post(path, {"choice": "approve"}).status_code == 409
        assert self.status(asked, staff) == "pending"

    def test_is_safe_to_press_again_after_an_outage(self, asked, path, staff, monkeypatch):
        def away(*args: Any, **kwargs: Any) -> None:
            raise gateway.Unavailable("Temporal is out of reach.")

        with monkeypatch.context() as patched:
            patched.setattr(gateway, "decide", away)
            answer = Client().post(path, {"choice": "approve", "comment": "Sit well."})
            assert answer.status_code == 503
            assert "Sit well." in answer.content.decode()
        assert Client().post(path, {"choice": "approve"}).status_code == 200
        assert self.status(asked, staff) == "approved"
