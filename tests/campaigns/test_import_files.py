"""Files as people really send them, and as nobody should: their rows, columns and cells."""

import io
from typing import Any

import pytest

from campaigns.imports import FileProblem
from campaigns.imports.columns import read_columns
from campaigns.imports.reading import CsvFile
from campaigns.imports.rows import attribute_value, read_row


def cells(content: bytes, **limits: Any) -> list[list[str]]:
    return [row.cells for row in CsvFile(io.BytesIO(content), **limits).rows()]


class TestCsvFile:
    @pytest.mark.parametrize(
        "content",
        [
            b"id,name\nUSER-001,Amara\n",
            b"\xef\xbb\xbfid,name\r\nUSER-001,Amara",
            b"id;name\nUSER-001;Amara\n",
            b"id\tname\nUSER-001\tAmara\n",
            b"id|name\n\n \n,\nUSER-001|Amara\n".replace(b",\n", b"|\n"),
            b'"id","name"\n"USER-001","Amara"\n',
            b'id;"last, first"\nUSER-001;Amara\n',
        ],
    )
    def test_reads_what_programs_write(self, content: bytes) -> None:
        assert cells(content) == [["USER-001", "Amara"]]

    def test_counts_rows_as_a_spreadsheet_does(self) -> None:
        content = b'id,name\nUSER-001,"two\nlines"\n\nUSER-002,x\n'
        rows = list(CsvFile(io.BytesIO(content)).rows())
        assert [(row.number, row.cells[0]) for row in rows] == [(2, "USER-001"), (4, "USER-002")]
        assert rows[-1].position == len(content)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "no header"),
            (b"\xef\xbb\xbf", "no header"),
            (b"\n\n", "no header"),
            (b"\nid\n", "no header"),
            (b"id,name\rUSER-001,x\r", "old Macs"),
            (b"\xff\xfei\0d\0", "UTF-16"),
            (b"\xfe\xff\0i\0d", "UTF-16"),
            (b"id" + b",x" * 100, "101 columns"),
            (b"id\n" + b"x" * 70_000, "longer than"),
            (b"x" * 70_000, "longer than"),
            (b'id\n"' + b"x\n" * 40_000, "not closed"),
        ],
    )
    def test_says_why_a_file_cannot_be_read(self, content: bytes, words: str) -> None:
        with pytest.raises(FileProblem, match=words):
            cells(content)

    def test_stops_at_the_limit(self) -> None:
        with pytest.raises(FileProblem, match="more than 1 MB"):
            cells(b"id\n" + (b"USER-001" + b"x" * 2_000 + b"\n") * 600, most_bytes=1024 * 1024)


class TestColumns:
    def test_mean_what_their_headings_say(self) -> None:
        header = [
            "Contact ID",
            "E-Mail",
            "Mobile number",
            "Full Name",
            "Language",
            "TZ",
            "Opt-in",
            "Plan Name",
            "",
            "attributes.Email",
        ]
        assert read_columns(header) == [
            "user_id",
            "email",
            "phone",
            "name",
            "locale",
            "time_zone",
            "consent",
            "attributes.plan_name",
            "",
            "attributes.email",
        ]

    def test_or_what_their_sender_says(self) -> None:
        mapping = {"Kundennummer": "user_id", "email": "", "名前": "name"}
        assert read_columns(["Kundennummer", "email", "名前"], mapping) == ["user_id", "", "name"]

    @pytest.mark.parametrize(
        ("header", "mapping", "words"),
        [
            (["name", "email"], {}, "contact's id"),
            (["id", "user id"], {}, "Two columns are for user_id"),
            (["id", "Plan", "plan!"], {}, "Two columns are for attributes.plan"),
            (["id", "名前"], {}, "needs a name"),
            (["id", "=cmd()", "1st"], {}, "needs a name"),
            (["id", "x"], {"x": "password"}, "cannot be for"),
            (["id", "x"], {"x": "attributes.__class__"}, "cannot be for"),
            (["id", *(f"a{number}" for number in range(51))], {}, "51 columns of attributes"),
        ],
    )
    def test_say_what_is_wrong(self, header: list[str], mapping: dict[str, str], words: str) -> None:
        with pytest.raises(FileProblem, match=words):
            read_columns(header, mapping)


COLUMNS = ["user_id", "email", "phone", "name", "time_zone", "locale", "consent", "attributes.plan"]


class TestRow:
    def test_says_what_is_filled_in(self) -> None:
        row = read_row([" USER-001 ", "", "+49 (170) 123-45.67", "Amara", "", "de", "no", "pro"], COLUMNS)
        assert row.problems == []
        assert (row.user_id, row.opts_out) == ("USER-001", True)
        assert row.values == {"phone": "+491701234567", "name": "Amara", "locale": "de", "attributes": {"plan": "pro"}}
        assert read_row(["USER-001"], COLUMNS).values == {}

    @pytest.mark.parametrize(
        ("column", "cell", "words"),
        [
            (0, "", "is empty"),
            (0, "USER 1", "letters, digits"),
            (0, "a:b", "letters, digits"),
            (0, "x" * 65, "at most 64"),
            (1, "nobody", "valid email"),
            (1, "a@example.com\r\nBcc: eve@example.com", "valid email"),
            (2, "0170 1234567", "international form"),
            (3, "A\r\nBcc: eve@example.com", "one line of text"),
            (3, "A\x07", "one line of text"),
            (3, "A\0B", "null character"),
            (3, "A\udcff", "is not UTF-8"),
            (3, "x" * 201, "at most 200"),
            (4, "Mars/Olympus", "no time zone"),
            (5, "English", "language tag"),
            (6, "perhaps", "neither yes nor no"),
            (7, "x" * 501, "more than 500"),
            (7, "\0", "null character"),
        ],
    )
    def test_says_what_is_wrong(self, column: int, cell: str, words: str) -> None:
        row = ["USER-001", "a@example.com", "", "", "", "", "", ""]
        row[column] = cell
        (problem,) = read_row(row, COLUMNS).problems
        assert problem.column == column
        assert words in problem.problem
        assert "\0" not in problem.value
        problem.value.encode()

    def test_tells_all_at_once(self) -> None:
        problems = read_row(["", "x", "y", "", "", "", "", ""], COLUMNS).problems
        assert {one.column for one in problems} == {0, 1, 2}
        assert "has 9 cells" in read_row(["USER-001"] * 9, COLUMNS).problems[0].problem
        assert read_row([*["USER-001", *[""] * 7], "", " "], COLUMNS).problems == []

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("3", 3),
            ("-2.50", -2.5),
            ("0", 0),
            ("TRUE", True),
            ("false", False),
            ("007", "007"),
            ("+3", "+3"),
            ("1e5", "1e5"),
            ("٣", "٣"),
            ("9" * 16, "9" * 16),
            ("=1+1", "=1+1"),
            ("nan", "nan"),
            ("3\n", "3\n"),
        ],
    )
    def test_attributes_keep_what_they_are(self, text: str, value: Any) -> None:
        found = attribute_value(text)
        assert (found, type(found)) == (value, type(value))
