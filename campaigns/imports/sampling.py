"""The first rows of a file, for whoever says what its columns mean."""

from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO
from unicodedata import category

from campaigns.contract.words import MAX_REASON
from campaigns.imports.columns import guess
from campaigns.imports.reading import CsvFile, CsvRow, FileProblem

SAMPLE_ROWS = 5
SAMPLE_BYTES = 1024 * 1024
"""No more of the file is read, also when it begins with a million empty lines."""


@dataclass(frozen=True)
class Sample:
    header: list[str]
    delimiter: str
    rows: list[CsvRow] = field(default_factory=list)
    problem: str = ""
    """Why no more rows could be read."""

    def cells_of(self, column: int) -> list[str]:
        """What the first rows have in a column, as it may be shown; without the empty ones."""
        cells = (shown(row.cells[column]) for row in self.rows if column < len(row.cells))
        return [cell for cell in cells if cell.strip()]


def read_sample(file: BinaryIO) -> Sample:
    """Raises FileProblem when there is no header to be read."""
    source = CsvFile(file, most_bytes=SAMPLE_BYTES)
    sample = Sample(source.header, source.delimiter)
    problem = ""
    try:
        for row in islice(source.rows(), SAMPLE_ROWS):
            sample.rows.append(row)
    except FileProblem as error:
        problem = "" if source.position > SAMPLE_BYTES else str(error)
    return Sample(sample.header, sample.delimiter, sample.rows, problem)


def may_be_mapped(heading: str) -> bool:
    """Whether a word about this heading can be kept: not of one that is empty, too long, or no text."""
    is_text = not any(category(char) in ("Cc", "Cs") for char in heading)
    return 0 < len(heading) <= MAX_REASON and is_text


def guesses(header: list[str]) -> list[str | None]:
    """What each heading says by itself."""
    return [guess(heading) for heading in header]


def shown(text: str, most: int = 60) -> str:
    """A cell as a page may show it."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return text if len(text) <= most else f"{text[: most - 1]}…"
