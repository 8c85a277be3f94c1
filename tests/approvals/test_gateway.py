"""The gateway with a real worker: once for each key, rights before everything, and what was refused is noted."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, User
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from approvals import gateway
from approvals.contract import ApprovalStatus, ApprovalView, Door
from approvals.gateway import absences
from approvals.models import (
    Absence,
    ApprovalRequest,
    Attachment,
    BulkJob,
    Involvement,
    LeaveBooking,
    Payout,
    Policy,
    RefusedAttempt,
)
from dashboard.roles import ADMINISTRATORS
from temporal_worker import client as temporal_client
from temporal_worker.client import CallTimedOut, QueryFailed
from tests.eventually import eventually
from tests.orders.at_once import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

People = dict[str, User]


def ask(people: People, who: str = "employee", *, key: str = "k1", **more: Any) -> ApprovalView:
    words = {"kind": "leave", "title": "Two weeks in May", **more}
    return gateway.submit_request(user=people[who], door=Door.WEB, key=key, **words)


def decide(people: People, who: str, view: ApprovalView, approved: bool = True, **more: Any) -> ApprovalView:
    words = {"comment": "ok", "state_version": view.state_version, "key": f"{who}-{approved}", "door": Door.WEB, **more}
    return gateway.decide(view.request_id, user=people[who], approved=approved, **words)


def saved(request_id: str, met: Callable[[ApprovalRequest], bool]) -> ApprovalRequest:
    def look() -> ApprovalRequest | None:
        row = ApprovalRequest.objects.get(request_id=request_id)
        return row if met(row) else None

    return eventually(look)


class TestAsking:
    def test_from_the_question_to_the_booking(self, people: People) -> None:
        view = ask(people, starts_on="2027-05-03", ends_on="2027-05-14")
        assert (view.status, view.name_of("manager"), view.policy_name) == ("pending", "Marta Kovács", "leave policy")
        view = decide(people, "manager", view)
        view = decide(people, "hr", view, door=Door.API)
        assert view.status == "approved"
        row = saved(view.request_id, lambda row: bool(row.snapshot.get("outcome")))
        booking = LeaveBooking.objects.get(request_id=view.request_id)
        assert (booking.username, str(booking.starts_on)) == ("employee", "2027-05-03")
        doors = list(row.trail.filter(what="approved").values_list("who", "door"))
        assert doors == [("manager", "web"), ("hr", "api")]
        assert RefusedAttempt.objects.count() == 0

    def test_the_same_key_asks_once(self, people: People) -> None:
        views = at_once(8, lambda n: ask(people))
        assert len({view.request_id for view in views}) == 1
        assert ApprovalRequest.objects.count() == 1
        with pytest.raises(gateway.KeyReused):
            ask(people, title="Three weeks")

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"title": " "}, "title"),
            ({"kind": "nonsense"}, "kind"),
            ({"kind": "expense"}, "amount_cents"),
            ({"kind": "expense", "amount_cents": -5}, "amount_cents"),
            ({"starts_on": "soon"}, "starts_on"),
            ({"starts_on": "2027-05-03", "ends_on": "2027-05-01"}, "ends_on"),
            ({"description": "x" * 10_001}, "description"),
        ],
    )
    def test_bad_input_names_its_field_and_leaves_nothing(self, people: People, more: Any, field: str) -> None:
        with pytest.raises(gateway.InvalidRequest) as problem:
            ask(people, **more)
        assert problem.value.field == field
        assert not ApprovalRequest.objects.exists()

    def test_kept_while_temporal_is_away_and_started_later(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*args: Any, **more: Any) -> Any:
            raise CallTimedOut("No answer.")

        with monkeypatch.context() as patched:
            patched.setattr(temporal_client, "start_workflow", away)
            with pytest.raises(gateway.Unavailable, match="is kept"):
                ask(people)
        row = ApprovalRequest.objects.get()
        assert row.status == ApprovalRequest.STARTING
        assert Involvement.objects.filter(username="manager", can_decide=True).exists()
        ApprovalRequest.objects.update(submitted_at=timezone.now() - timedelta(minutes=1))
        assert gateway.finish_starting_requests() == 1
        saved(row.request_id, lambda row: row.status == "pending")
        assert ask(people).request_id == row.request_id


class TestReading:
    def test_a_worker_of_another_version_leaves_the_rows(self, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
        view = ask(people)
        saved(view.request_id, lambda row: row.version > 0)

        async def fails(*args: Any, **more: Any) -> Any:
            raise QueryFailed("unknown query")

        with monkeypatch.context() as patched:
            patched.setattr(temporal_client, "query", fails)
            reading = gateway.read_request(view.request_id, people["manager"])
            assert (reading.source, reading.view.title) == ("database", view.title)
            assert "unknown query" in reading.reason
            assert not gateway.may_see(people["outsider"], view.request_id)


class TestRights:
    def test_whoever_is_to_decide_sees_it_before_its_rows_are_saved(self, people: People) -> None:
        """An answer within milliseconds, as by the API: the workflow has begun, and its row says "starting" still."""
        view = ask(people)
        eventually(lambda: Involvement.objects.filter(request__request_id=view.request_id).exists())
        Involvement.objects.filter(request__request_id=view.request_id).delete()
        ApprovalRequest.objects.filter(request_id=view.request_id).update(status=ApprovalRequest.STARTING)
        assert gateway.may_see(people["manager"], view.request_id)
        assert not gateway.may_see(people["outsider"], view.request_id)

    def test_a_foreign_request_is_not_there(self, people: People) -> None:
        view = ask(people)
        for call in (
            lambda: gateway.read_request(view.request_id, people["outsider"]),
            lambda: decide(people, "outsider", view),
            lambda: gateway.add_comment(view.request_id, user=people["outsider"], door=Door.WEB, text="x", key="k"),
            lambda: gateway.withdraw(view.request_id, user=people["outsider"], door=Door.WEB, reason="", key="k"),
        ):
            with pytest.raises(gateway.RequestNotFound):
                call()
        assert set(RefusedAttempt.objects.values_list("who", "code")) == {("outsider", "not_found")}

    def test_an_administrator_sees_and_decides_nothing(self, people: People) -> None:
        view = ask(people)
        people["outsider"].groups.add(Group.objects.get(name=ADMINISTRATORS))
        admin = User.objects.get(username="outsider")
        assert gateway.read_request(view.request_id, admin).view.title == view.title
        with pytest.raises(gateway.NotPermitted) as problem:
            gateway.decide(
                view.request_id, user=admin, door=Door.WEB, approved=True, comment="", state_version=1, key="k"
            )
        assert problem.value.code == "not_approver"

    def test_nobody_decides_their_own_even_after_joining_the_group(self, people: People) -> None:
        view = ask(people)
        Group.objects.get(name="People").user_set.add(people["employee"])
        for on_behalf_of in ("", "manager", "hr"):
            with pytest.raises(gateway.NotPermitted) as problem:
                decide(people, "employee", view, on_behalf_of=on_behalf_of, key=f"k{on_behalf_of}")
            assert problem.value.code == "self_approval"
        view = decide(people, "manager", view)
        with pytest.raises(gateway.NotPermitted):
            decide(people, "employee", view, key="again")
        assert RefusedAttempt.objects.filter(code="self_approval").count() == 4

    def test_a_closed_account_decides_nothing(self, people: People) -> None:
        view = ask(people)
        people["manager"].is_active = False
        people["manager"].save()
        with pytest.raises(gateway.NotPermitted) as problem:
            decide(people, "manager", view)
        assert problem.value.code == "account_closed"

    def test_whoever_covers_sees_it_from_their_first_day(self, people: People) -> None:
        Absence.objects.create(
            person=people["manager"], delegate=people["bo"],
            starts_at=timezone.now() + timedelta(days=2), until=timezone.now() + timedelta(days=9),
        )  # fmt: skip
        view = ask(people)
        assert not gateway.may_see(people["bo"], view.request_id)
        with pytest.raises(gateway.RequestNotFound):
            decide(people, "bo", view)


class TestDeciding:
    def test_the_same_press_twice_is_one_decision(self, people: People) -> None:
        view = ask(people)
        answers = at_once(6, lambda n: decide(people, "manager", view))
        assert {answer.level for answer in answers} == {2}
        assert RefusedAttempt.objects.count() == 0

    def test_of_many_at_once_one_counts_and_the_rest_hear_who_was_first(self, people: People) -> None:
        view = ask(people)
        doors = [Door.WEB, Door.API, Door.SLACK, Door.MAIL]
        answers = at_once(
            24, lambda n: decide(people, "manager", view, n % 2 == 0, door=doors[n % 4], key=f"k{n}"), workers=12
        )
        taken = [answer for answer in answers if isinstance(answer, ApprovalView)]
        refused = [answer for answer in answers if isinstance(answer, gateway.RequestRefused)]
        assert (len(taken), len(refused)) == (1, 23)
        assert {problem.extra["first"]["who"] for problem in refused} == {"manager"}
        assert list(RefusedAttempt.objects.values_list("number", flat=True)) == list(range(1, 24))

    def test_a_policy_that_was_changed_or_deleted_reaches_no_running_request(self, people: People) -> None:
        first, second = ask(people), ask(people, key="k2")
        Policy.objects.get(kind="leave").levels.first().users.set([people["bo"]])  # type: ignore[union-attr]
        first = decide(people, "manager", first)
        Policy.objects.filter(kind="leave").delete()
        assert decide(people, "hr", first, key="x").status == "approved"
        assert decide(people, "manager", second, key="y").level == 2

    def test_after_the_end_the_answer_says_who_was_first(self, people: People) -> None:
        view = decide(people, "manager", ask(people), approved=False)
        saved(view.request_id, lambda row: row.status == "rejected")
        with pytest.raises(gateway.RequestRefused, match="Marta Kovács rejected Manager") as problem:
            decide(people, "manager", view, key="late")
        assert (problem.value.code, problem.value.extra["first"]["who"]) == ("already_rejected", "manager")

    def test_another_amount_brings_its_own_policy(self, people: People) -> None:
        view = ask(people, kind="expense", amount_cents=90_000, title="Desk")
        gateway.request_changes(
            view.request_id, user=people["manager"], door=Door.WEB, comment="More?", state_version=1, key="c"
        )
        again = {"title": "Desk", "description": "", "user": people["employee"], "door": Door.WEB}
        view = gateway.resubmit(view.request_id, amount_cents=900_000, key="r", **again)
        assert [level.approvers for level in view.levels] == [["manager"], ["director"]]
        assert (view.round, view.state_version, view.name_of("director")) == (2, 2, "Daniel Osei")
        view = decide(people, "manager", view)
        view = decide(people, "director", view)
        saved(view.request_id, lambda row: bool(row.snapshot.get("outcome")))
        assert Payout.objects.get().amount_cents == 900_000

    def test_an_amount_cannot_be_lost_by_asking_again(self, people: People) -> None:
        view = ask(people, kind="expense", amount_cents=90_000, title="Desk")
        gateway.request_changes(
            view.request_id, user=people["manager"], door=Door.WEB, comment="More?", state_version=1, key="c"
        )
        again = {"title": "Desk", "description": "", "user": people["employee"], "door": Door.WEB}
        with pytest.raises(gateway.InvalidRequest) as problem:
            gateway.resubmit(view.request_id, amount_cents=None, key="r", **again)
        assert problem.value.field == "amount_cents"

    def test_the_same_bracket_keeps_its_policy_whatever_the_admin_did(self, people: People) -> None:
        view = ask(people, kind="expense", amount_cents=90_000, title="Desk")
        gateway.request_changes(
            view.request_id, user=people["manager"], door=Door.WEB, comment="Less?", state_version=1, key="c"
        )
        Policy.objects.filter(name="small").update(max_amount_cents=50_000)
        view = gateway.resubmit(
            view.request_id, user=people["employee"], door=Door.WEB, title="Desk", description="",
            amount_cents=80_000, key="r",
        )  # fmt: skip
        assert view.policy_version == 1
        assert [level.approvers for level in view.levels] == [["manager"]]


class TestAbsences:
    def away(self, people: People, who: str, to: str) -> Absence:
        return Absence.objects.create(
            person=people[who], delegate=people[to], until=timezone.now() + timedelta(days=3), reason="holiday"
        )

    def test_reaches_open_requests_and_is_recorded(self, people: People) -> None:
        view = ask(people)
        absence = self.away(people, "manager", "bo")
        gateway.tell_open_requests()
        absence.refresh_from_db()
        assert absence.settled_revision == absence.revision
        eventually(lambda: gateway.may_see(people["bo"], view.request_id))
        view = decide(people, "bo", view)
        assert view.levels[0].decisions[0].on_behalf_of == "manager"
        assert view.name_of("bo") == "Bo Nyman"
        row = saved(view.request_id, lambda row: row.level == 2)
        assert list(row.trail.filter(what="delegated").values_list("who", "on_behalf_of", "door")) == [
            ("manager", "manager", "system")
        ]

    def test_a_hand_over_says_its_end_in_utc_wherever_it_was_made(self, people: People) -> None:
        until = (timezone.now() + timedelta(days=3)).astimezone(ZoneInfo("Asia/Kathmandu"))
        words = {"door": Door.WEB, "to": "bo", "until": until, "reason": "", "key": "over"}
        view = gateway.delegate(ask(people).request_id, user=people["manager"], **words)
        assert view.trail[-1].text.endswith(f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")

    def test_reaches_requests_that_come_later(self, people: People) -> None:
        self.away(people, "manager", "bo")
        assert decide(people, "bo", ask(people)).levels[0].decisions[0].on_behalf_of == "manager"

    def test_ends(self, people: People) -> None:
        view = ask(people)
        absence = self.away(people, "manager", "bo")
        gateway.tell_open_requests()
        absence.refresh_from_db()
        absence.end()
        gateway.tell_open_requests()
        eventually(lambda: not Involvement.objects.filter(username="bo", can_decide=True).exists())
        with pytest.raises(gateway.ApprovalProblem):
            decide(people, "bo", view)

    def test_one_request_that_cannot_be_reached_keeps_no_other_from_it(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stuck, well = ask(people), ask(people, key="k2")
        absence = self.away(people, "manager", "bo")
        real = absences.send_update

        def send(request_id: str, *args: Any, **more: Any) -> ApprovalView:
            if request_id == stuck.request_id:
                raise gateway.Unavailable("No answer.")
            return real(request_id, *args, **more)

        with monkeypatch.context() as patched:
            patched.setattr(absences, "send_update", send)
            gateway.tell_open_requests()
            absence.refresh_from_db()
            assert absence.settled_revision < absence.revision
        eventually(lambda: gateway.may_see(people["bo"], well.request_id))
        gateway.tell_open_requests()
        absence.refresh_from_db()
        assert absence.settled_revision == absence.revision
        eventually(lambda: gateway.may_see(people["bo"], stuck.request_id))

    def test_a_delegate_who_asked_is_not_taken(self, people: People) -> None:
        view = ask(people)
        self.away(people, "manager", "employee")
        gateway.tell_open_requests()
        with pytest.raises(gateway.NotPermitted):
            decide(people, "employee", view)


class TestAttachments:
    def attach(self, people: People, view: ApprovalView, who: str = "employee", **more: Any) -> ApprovalView:
        words = {"name": "../../offer.PDF", "content": b"%PDF-1.7", "content_type": "text/html", "key": "a", **more}
        return gateway.attach(view.request_id, user=people[who], door=Door.WEB, **words)

    def test_is_kept_once_and_known_by_its_digest(self, people: People) -> None:
        view = ask(people)
        answers = [self.attach(people, view) for _ in range(2)]
        row = Attachment.objects.get()
        assert (row.name, row.content_type) == ("offer.PDF", "application/pdf")
        assert [file.sha256 for file in answers[1].attachments] == [row.sha256]
        found = gateway.open_attachment(view.request_id, row.attachment_id, people["hr"])
        assert found.file.read() == b"%PDF-1.7"
        with pytest.raises(gateway.RequestNotFound):
            gateway.open_attachment(view.request_id, row.attachment_id, people["outsider"])

    @pytest.mark.parametrize(
        "more", [{"name": "page.html"}, {"content": b""}, {"content": b"x" * 1_500_001}, {"name": "script"}]
    )
    def test_refuses_what_is_too_large_or_of_no_known_kind(self, people: People, more: Any) -> None:
        view = ask(people)
        with pytest.raises(gateway.InvalidRequest) as problem:
            self.attach(people, view, **more)
        assert problem.value.field == "file"
        assert not Attachment.objects.exists()

    def test_leaves_no_file_when_the_request_refuses(self, people: People) -> None:
        view = ask(people)
        gateway.withdraw(view.request_id, user=people["employee"], door=Door.WEB, reason="", key="w")
        with pytest.raises(gateway.RequestRefused):
            self.attach(people, view)
        assert not Attachment.objects.exists()

    def test_a_crash_before_the_file_is_kept_is_made_good_by_the_repeat(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        view = ask(people)

        def dies(*args: Any, **more: Any) -> None:
            raise SystemError("killed")

        with monkeypatch.context() as patched:
            patched.setattr(FieldFile, "save", dies)
            with pytest.raises(SystemError):
                self.attach(people, view)
        (file,) = self.attach(people, view).attachments
        found = gateway.open_attachment(view.request_id, file.attachment_id, people["hr"])
        assert found.file.read() == b"%PDF-1.7"

    def test_a_row_without_its_file_gets_it_by_the_repeat(self, people: People) -> None:
        view = ask(people)
        (file,) = self.attach(people, view).attachments
        Attachment.objects.update(file="")
        self.attach(people, view)
        assert gateway.open_attachment(view.request_id, file.attachment_id, people["hr"]).file.read() == b"%PDF-1.7"

    def test_a_repeat_that_is_refused_takes_no_file_away(self, people: People) -> None:
        """Its first try was taken; the same key comes again when the request is over, under another name."""
        view = ask(people)
        (file,) = self.attach(people, view).attachments
        gateway.withdraw(view.request_id, user=people["employee"], door=Door.WEB, reason="", key="w")
        saved(view.request_id, lambda row: row.status == "withdrawn")
        Attachment.objects.update(name="renamed.pdf")  # so that the repeat is another update, as after a new run
        with pytest.raises(gateway.RequestRefused):
            self.attach(people, view, name="renamed.pdf")
        found = gateway.open_attachment(view.request_id, file.attachment_id, people["hr"])
        assert found.file.read() == b"%PDF-1.7"

    def test_another_name_for_the_same_file_and_key_is_the_same_attachment(self, people: People) -> None:
        view = ask(people)
        for name in ("offer.pdf", "again.pdf"):
            (file,) = self.attach(people, view, name=name).attachments
            assert file.name == "offer.pdf"


class TestBulk:
    def test_each_item_once_whoever_presses_twice(self, people: People) -> None:
        views = [ask(people, key=f"k{n}", title=f"Leave {n}") for n in range(6)]
        decide(people, "manager", views[0], approved=False)
        items = [(view.request_id, view.state_version) for view in views]

        def press(n: int) -> BulkJob:
            return gateway.start_bulk(user=people["manager"], approved=True, comment="", items=items, key="form-1")

        jobs = at_once(4, press)
        assert len({job.job_id for job in jobs}) == 1
        job = BulkJob.objects.get()
        eventually(lambda: BulkJob.objects.get().finished_at)
        outcomes = list(job.items.values_list("outcome", "code"))
        assert outcomes == [("refused", "already_rejected"), *[("done", "pending")] * 5]
        # The rows follow their workflows.
        eventually(
            lambda: not ApprovalRequest.objects.exclude(status=ApprovalStatus.REJECTED).exclude(level=2).exists()
        )
        assert press(0).pk == job.pk
        with pytest.raises(gateway.RequestNotFound):
            gateway.read_bulk(job.job_id, people["hr"])

    def test_a_key_stands_for_one_job(self, people: People) -> None:
        views = [ask(people, key=f"k{n}") for n in range(2)]
        words = {"user": people["manager"], "approved": True, "comment": "", "key": "form-1"}
        gateway.start_bulk(items=[(views[0].request_id, 1)], **words)
        with pytest.raises(gateway.KeyReused):
            gateway.start_bulk(items=[(views[1].request_id, 1)], **words)
        with pytest.raises(gateway.KeyReused):
            gateway.start_bulk(items=[(views[0].request_id, 1)], **{**words, "comment": "On second thoughts"})

    def test_refuses_what_is_not_theirs_to_see(self, people: People) -> None:
        view = ask(people)
        with pytest.raises(gateway.InvalidRequest):
            gateway.start_bulk(
                user=people["outsider"], approved=True, comment="", items=[(view.request_id, 1)], key="k"
            )
        assert not BulkJob.objects.exists()
