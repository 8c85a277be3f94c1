"""The file of what is wrong with a file, to be opened in a spreadsheet."""

import csv
from collections.abc import Iterator

from campaigns.models import AudienceImport

# A spreadsheet runs what begins like this: OWASP "CSV Injection", ASVS 5.0 1.2.10.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
HEADER = ["row", "column", "problem", "value"]


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Echo:
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def write_problems(audience_import: AudienceImport) -> Iterator[str]:
    """The lines of the CSV file, as they are made: it is as long as the problems are many."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for one in audience_import.problems.iterator(chunk_size=1_000):
        yield writer.writerow([one.row, neutral(one.column), neutral(one.problem), neutral(one.value)])
