"""Imports with a real worker: from the upload to the contacts, hostile files, opt-outs, and being stopped anywhere."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from campaigns import import_activities
from campaigns.contract import By, Door, ImportNote, ImportStage, ImportView
from campaigns.gateway import imports, uploads
from campaigns.imports import apply_rows
from campaigns.models import AudienceImport, Contact, ImportProblem, OptOut, StagedContact
from dashboard.roles import CAMPAIGN_WRITERS, STAFF
from temporal_worker import client as temporal_client
from temporal_worker.client import CallTimedOut
from temporal_worker.models import ChangeCounter
from temporal_worker.problems import InvalidRequest, KeyReused, NotPermitted, Refused, Unavailable
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually
from tests.orders.at_once import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "storage")]

GOOD = b"id,email,name,plan,consent\nU-1,u1@example.com,Ann,pro,yes\nU-2,u2@example.com,Bo,free,no\n"


@pytest.fixture
def storage(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def writer(db: None) -> User:
    user = User.objects.create_user("writer")
    user.groups.add(Group.objects.get(name=CAMPAIGN_WRITERS))
    return User.objects.get(pk=user.pk)


def bring_in(user: User, content: bytes = GOOD, **more: Any) -> ImportView:
    words: dict[str, Any] = {"name": "contacts.csv", "key": "k1", "unattended": True, **more}
    return imports.start_import(user=user, door=Door.WEB, file=BytesIO(content), **words)


def ended(view: ImportView, user: User) -> ImportView:
    return waits(view, user, lambda now: now.is_final)


def waits(view: ImportView, user: User, met: Any) -> ImportView:
    def look() -> ImportView | None:
        now = imports.read_import(view.import_id, user)
        return now if met(now) else None

    return eventually(look)


def tidied(storage: Path) -> bool:
    return not StagedContact.objects.exists() and not list(storage.rglob("*.csv"))


class TestFromFileToContacts:
    def test_stage_by_stage(self, writer: User, storage: Path) -> None:
        contact("U-2", name="", email="old@example.com", locale="fr")
        view = bring_in(writer, unattended=False)
        view = waits(view, writer, lambda now: now.stage == "validate" and now.is_waiting)
        assert (view.rows_total, view.rows_done, view.rows_rejected) == (2, 2, 0)
        with pytest.raises(Refused, match="not done its work") as refusal:
            imports.go_on(view.import_id, ImportStage.TRANSFORM, user=writer, door=Door.WEB)
        assert refusal.value.code == "not_yet"
        imports.go_on(view.import_id, ImportStage.VALIDATE, user=writer, door=Door.WEB)
        view = waits(view, writer, lambda now: now.stage == "transform" and now.is_waiting)
        assert view.actions == {"create": 1, "update": 1, "unchanged": 0}
        assert not Contact.objects.filter(user_id="U-1").exists()
        for _ in range(2):
            imports.go_on(view.import_id, ImportStage.TRANSFORM, user=writer, door=Door.WEB)
        view = ended(view, writer)
        assert (view.status, view.stage, view.rows_done) == ("completed", "done", 2)
        first, second = Contact.objects.order_by("user_id")
        assert (first.name, first.attributes) == ("Ann", {"plan": "pro"})
        assert (second.email, second.locale) == ("u2@example.com", "fr")
        assert list(OptOut.objects.values_list("user_id", flat=True)) == ["U-2"]
        eventually(lambda: tidied(storage))
        row = AudienceImport.objects.get()
        assert (row.status, row.rows_done, row.columns[0]) == ("completed", 2, "user_id")
        assert row.closed_at is not None
        assert ChangeCounter.read()["imports"] >= row.change > 0

    def test_only_new_contacts_are_greeted_whom_a_message_may_reach(
        self, writer: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contact("U-1")
        greeted: list[tuple[str, str, int]] = []

        def greet(user_id: str, *, by: By, spread_seconds: int) -> None:
            greeted.append((user_id, by.username, spread_seconds))

        monkeypatch.setattr(import_activities, "begin_greeting", greet)
        monkeypatch.setattr(import_activities, "GREETINGS_A_SECOND", 1_000)
        writer.user_permissions.add(Permission.objects.get(codename="edit_preferences"))
        writer = User.objects.get(pk=writer.pk)
        rows = b"U-3,u3@example.com,Cy,free,yes\nU-4,,No address,free,\nU-5,u5@example.com,Di,,\n"
        view = bring_in(writer, GOOD + rows, asks_columns=True)
        uploads.begin(view.import_id, user=writer, door=Door.WEB, mapping={}, unattended=True, greets=True)
        view = ended(view, writer)
        assert (view.status, view.greeted) == ("completed", 2)
        assert greeted == [("U-3", "writer", 0), ("U-5", "writer", 0)]  # U-1 was there, and U-2 opts out

    def test_greeting_needs_its_own_right(self, writer: User) -> None:
        view = bring_in(writer, asks_columns=True)
        with pytest.raises(NotPermitted):
            uploads.begin(view.import_id, user=writer, door=Door.WEB, mapping={}, greets=True)
        assert AudienceImport.objects.get().status == "uploaded"

    def test_the_same_key_is_one_import_and_another_file_is_refused(self, writer: User) -> None:
        views = at_once(4, lambda n: bring_in(writer))
        assert len({view.import_id for view in views}) == 1
        with pytest.raises(KeyReused):
            bring_in(writer, GOOD + b"U-3,u3@example.com,Cy,free,\n")
        ended(views[0], writer)

    def test_the_same_file_twice_changes_nothing(self, writer: User) -> None:
        ended(bring_in(writer), writer)
        before = list(Contact.objects.values())
        view = ended(bring_in(writer, key="k2"), writer)
        assert view.actions == {"create": 0, "update": 0, "unchanged": 2}
        assert list(Contact.objects.values()) == before
        assert OptOut.objects.count() == 1

    def test_an_opt_out_never_becomes_an_opt_in(self, writer: User) -> None:
        contact("U-1")
        OptOut.objects.create(user_id="U-1", channel="email")
        ended(bring_in(writer), writer)
        assert set(OptOut.objects.values_list("user_id", "channel")) == {("U-1", "email"), ("U-2", "")}

    def test_columns_that_do_not_say_it_themselves(self, writer: User) -> None:
        content = b"Kundennummer;Vermerk;E-Mail\nK1;geheim;k1@example.com\n"
        view = ended(bring_in(writer, content, mapping={"Kundennummer": "user_id", "Vermerk": ""}), writer)
        assert view.status == "completed"
        assert list(Contact.objects.values_list("user_id", "email", "attributes")) == [("K1", "k1@example.com", {})]


HOSTILE = b"\n".join(
    [
        b"\xef\xbb\xbfid,email,name,note",  # BOM
        b"U-1,u1@example.com,Ann,=HYPERLINK(1)",
        b"U-2,u2@example.com,\xff\xfe,bad bytes",
        b"U-3,u3@example.com,N\x00ul,nul",
        b'U-4,u4@example.com,"Eve\r\nBcc: all@example.com",crlf',
        b"U-1,u5@example.com,Again,duplicate",
        b"=1+1,u6@example.com,Formula,id",
        b"U-7,no address,Mail,mail",
        b"U-8,u8@example.com,{{ name }}{% include 'x' %},template",
        b",u9@example.com,Nobody,no id",
    ]
)


UNUSABLE = [
    (b"name,email\nAnn,a@example.com\n", "No column is for the contact's id"),
    (b"id,ID\n1,2\n", "Two columns are for user_id"),
    (b"\xff\xfei\x00d\x00\n\x00", "UTF-16"),
    (b"\n\n\n", "no header"),
    (b"id,email\n", "The file has no rows."),
    (b"id,email\nU-1,nonsense\n", "None of the file's rows can be taken."),
    (GOOD + b"U-3," + b"x" * 200_000, "longer than"),
]
LOCATIONS = ["/etc/passwd", "imports/../../secret.csv", "attachments/a.csv", "imports/none.csv", "imports"]


class TestHostileFiles:
    def test_each_bad_row_is_told_of_and_the_good_ones_are_taken(self, writer: User) -> None:
        view = ended(bring_in(writer, HOSTILE), writer)
        assert (view.status, view.rows_total, view.rows_done, view.rows_rejected) == ("completed", 9, 2, 7)
        assert set(Contact.objects.values_list("user_id", flat=True)) == {"U-1", "U-8"}
        assert Contact.objects.get(user_id="U-1").attributes == {"note": "=HYPERLINK(1)"}
        rows = dict(ImportProblem.objects.values_list("row", "column"))
        assert rows == {3: "name", 4: "name", 5: "name", 6: "id", 7: "id", 8: "email", 10: "id"}
        lines = "".join(imports.read_problems(view.import_id, writer)).splitlines()
        assert lines[0] == "row,column,problem,value"
        assert any(line.startswith("7,id,") and line.endswith(",'=1+1") for line in lines)

    def test_files_that_cannot_be_used_change_nothing(self, writer: User, storage: Path) -> None:
        for number, (content, words) in enumerate(UNUSABLE):
            view = ended(bring_in(writer, content, key=f"k{number}"), writer)
            assert (view.status, words in view.problem) == ("failed", True), (words, view.problem)
        assert not Contact.objects.exists()
        eventually(lambda: tidied(storage))

    def test_too_large_or_empty_ones_are_refused_at_the_door(
        self, writer: User, storage: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "MAX_BYTES", 1024 * 1024)
        for content, words in ((b"x" * (1024 * 1024 + 1), "more than 1 MB"), (b"", "is empty")):
            with pytest.raises(InvalidRequest, match=words) as problem:
                bring_in(writer, content)
            assert problem.value.field == "file"
        assert not AudienceImport.objects.exists()
        assert not list(storage.rglob("*.csv"))

    def test_a_senders_name_is_no_path(self, writer: User, storage: Path) -> None:
        view = bring_in(writer, name="..\\..\\etc/pass\nwd.csv")
        assert (view.name, view.location.split("/")[0]) == ("pass wd.csv", "imports")
        ended(view, writer)

    def test_a_location_from_the_command_line_stays_in_the_folder(self, writer: User, storage: Path) -> None:
        for name in ("attachments/a.csv", "secret.csv"):
            (storage / name).parent.mkdir(exist_ok=True)
            (storage / name).write_bytes(GOOD)
        for number, location in enumerate(LOCATIONS):
            import_id = f"IMP-20261121-120000-{number:04}"
            starting = temporal_client.start_workflow(
                "AudienceImportWorkflow",
                {"import_id": import_id, "unattended": True},
                id=f"import-{import_id}",
                task_queue="marketing-campaign-queue",
                start_signal="notify_upload_complete",
                start_signal_args=[{"location": location}],
            )
            temporal_client.call(starting)
            failed = AudienceImport.objects.filter(import_id=import_id, status="failed")
            assert eventually(failed.first).problem.startswith("There is no file ")
        assert not Contact.objects.exists()
        assert (storage / "attachments/a.csv").exists()


class TestProgress:
    def test_the_work_tells_how_far_it_is(self, writer: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("campaigns.imports.stages.BATCH", 2)
        monkeypatch.setattr(import_activities, "TELL_EVERY", 0.0)
        notes: list[ImportNote] = []
        tell = import_activities.tell_progress

        def telling(import_id: str, note: ImportNote) -> None:
            tell(import_id, note)
            notes.append(note)
            if (note.stage, note.rows_done) == ("validate", 4):
                view = temporal_client.call(
                    temporal_client.query(f"import-{import_id}", "get_progress", result_type=ImportView)
                )
                assert (view.rows_total, view.rows_done, view.rows_rejected) == (6, 4, 2)
                assert 0 < view.bytes_done < view.bytes_total

        monkeypatch.setattr(import_activities, "tell_progress", telling)
        content = b"id,email\nU-1,a\n,b@example.com\n" + b"".join(b"U-%d,\n" % n for n in range(2, 10))
        view = ended(bring_in(writer, content), writer)
        assert (view.status, view.rows_done, view.rows_rejected) == ("completed", 8, 2)
        assert view.bytes_done == view.bytes_total == len(content)
        told = [(note.stage, note.rows_done) for note in notes]
        assert told == [(stage, done) for stage, from_ in (("validate", 0), ("transform", 2), ("finalise", 2))
                        for done in range(from_, 9, 2)]  # fmt: skip


class TestBeingStopped:
    def test_killed_in_the_middle_of_finalise_it_ends_right(
        self, writer: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("campaigns.imports.stages.BATCH", 2)
        killed = []

        def killed_once(row: AudienceImport, *, report: Any) -> Any:
            def told(progress: Any) -> None:
                report(progress)
                if not killed:
                    killed.append(Contact.objects.count())
                    raise ConnectionError("killed after a batch")

            return apply_rows(row, report=told)

        monkeypatch.setattr(import_activities, "apply_rows", killed_once)
        content = b"id,name\n" + b"".join(b"U-%d,Name %d\n" % (n, n) for n in range(1, 8))
        view = ended(bring_in(writer, content), writer)
        assert killed == [2]
        assert (view.status, view.rows_done, view.problem) == ("completed", 7, "")
        assert Contact.objects.count() == 7

    def test_cancelled_it_leaves_nothing(self, writer: User, storage: Path) -> None:
        view = bring_in(writer, HOSTILE, unattended=False)
        view = waits(view, writer, lambda now: now.stage == "validate" and now.is_waiting)
        assert StagedContact.objects.count() == 2
        view = imports.cancel_import(view.import_id, user=writer, door=Door.WEB, reason="Wrong file.", key="c")
        assert (view.status, view.problem) == ("cancelled", "writer cancelled it: Wrong file.")
        eventually(lambda: tidied(storage) and not ImportProblem.objects.exists())
        assert not Contact.objects.exists()
        ended(view, writer)
        with pytest.raises(Refused, match="cancelled already"):
            imports.go_on(view.import_id, ImportStage.VALIDATE, user=writer, door=Door.WEB)
        eventually(lambda: refused(view, writer) == "cancelled")

    def test_kept_while_temporal_is_away_and_started_later(self, writer: User, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(*args: Any, **more: Any) -> Any:
            raise CallTimedOut("No answer.")

        with monkeypatch.context() as patched:
            patched.setattr(temporal_client, "start_workflow", away)
            with pytest.raises(Unavailable, match="is kept"):
                bring_in(writer)
        row = AudienceImport.objects.get()
        assert (row.status, imports.read_import(row.import_id, writer).stage) == ("starting", "upload")
        AudienceImport.objects.update(created_at=timezone.now() - timedelta(minutes=1))
        imports.finish_starting_imports()
        assert ended(bring_in(writer), writer).import_id == row.import_id


def refused(view: ImportView, user: User) -> str:
    try:
        imports.cancel_import(view.import_id, user=user, door=Door.WEB, reason="", key="again")
    except Refused as problem:
        return problem.code
    return ""


def test_without_the_right_nothing_can_be_done_or_seen(writer: User) -> None:
    stranger = User.objects.create_user("stranger")
    stranger.groups.add(Group.objects.get(name=STAFF))
    with pytest.raises(NotPermitted):
        bring_in(stranger)
    view = ended(bring_in(writer), writer)
    for act in (
        lambda: imports.read_import(view.import_id, stranger),
        lambda: imports.read_problems(view.import_id, stranger),
    ):
        with pytest.raises(imports.ImportNotFound):
            act()
    with pytest.raises(NotPermitted):
        imports.cancel_import(view.import_id, user=stranger, door=Door.WEB, reason="", key="x")
