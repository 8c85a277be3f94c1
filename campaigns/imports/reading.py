"""The rows of a CSV file, one at a time, whatever is in it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_BYTES = 110 * 1024 * 1024
MAX_ROW = 64 * 1024
"""Bytes of one row. A file without line ends, or with a quotation mark that is never closed, would be read as one."""
MAX_COLUMNS = 100
DELIMITERS = ",;\t|"

LONE_CR = "\x85"
"""Stands for a carriage return that ends no line: Unicode's own "next line", which no name may have either."""
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class FileProblem(Exception):
    """The file cannot be read on, so that none of it is taken. The words are for who sent it."""


@dataclass(frozen=True)
class CsvRow:
    """``number`` is the row's as a spreadsheet counts, the header being 1. Bytes that are no UTF-8 are lone surrogates."""

    number: int
    cells: list[str]
    position: int
    """Bytes of the file that have been read so far."""


class CsvFile:
    """Reads a file's header at once, and its other rows as they are asked for; empty rows are counted and left out.

    Raises:
        FileProblem: from the start, or at any row
    """

    def __init__(self, file: BinaryIO, *, most_bytes: int = MAX_BYTES) -> None:
        self._file = file
        self._most = most_bytes
        self.position = 0
        self._row_bytes = 0
        first = self._header_line()
        self.delimiter = sniff_delimiter(first)
        self._rows = csv.reader(self._lines(first), delimiter=self.delimiter, strict=False)
        self.header = [cell.strip() for cell in self._next() or []]
        if not any(self.header):
            raise FileProblem("The file has no header: its first line names the columns.")
        if len(self.header) > MAX_COLUMNS:
            raise FileProblem(f"The file has {len(self.header)} columns; {MAX_COLUMNS} can be read.")

    def rows(self) -> Iterator[CsvRow]:
        number = 1
        while (cells := self._next()) is not None:
            number += 1
            if any(cell.strip() for cell in cells):
                yield CsvRow(number, cells, self.position)

    def _next(self) -> list[str] | None:
        self._row_bytes = 0
        try:
            return next(self._rows, None)
        except csv.Error as error:
            raise FileProblem(f"Line {self._rows.line_num} cannot be read: {error}.") from None

    def _header_line(self) -> str:
        line = self._line()
        if line.startswith(_UTF16_BOMS):
            raise FileProblem("The file is in UTF-16. Save it as “CSV UTF-8”.")
        header = _decode(line.removeprefix(_UTF8_BOM))
        if LONE_CR in header:
            raise FileProblem("The file's lines end as on old Macs. Save it as “CSV UTF-8”.")
        return header

    def _lines(self, first: str) -> Iterator[str]:
        yield first
        while line := self._line():
            yield _decode(line)

    def _line(self) -> bytes:
        line = self._file.readline(MAX_ROW + 1)
        self.position += len(line)
        self._row_bytes += len(line)
        if self.position > self._most:
            raise FileProblem(f"The file has more than {self._most // (1024 * 1024)} MB.")
        if self._row_bytes > MAX_ROW:
            raise FileProblem(
                f"The row that ends after byte {self.position} is longer than {MAX_ROW} characters. Perhaps a quotation mark "
                "is not closed."
            )
        return line


def _decode(line: bytes) -> str:
    # What cannot be meant stays recognisable, so that only its row is refused: bad bytes, and a carriage return inside a line,
    # at which the csv reader would give up.
    text = line.decode("utf-8", "surrogateescape")
    body = text.rstrip("\r\n")
    return text.replace("\r", LONE_CR, body.count("\r")) if "\r" in body else text


def sniff_delimiter(header: str) -> str:
    """The delimiter that stands most often in the header, outside quotation marks; a comma when there is none.

    Only the header: in the other rows, commas are part of names and numbers.
    """
    counts = dict.fromkeys(DELIMITERS, 0)
    is_quoted = False
    for char in header:
        if char == '"':
            is_quoted = not is_quoted
        elif not is_quoted and char in counts:
            counts[char] += 1
    return max(counts, key=lambda delimiter: (counts[delimiter], -DELIMITERS.index(delimiter)))
