"""Campaigns that move: one look at the projection per change and process, shared by all lists, badges and pages.

Nothing here asks Temporal: a campaign's workflow saves a version every two seconds at most, and that is what pages follow.
A page that nothing happens on costs no query.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from django.db import connections
from django.template.loader import render_to_string

from campaigns.counts import badge_count, list_counts
from campaigns.listing import ROW_FIELDS
from campaigns.live import live_fragments, load_row, page_of
from campaigns.models import Campaign
from campaigns.presentation import row_of
from campaigns.projection import COUNTER
from dashboard.projected import PageFrame, ProjectedFeed, ProjectedPages

MOST_ROWS = 200
"""Changed rows that one look takes; more are taken by the next."""


@dataclass(frozen=True)
class ChangedRow:
    pk: int
    campaign_id: str
    html: str


@dataclass(frozen=True)
class Batch:
    """What has changed since the last one."""

    rows: tuple[ChangedRow, ...] = ()
    summary: str = ""
    badge: str = ""
    pages: dict[str, PageFrame] = field(default_factory=dict)


class CampaignFeed(ProjectedFeed[Batch]):
    """All that is open on one event loop. Get it with ``campaign_feed()``."""

    counter, most_rows = COUNTER, MOST_ROWS

    def read(self, after: int, watched: set[str]) -> tuple[Batch, int]:
        return read_batch(after, watched)


def read_batch(after: int, watched: Iterable[str] = ()) -> tuple[Batch, int]:
    """What changed after a value of the counter, and the value to go on from. For a thread of its own."""
    try:
        changed = Campaign.objects.filter(change__gt=after).order_by("change").select_related("first")
        rows = list(changed.only(*ROW_FIELDS, "first__campaign_id")[:MOST_ROWS])
        # The page of a recurring campaign shows its occurrences.
        touched = {row.campaign_id for row in rows} | {row.series_id for row in rows}
        batch = Batch(
            rows=tuple(ChangedRow(row.pk, row.campaign_id, row_fragment(row)) for row in rows),
            summary=render_to_string("campaigns/_campaigns_summary.html", {"counts": list_counts()}),
            badge=badge_fragment(badge_count()),
            pages={name: frame for name in touched & set(watched) if (frame := frame_of(name)) is not None},
        )
        return batch, rows[-1].change if rows else after
    finally:
        connections.close_all()


def row_fragment(row: Campaign) -> str:
    return render_to_string("campaigns/_campaign_row.html", {"row": row_of(row), "version": row.version})


def badge_fragment(count: int) -> str:
    return render_to_string("_badge.html", {"id": "badge-campaigns", "number": count, "words": "running: "})


def frame_of(campaign_id: str) -> PageFrame | None:
    """The page as the projection has it now; None when there is no such campaign."""
    row = load_row(campaign_id)
    if row is None:
        return None
    page = page_of(row)
    return PageFrame(row.version, page.facts.change, page.is_settled, live_fragments(page))


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, CampaignFeed] = WeakKeyDictionary()


def campaign_feed() -> CampaignFeed:
    return _feeds.setdefault(asyncio.get_running_loop(), CampaignFeed())


campaign_pages = ProjectedPages(campaign_feed, frame_of)
