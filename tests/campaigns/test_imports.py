"""Contacts from files, as people really send them, and as nobody should."""

import csv
import io
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from campaigns import imports, preferences, suppression
from campaigns.contract import By, Door
from campaigns.imports import FileProblem, Progress
from campaigns.imports.problems import neutral
from campaigns.imports.reading import CsvFile
from campaigns.models import AudienceImport, Contact, ImportProblem, OptOut, StagedContact
from campaigns.models.contacts import PreferenceChange
from tests.campaigns.contacts_of import contact


def started(import_id: str = "IMP-1") -> AudienceImport:
    return AudienceImport.objects.create(import_id=import_id, idempotency_key=import_id, created_by="marketer")


def bring_in(content: bytes | str, import_id: str = "IMP-1") -> AudienceImport:
    row = started(import_id)
    file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    imports.read_rows(row, file)
    imports.compare_rows(row)
    imports.apply_rows(row)
    return row


@pytest.mark.django_db
class TestImport:
    def test_brings_new_contacts_and_changes_known_ones(self) -> None:
        contact("USER-002", name="Old", attributes={"plan": "free", "seats": 3})
        contact("USER-003", name="Same", attributes={})
        row = started()
        content = (
            "id,name,email,plan,consent\n"
            "USER-001,Amara,amara@example.com,pro,yes\n"
            "USER-002,New,,pro,\n"
            "USER-003,Same,,,\n"
        )
        told: list[Progress] = []
        progress = imports.read_rows(row, io.BytesIO(content.encode()), report=told.append)
        assert told == [progress] == [Progress(3, 0, len(content))]
        assert Contact.objects.count() == 2  # nothing has happened yet
        assert imports.compare_rows(row) == {"create": 1, "update": 1, "unchanged": 1}
        assert imports.apply_rows(row) == Progress(3)
        new, changed = Contact.objects.get(user_id="USER-001"), Contact.objects.get(user_id="USER-002")
        assert (new.email, new.attributes, new.change) == ("amara@example.com", {"plan": "pro"}, 1)
        assert (changed.name, changed.email) == ("New", "user-002@example.com")
        assert changed.attributes == {"plan": "pro", "seats": 3}

    def test_the_same_file_again_changes_nothing(self) -> None:
        content = "id,name\nUSER-001,Amara\nUSER-002,Mei\n"
        bring_in(content)
        before = list(Contact.objects.values())
        second = bring_in(content, "IMP-2")
        assert set(second.staged.values_list("action", flat=True)) == {"unchanged"}
        assert list(Contact.objects.values()) == before

    def test_errors_name_their_row_and_the_rest_comes_in(self) -> None:
        row = bring_in(
            b"id,name,email\r\n"
            b"USER-001,Amara,amara@example.com\r\n"
            b"USER-002,Jos\xe9,jose@example.com\r\n"
            b'USER-003,"Mei\r\nBcc: eve@example.com",mei@example.com\r\n'
            b"USER-004,Nul\0,nul@example.com\r\n"
            b"USER-001,Twice,\r\n"
            b",Nobody,\r\n"
            b"\r\n"
            b"USER-005,=HYPERLINK(1),nowhere\r\n"
            b"USER-006,=1+1,six@example.com\r\n"
            b"USER-007,Lone\rCR,seven@example.com\r\n"
        )
        assert list(row.problems.values_list("row", "column", "problem")) == [
            (3, "name", "is not UTF-8"),
            (4, "name", "one line of text, without line breaks and control characters"),
            (5, "name", "has a null character"),
            (6, "id", "is in row 2 already"),
            (7, "id", "is empty: it says whose row this is"),
            (9, "email", "enter a valid email address"),
            (11, "name", "one line of text, without line breaks and control characters"),
        ]
        assert list(Contact.objects.values_list("user_id", "name")) == [("USER-001", "Amara"), ("USER-006", "=1+1")]

    def test_begun_again_it_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("campaigns.imports.stages.BATCH", 2)
        content = "id,name\n" + "".join(f"USER-{n:03},Name {n}\n" for n in range(1, 8)) + "USER-001,Twice\n"

        class Killed(Exception):
            pass

        def die_at(rows: int) -> Any:
            def report(progress: Progress) -> None:
                if progress.rows_done >= rows:
                    raise Killed

            return report

        row = started()
        with pytest.raises(Killed):
            imports.read_rows(row, io.BytesIO(content.encode()), report=die_at(4))
        assert imports.read_rows(row, io.BytesIO(content.encode())).rows_rejected == 1
        assert row.staged.count() == 7
        with pytest.raises(Killed):
            imports.compare_rows(row, report=die_at(4))
        assert imports.compare_rows(row) == {"create": 7, "update": 0, "unchanged": 0}
        with pytest.raises(Killed):
            imports.apply_rows(row, report=die_at(4))
        assert Contact.objects.count() == 4
        assert imports.apply_rows(row) == Progress(7)
        assert Contact.objects.count() == 7
        assert [one.row for one in row.problems.all()] == [9]

    def test_a_file_that_breaks_off_brings_nothing(self) -> None:
        row = started()
        with pytest.raises(FileProblem):
            imports.read_rows(row, io.BytesIO(b"id\n" + b"USER-001\n" + b"x" * 70_000))
        assert not Contact.objects.exists()

    def test_an_opt_out_is_never_made_an_opt_in(self) -> None:
        contact("USER-001")
        preferences.record_opt_out("USER-001", "email", by=By("", Door.MAIL))
        bring_in("id,consent\nUSER-001,yes\nUSER-002,no\nUSER-003,yes\nUSER-004,\n")
        assert list(OptOut.objects.order_by("user_id").values_list("user_id", "channel")) == [
            ("USER-001", "email"),
            ("USER-002", ""),
        ]
        change = PreferenceChange.objects.get(user_id="USER-002")
        assert (change.who, change.door, change.text) == ("marketer", "system", "Import IMP-1, row 3")
        bring_in("id,consent\nUSER-002,yes\n", "IMP-2")
        assert OptOut.objects.filter(user_id="USER-002").exists()

    def test_who_was_erased_stays_so(self) -> None:
        contact("USER-001")
        suppression.erase("USER-001", by=By("admin", Door.WEB))
        bring_in("id,name,email\nUSER-001,Amara,amara@example.com\n")
        assert (Contact.objects.get().name, Contact.objects.get().email) == ("", "")


@pytest.mark.django_db
class TestProblems:
    def test_are_a_file_that_no_spreadsheet_runs(self) -> None:
        row = bring_in(
            'id,"=cmd|\' /C calc\'!A1","@email"\nUSER-001,x,=1+1\n=USER,x,a@example.com\n'.replace('"@email"', "email")
        )
        lines = list(csv.reader("".join(imports.write_problems(row)).splitlines()))
        assert lines[0] == ["row", "column", "problem", "value"]
        assert lines[1] == ["2", "email", "enter a valid email address", "'=1+1"]
        assert lines[2][3] == "'=USER"

    @pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x"])
    def test_formulas_are_texts(self, cell: str) -> None:
        assert neutral(cell) == f"'{cell}"
        assert neutral(f"x{cell}") == f"x{cell}"

    def test_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("campaigns.imports.stages.MAX_PROBLEMS", 3)
        row = started()
        content = "id,email\n" + "USER 1,nowhere\n" * 10
        assert imports.read_rows(row, io.BytesIO(content.encode())).rows_rejected == 10
        assert ImportProblem.objects.filter(audience_import=row).count() == 6
        assert not StagedContact.objects.exists()


class Endless(io.RawIOBase):
    """A file that is made while it is read, so that only what the reader keeps is in memory."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._lines, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


class TestMemory:
    def test_stays_the_same_whatever_the_size(self) -> None:
        def lines(rows: int) -> Iterator[bytes]:
            yield b"id,name,email,notes\n"
            for number in range(0, rows, 50):
                yield b"".join(
                    b"USER-%d,Amara,a@example.com,%s\n" % (one, b"x" * 4_000) for one in range(number, number + 50)
                )

        def peak_of(rows: int) -> int:
            tracemalloc.start()
            file: Any = io.BufferedReader(Endless(lines(rows)))
            read = sum(1 for _ in CsvFile(file).rows())
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert read == rows
            return peak

        began = time.monotonic()
        assert peak_of(5_000) < 2 * 1024 * 1024  # 20 MB are read, and less than 2 MB kept
        assert time.monotonic() - began < 20
