"""The sockets of the list of imports and of an import's page."""

from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.template.loader import render_to_string

from campaigns.gateway.imports import SEE
from campaigns.import_pages import LIST_FIELDS
from campaigns.import_projection import COUNTER
from campaigns.live_imports import Batch, frame_of, import_feed, row_fragments
from campaigns.models import AudienceImport
from dashboard.consumers import DONE, NOT_FOUND, LiveConsumer, query_of
from dashboard.live_pages import whole_number
from temporal_worker.models import ChangeCounter

MOST_SHOWN = 100
"""Rows of a page that one list may follow."""


class ImportConsumer(LiveConsumer):
    """``/ws/campaigns/imports/<import_id>/?after=<change>``: the shared fragments of one import, from the projection."""

    permission = SEE

    async def connect(self) -> None:
        self.import_id: str = self.scope["url_route"]["kwargs"]["import_id"]
        self.after = whole_number(parse_qs(query_of(self.scope)).get("after", [""])[0])
        await super().connect()

    async def follow(self) -> int:
        now = await database_sync_to_async(ChangeCounter.read)()
        stop = import_feed().listen(self._take, now.get(COUNTER, 0), page=self.import_id)
        try:
            # What changed between the drawing of the page and now; the feed tells what comes after.
            frame = await database_sync_to_async(frame_of)(self.import_id)
            if frame is None:
                return NOT_FOUND
            if frame.change > self.after:
                self.outbox.put("page", frame.html)
            await self.gone()
        finally:
            stop()
        return DONE

    def _take(self, batch: Batch) -> None:
        if frame := batch.pages.get(self.import_id):
            self.outbox.put("page", frame.html)


class ImportListConsumer(LiveConsumer):
    """``/ws/campaigns/imports/?after=<change>&show=<import ids>&newest=<pk>``: the rows that a list shows.

    ``newest`` is left out by pages on which a new import would not stand.
    """

    permission = SEE

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope))
        self.after = whole_number(query.get("after", [""])[0])
        self.shown = set(query.get("show", [""])[0].split(",")[:MOST_SHOWN]) - {""}
        self.newest = whole_number(query["newest"][0]) if "newest" in query else None
        self.fresh: set[str] = set()
        await super().connect()

    async def follow(self) -> int:
        now = await database_sync_to_async(ChangeCounter.read)()
        stop = import_feed().listen(self._take, now.get(COUNTER, 0))
        try:
            for import_id, html in await database_sync_to_async(self._missed)():
                self.outbox.put(import_id, html)
            await self.gone()
        finally:
            stop()
        return DONE

    def _missed(self) -> list[tuple[str, str]]:
        """What changed between the drawing of the page and now; the feed tells what comes after."""
        rows = list(AudienceImport.objects.filter(import_id__in=self.shown, change__gt=self.after).only(*LIST_FIELDS))
        return [(row.import_id, html) for row, html in zip(rows, row_fragments(rows), strict=True)]

    def _take(self, batch: Batch) -> None:
        for row in batch.rows:
            if row.import_id in self.shown:
                self.outbox.put(row.import_id, row.html)
            elif self.newest is not None and row.pk > self.newest:
                self.fresh.add(row.import_id)
        if self.fresh:
            self.outbox.put("new", render_to_string("campaigns/_imports_fresh.html", {"number": len(self.fresh)}))
