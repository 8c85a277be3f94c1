"""Imports that move: one look at the projection per change and process, shared by their list and their pages.

Nothing here asks Temporal: an import's workflow saves its versions, and those are what pages follow.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from django.db import connections
from django.template.loader import render_to_string

from campaigns import import_projection
from campaigns.import_pages import LIST_FIELDS, ImportPage, import_page, list_status, names_of
from campaigns.import_projection import COUNTER
from campaigns.models import AudienceImport
from dashboard.projected import PageFrame, ProjectedFeed, ProjectedPages

MOST_ROWS = 200
"""Changed rows that one look takes; more are taken by the next."""


@dataclass(frozen=True)
class ChangedRow:
    pk: int
    import_id: str
    html: str


@dataclass(frozen=True)
class Batch:
    """What has changed since the last one."""

    rows: tuple[ChangedRow, ...] = ()
    pages: dict[str, PageFrame] = field(default_factory=dict)


class ImportFeed(ProjectedFeed[Batch]):
    """All that is open on one event loop. Get it with ``import_feed()``."""

    counter, most_rows = COUNTER, MOST_ROWS

    def read(self, after: int, watched: set[str]) -> tuple[Batch, int]:
        return read_batch(after, watched)


def read_batch(after: int, watched: Iterable[str] = ()) -> tuple[Batch, int]:
    """What changed after a value of the counter, and the value to go on from. For a thread of its own."""
    try:
        rows = list(AudienceImport.objects.filter(change__gt=after).order_by("change").only(*LIST_FIELDS)[:MOST_ROWS])
        touched = {row.import_id for row in rows} & set(watched)
        batch = Batch(
            rows=tuple(
                ChangedRow(row.pk, row.import_id, html) for row, html in zip(rows, row_fragments(rows), strict=True)
            ),
            pages={name: frame for name in touched if (frame := frame_of(name)) is not None},
        )
        return batch, rows[-1].change if rows else after
    finally:
        connections.close_all()


def row_fragments(rows: Iterable[AudienceImport]) -> list[str]:
    """The lines of the list, the same for all who look."""
    rows = list(rows)
    names = names_of(row.created_by for row in rows)
    return [
        render_to_string(
            "campaigns/_imports_row.html",
            {"row": row, "status": list_status(row), "by": names.get(row.created_by, "")},
        )
        for row in rows
    ]


def frame_of(import_id: str) -> PageFrame | None:
    """The page as the projection has it now; None when there is no such import."""
    row = AudienceImport.objects.filter(import_id=import_id).first()
    if row is None:
        return None
    page = import_page(row, import_projection.load_view(row))
    return PageFrame(page.view.version, row.change, page.is_over, live_fragments(page))


def live_fragments(page: ImportPage) -> str:
    """All shared fragments of the page, each with its id."""
    return render_to_string("campaigns/_imports_live.html", {"page": page})


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, ImportFeed] = WeakKeyDictionary()


def import_feed() -> ImportFeed:
    return _feeds.setdefault(asyncio.get_running_loop(), ImportFeed())


import_pages = ProjectedPages(import_feed, frame_of)
