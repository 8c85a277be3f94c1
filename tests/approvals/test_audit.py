"""The audit trail taken away, and held against Temporal: what was altered, removed or added by hand is named."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from approvals import audit, gateway
from approvals.audit_check import read_export
from approvals.contract import ApprovalView, Door
from approvals.exports import as_json_lines, safe_cell
from approvals.models import Absence, ApprovalRequest, AttemptChain, RefusedAttempt, TrailRow
from dashboard.roles import AUDITORS
from tests.approvals import people as company
from tests.eventually import eventually
from tests.remembered import rows_of

COMMENT = '=HYPERLINK("http://evil")\r\nsecond line, “quoted”, it\'s'


def decide(view: ApprovalView, user: User, *, approved: bool = True, comment: str = "") -> ApprovalView:
    return gateway.decide(
        view.request_id,
        user=user,
        door=Door.WEB,
        approved=approved,
        comment=comment,
        state_version=view.state_version,
        key=f"{user.username}:{approved}",
    )


@pytest.fixture
def staff(transactional_db: None, worker: None) -> dict[str, User]:
    people = company.hire()
    company.write_policies()
    auditor = User.objects.create_user("auditor")
    auditor.groups.set(Group.objects.filter(name=AUDITORS))
    return {**people, "auditor": auditor}


@pytest.fixture
def asked(staff: dict[str, User]) -> str:
    """The id of a request with some life behind it, all of it saved, and two refused attempts.

    It is lived once and is over then: what a test does to its rows is not done to those of the next, and Temporal keeps it.
    """
    people = sorted(user.pk for name, user in staff.items() if name != "auditor")
    rows_of(("the request of the audit", *people), lambda: _ask(staff))
    return ApprovalRequest.objects.get().request_id


def _ask(staff: dict[str, User]) -> None:
    view = gateway.submit_request(
        user=staff["employee"], door=Door.WEB, kind="expense", title="A chair", amount_cents=450_000, key="k"
    )
    gateway.add_comment(view.request_id, user=staff["manager"], door=Door.WEB, text=COMMENT, key="c")
    for who in ("employee", "outsider"):
        with pytest.raises(gateway.ApprovalProblem):
            decide(view, staff[who])
    view = decide(view, staff["manager"], comment="Fine.")
    view = decide(view, staff["director"])
    # What follows from the approval is the last entry: the expense is released.
    eventually(lambda: TrailRow.objects.filter(what="carried_out").exists() and _is_saved(view.request_id))


def _is_saved(request_id: str) -> bool:
    history = gateway.read_history(request_id)
    return len(history.saved) == len(history.entries) == TrailRow.objects.count()


def verify(*arguments: str) -> str:
    """What the command says. Raises CommandError."""
    out = io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except CommandError as error:
        raise CommandError(out.getvalue(), returncode=error.returncode) from error
    return out.getvalue()


def found(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        verify(*arguments)
    assert error.value.returncode == 1
    return str(error.value)


def forge(rows: Any) -> None:
    """What somebody with the source but without the key would do: all digests anew, made of what they can guess."""
    for row in rows:
        row.digest = audit.chain_digest("", {"sequence": row.sequence})
        row.save()


def _alter(field: str, value: Any) -> Callable[[], None]:
    return lambda: TrailRow.objects.filter(what="approved", who="manager").update(**{field: value})


def _remove_middle() -> None:
    TrailRow.objects.filter(what="commented").delete()


def _remove_last() -> None:
    TrailRow.objects.order_by("-sequence")[0].delete()


def _remove_all() -> None:
    TrailRow.objects.all().delete()


def _add_one() -> None:
    row = TrailRow.objects.order_by("-sequence")[0]
    last, row.pk, row.sequence, row.who = row.digest, None, row.sequence + 1, "vp"
    row.digest = audit.trail_digest(last, row, row.request.request_id)  # even by somebody who has the key
    row.save()


def _swap() -> None:
    first, second = TrailRow.objects.filter(what="approved").order_by("sequence")
    TrailRow.objects.filter(pk=first.pk).update(who=second.who)
    TrailRow.objects.filter(pk=second.pk).update(who=first.who)


class TestTrail:
    def test_that_is_true_has_no_problem(self, asked):
        assert "1 requests looked at" in verify()
        assert "1 requests looked at" in verify(asked)

    @pytest.mark.parametrize(
        ("tamper", "says"),
        [
            (_alter("who", "vp"), "who is vp in the database and manager in Temporal"),
            (_alter("comment", "Never!"), "comment is Never!"),
            (_alter("what", "rejected"), "what is rejected"),
            (_alter("update_id", "x"), "update_id is x"),
            (_alter("digest", "0" * 64), "was altered"),
            (_remove_middle, "was removed; Temporal has it"),
            (_remove_last, "was removed; Temporal has it"),
            (_remove_all, "was removed; Temporal has it"),
            (_add_one, "was added by hand"),
            (_swap, "who is director in the database and manager in Temporal"),
        ],
    )
    def test_that_was_tampered_with_names_the_row(self, asked, tamper, says):
        tamper()
        said = found()
        assert says in said
        assert asked in said
        assert says in found(asked)

    def test_the_chain_alone_finds_it_when_temporal_has_forgotten(self, asked, monkeypatch):
        def forgotten(request_id: str) -> None:
            raise gateway.RequestNotFound(request_id)

        monkeypatch.setattr(gateway, "read_history", forgotten)
        assert "Temporal has no more" in verify()
        _remove_last()
        assert "is missing" in found()
        TrailRow.objects.filter(what="approved").update(comment="Never!")
        assert "was altered" in found()
        forge(TrailRow.objects.all())
        assert "was altered" in found()

    def test_a_history_that_does_not_bear_it_out_is_named(self, asked, monkeypatch):
        true = gateway.read_history(asked)
        update_id = next(entry["update_id"] for entry in true.entries.values() if entry["what"] == "approved")
        accepted = true.accepted.pop(update_id)
        monkeypatch.setattr(gateway, "read_history", lambda request_id: true)
        assert "no accepted update stands behind it" in found()
        other = {**accepted.message, "by": {"username": "vp", "door": "web"}}
        true.accepted[update_id] = gateway.Accepted("submit_decision", other)
        assert "somebody else's" in found()
        true.accepted[update_id] = gateway.Accepted("submit_decision", {**accepted.message, "approved": False})
        assert "decided otherwise" in found()
        true.accepted[update_id] = accepted
        true.accepted["left-out"] = gateway.Accepted("submit_decision", accepted.message)
        true.done.add("left-out")
        assert "left-out) is not in the trail" in found()

    def test_what_is_saved_while_it_looks_is_no_problem(self, asked, staff, monkeypatch):
        view = gateway.submit_request(
            user=staff["employee"], door=Door.WEB, kind="expense", title="A chair", amount_cents=45_000, key="k2"
        )
        read = gateway.read_history

        def then_somebody_comments(request_id: str) -> Any:
            history = read(request_id)
            if request_id == view.request_id:
                gateway.add_comment(request_id, user=staff["employee"], door=Door.WEB, text="Soon?", key="soon")
                eventually(TrailRow.objects.filter(request__request_id=request_id, what="commented").exists)
            return history

        monkeypatch.setattr(gateway, "read_history", then_somebody_comments)
        assert "2 requests looked at" in verify()

    def test_an_absence_that_a_request_knew_already_is_no_problem(self, staff):
        until = timezone.now() + timedelta(days=3)
        away = Absence.objects.create(person=staff["manager"], delegate=staff["bo"], until=until)
        view = gateway.submit_request(
            user=staff["employee"], door=Door.WEB, kind="expense", title="A chair", amount_cents=45_000, key="k"
        )
        gateway.tell_open_requests()
        away.save()  # told again, though nothing about it has changed
        gateway.tell_open_requests()
        eventually(lambda: _is_saved(view.request_id))
        history = gateway.read_history(view.request_id)
        assert [one.name for one in history.accepted.values()].count("delegate") == 2
        assert "1 requests looked at" in verify()

    def test_changes_that_were_asked_for_in_somebodys_place_are_no_problem(self, staff):
        view = gateway.submit_request(
            user=staff["employee"], door=Door.WEB, kind="expense", title="A chair", amount_cents=45_000, key="k"
        )
        request_id, until = view.request_id, timezone.now() + timedelta(days=1)
        words = {"door": Door.WEB, "to": "bo", "until": until, "reason": "", "key": "d"}
        gateway.delegate(request_id, user=staff["manager"], **words)
        wanted = {"door": Door.WEB, "comment": "Shorter.", "state_version": view.state_version, "key": "w"}
        gateway.request_changes(request_id, user=staff["bo"], **wanted)
        eventually(lambda: TrailRow.objects.filter(what="changes_requested").exists() and _is_saved(request_id))
        row = TrailRow.objects.get(what="changes_requested")
        assert (row.who, row.on_behalf_of) == ("bo", "manager")
        assert row.text == "Bo Nyman, for Marta Kovács, asked for changes."
        assert "1 requests looked at" in verify(request_id)

    def test_a_hand_over_that_was_accepted_and_is_in_no_trail_is_named(self, asked, monkeypatch):
        true = gateway.read_history(asked)
        true.accepted["left-out"] = gateway.Accepted(
            "delegate",
            {
                "to": "bo", "until": "2090-01-01T00:00:00+00:00", "starts_at": "2026-01-01T00:00:00+00:00",
                "principal": "manager", "cover_id": "out-of-office:1", "reason": "",
            },
        )  # fmt: skip
        true.done.add("left-out")
        monkeypatch.setattr(gateway, "read_history", lambda request_id: true)
        assert "left-out) is not in the trail" in found()

    def test_without_temporal_nothing_is_claimed(self, asked, monkeypatch):
        def away(request_id: str) -> None:
            raise gateway.Unavailable("Temporal is away.")

        monkeypatch.setattr(gateway, "read_history", away)
        with pytest.raises(CommandError) as error:
            verify()
        assert error.value.returncode == 2

    def test_a_request_that_is_not_there_is_a_problem(self, asked):
        assert "no such request" in found("REQ-20261121-120000-ffff")
        ApprovalRequest.objects.all().delete()
        assert "no such request" in found(asked)


class TestAttempts:
    @pytest.mark.parametrize(
        ("tamper", "says"),
        [
            (lambda: RefusedAttempt.objects.filter(number=1).update(who="vp"), "attempt #1: was altered"),
            (lambda: RefusedAttempt.objects.filter(number=1).delete(), "before it, #1 is missing"),
            (lambda: RefusedAttempt.objects.filter(number=2).delete(), "attempt #2: is missing"),
            (lambda: RefusedAttempt.objects.all().delete(), "attempt #1: is missing"),
            (lambda: AttemptChain.objects.all().delete(), "the chain's end does not know it"),
        ],
    )
    def test_that_were_tampered_with_are_named(self, asked, tamper, says):
        assert RefusedAttempt.objects.count() == 2
        tamper()
        assert says in found()


class TestExport:
    def export(self, user: User, address: str) -> Any:
        client = Client()
        client.force_login(user)
        return client.get(address)

    def text(self, answer: Any) -> str:
        return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()

    @pytest.mark.parametrize("ending", ["csv", "jsonl"])
    def test_is_whole_and_true(self, asked, staff, tmp_path, ending):
        for address in (f"/approvals/{asked}/export/", "/approvals/export/"):
            answer = self.export(staff["auditor"], f"{address}?format={ending}")
            assert answer.status_code == 200
            assert f".{ending}" in answer["Content-Disposition"]
            text = self.text(answer)
            records, problems = read_export(text)
            assert not problems
            assert [each["record"] for each in records].count("attempt") == 2
            assert next(each for each in records if each["what"] == "commented")["comment"] == COMMENT
            assert "looked at" in verify("--file", str(self.written(tmp_path, text)))

    def written(self, folder: Path, text: str) -> Path:
        path = folder / "export"
        path.write_bytes(text.encode())
        return path

    @pytest.mark.parametrize("ending", ["csv", "jsonl"])
    def test_that_was_tampered_with_names_the_line(self, asked, staff, tmp_path, ending):
        text = self.text(self.export(staff["auditor"], f"/approvals/{asked}/export/?format={ending}"))
        assert "the hash does not fit" in found("--file", str(self.written(tmp_path, text.replace("Fine.", "Bad."))))
        lines = text.splitlines(keepends=True)
        assert "end of the file is missing" in found("--file", str(self.written(tmp_path, "".join(lines[:-1]))))

    def test_a_forged_file_with_a_good_chain_is_held_against_temporal(self, asked, staff, tmp_path):
        text = self.text(self.export(staff["auditor"], f"/approvals/{asked}/export/"))
        records, _ = read_export(text.replace("Fine.", "Bad."))
        forged = self.written(tmp_path, "".join(as_json_lines(records)))
        assert "comment is Bad. in the file and Fine. in Temporal" in found("--file", str(forged))

    def test_no_cell_is_a_formula(self, asked, staff):
        text = self.text(self.export(staff["auditor"], f"/approvals/{asked}/export/?format=csv"))
        for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline="")):
            assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        assert safe_cell("'=1") == "''=1"

    def test_who_may_take_it(self, asked, staff):
        one, every = f"/approvals/{asked}/export/", "/approvals/export/"
        for user, wanted in ((staff["manager"], 403), (staff["outsider"], 403), (staff["auditor"], 200)):
            assert self.export(user, every).status_code == wanted
        for user, wanted in ((staff["manager"], 403), (staff["outsider"], 404), (staff["auditor"], 200)):
            assert self.export(user, one).status_code == wanted
        assert Client().get(every).status_code == 302
        assert self.export(staff["auditor"], "/approvals/REQ-20261121-120000-ffff/export/").status_code == 404

    def test_json_lines_are_json(self, asked, staff):
        text = self.text(self.export(staff["auditor"], "/approvals/export/"))
        *lines, end = [json.loads(line) for line in text.split("\n") if line]
        assert (end["record"], end["lines"]) == ("end", len(lines))
        assert all(len(line["hash"]) == 64 for line in lines)
