"""Asks every area, and no longer than a person would wait."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction

from dashboard.areas import modules
from dashboard.search.findings import Asked, Finding, Group

IN_THE_BOX, ON_THE_PAGE = 5, 20
"""Findings of one kind under the box, and on the page."""
LONGEST_MS = 2_000
"""Milliseconds that one area's queries may take. A search that is not answered by then names too little."""


@dataclass(frozen=True)
class Found:
    groups: Sequence[Group] = ()
    is_whole: bool = True
    """Whether every area has answered in time."""

    @property
    def count(self) -> int:
        return sum(len(group.findings) for group in self.groups)


def page_of(user: User, asked: Asked) -> str | None:
    """The address of what the text is the id of, or the workflow id; None when there is no such thing for this person."""
    for area in modules("search"):
        if url := area.page_of(user, asked.text):
            return str(url)
    return None


def search(user: User, asked: Asked, most: int) -> Found:
    """At most ``most`` of each kind, of what this person may see, the areas in the order of the navigation."""
    if not asked.is_enough:
        return Found()
    groups: list[Group] = []
    is_whole = True
    for area in modules("search"):
        try:
            with _for_a_while():
                groups += [group for group in area.find(user, asked, most) if group.findings]
        except OperationalError:
            if connection.vendor != "postgresql":
                raise
            is_whole = False
    return Found(_best_first(groups, asked), is_whole)


def _best_first(groups: Sequence[Group], asked: Asked) -> list[Group]:
    """Whatever is called exactly as was asked comes before all else, and takes its kind along."""

    def is_meant(finding: Finding) -> bool:
        return asked.text.casefold() in {finding.title.casefold(), finding.detail.casefold()}

    return sorted(groups, key=lambda group: not any(map(is_meant, group.findings)))


@contextmanager
def _for_a_while() -> Iterator[None]:
    """PostgreSQL gives up by itself. SQLite cannot be told to; a database of that size is on neither."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {LONGEST_MS}")
        yield
