"""What the first rows of a file would become with what is said of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.imports.columns import CONSENT, IGNORED, read_columns
from campaigns.imports.reading import FileProblem
from campaigns.imports.rows import ContactRow, read_row
from campaigns.imports.sampling import Sample, shown
from campaigns.rendering.values import ATTRIBUTES

MEANINGS = {
    "user_id": "Id of the contact",
    "email": "E-mail",
    "phone": "Phone",
    "push_token": "Push token",
    "name": "Name",
    "locale": "Language",
    "time_zone": "Time zone",
    CONSENT: "Consent, yes or no",
}
ATTRIBUTE = "attribute"


def meaning_words(column: str) -> str:
    """A column's meaning as people say it."""
    if column == IGNORED:
        return "left out"
    return MEANINGS.get(column) or f"attribute {column.removeprefix(f'{ATTRIBUTES}.')}"


@dataclass(frozen=True)
class Line:
    """One row: what it would say of its contact, or what is wrong with it."""

    number: int
    user_id: str
    fields: list[tuple[str, str]]
    opts_out: bool
    problems: list[str]


@dataclass(frozen=True)
class Preview:
    lines: list[Line]
    problem: str = ""
    """Why none of the file could be taken."""


def preview_of(sample: Sample, mapping: dict[str, str]) -> Preview:
    try:
        columns = read_columns(sample.header, mapping)
    except FileProblem as problem:
        return Preview([], str(problem))
    lines = [_line(row.number, read_row(row.cells, columns), sample.header) for row in sample.rows]
    return Preview(lines, sample.problem)


def _line(number: int, row: ContactRow, header: Sequence[str]) -> Line:
    fields = [(meaning_words(name), shown(str(value))) for name, value in row.values.items() if name != ATTRIBUTES]
    fields += [(name, shown(str(value))) for name, value in row.values.get(ATTRIBUTES, {}).items()]
    problems = [
        f"{'The row' if one.column is None else shown(header[one.column])} {one.problem}." for one in row.problems
    ]
    return Line(number, shown(row.user_id), fields, row.opts_out, problems)
