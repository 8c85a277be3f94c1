"""Lists and pages that follow a projection by their socket, or a page by the long poll when the socket is lost."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboard import live_pages
from dashboard.consumers import DONE, NOT_FOUND, LiveConsumer, query_of
from dashboard.live_pages import NO_VERSION, STOP_POLLING, asked_after, is_whole_number, refusal_of, whole_number
from dashboard.projected import Batch, PageFrame, ProjectedFeed, ProjectedPages
from temporal_worker.models import ChangeCounter

MOST_SHOWN = 100
"""Rows of a page that one list may follow."""
MOST_NEW = 1_000
"""New ones that are counted of those that came while nobody listened."""


class ProjectedPageConsumer(LiveConsumer):
    """``?after=<change>``: the shared fragments of what the socket's address names with ``argument``."""

    pages: ClassVar[ProjectedPages]
    argument: ClassVar[str]

    async def connect(self) -> None:
        self.page: str = self.scope["url_route"]["kwargs"][self.argument]
        self.after = whole_number(parse_qs(query_of(self.scope)).get("after", [""])[0])
        await super().connect()

    async def follow(self) -> int:
        stop = await _listen(self.pages.feed(), self._take, page=self.page)
        try:
            # What changed between the drawing of the page and now; the feed tells what comes after.
            frame = await database_sync_to_async(self.pages.frame_of)(self.page)
            if frame is None:
                return NOT_FOUND
            if frame.change > self.after:
                self.outbox.put("page", frame.html)
            await self.gone()
        finally:
            stop()
        return DONE

    def _take(self, batch: Batch) -> None:
        if frame := batch.pages.get(self.page):
            self.outbox.put("page", frame.html)


class ProjectedListConsumer(LiveConsumer):
    """``?after=<change>&show=<ids>&newest=<pk>``: the rows that a list shows, and how many new ones there are.

    ``newest`` is left out by lists in which a new one would not stand. ``id_field`` names the id, of the model and of a
    batch's row alike; ``fields`` are what ``fragments`` draws a row from.
    """

    model: ClassVar[type[Model]]
    fields: ClassVar[Iterable[str]]
    id_field: ClassVar[str]
    new_template: ClassVar[str]
    summary = ""

    def feed(self) -> ProjectedFeed[Any]:
        raise NotImplementedError

    def fragments(self, rows: list[Any]) -> Iterable[str]:
        """The lines of the list, one for each row. Runs in a thread with the database."""
        raise NotImplementedError

    def is_id(self, text: str) -> bool:
        return bool(text)

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope))
        self.after = whole_number(query.get("after", [""])[0])
        shown = query.get("show", [""])[0].split(",")[:MOST_SHOWN]
        self.shown = {one for one in shown if self.is_id(one)}
        self.newest = whole_number(query["newest"][0]) if "newest" in query else None
        self.fresh: set[str] = set()
        await super().connect()

    async def follow(self) -> int:
        stop = await _listen(self.feed(), self.take, drawn_at=self.after)
        try:
            for name, html in await database_sync_to_async(self._missed)():
                self.outbox.put(name, html)
            self._tell_fresh()
            await self.gone()
        finally:
            stop()
        return DONE

    def take(self, batch: Any) -> None:
        """Called with every batch of changes, on this socket's loop."""
        for row in batch.rows:
            name = getattr(row, self.id_field)
            if name in self.shown:
                self.outbox.put(name, row.html)
            elif self.newest is not None and row.pk > self.newest:
                self.fresh.add(name)
        self._tell_fresh()

    def take_summary(self, html: str) -> None:
        """What stands above the rows, if it has changed: a look that somebody else has had made tells nothing new."""
        if html != self.summary:
            self.summary = html
            self.outbox.put("summary", html)

    def _tell_fresh(self) -> None:
        if self.fresh:
            self.outbox.put("new", render_to_string(self.new_template, {"number": len(self.fresh)}))

    def _missed(self) -> list[tuple[str, str]]:
        """What changed between the drawing of the page and now, or while the socket was lost; the feed tells what comes after."""
        if self.newest is not None:
            came = self.model._default_manager.filter(pk__gt=self.newest).order_by("pk")
            self.fresh.update(came.values_list(self.id_field, flat=True)[:MOST_NEW])
        changed = self.model._default_manager.filter(**{f"{self.id_field}__in": self.shown}, change__gt=self.after)
        rows = list(changed.only(*self.fields))
        return [(getattr(row, self.id_field), html) for row, html in zip(rows, self.fragments(rows), strict=True)]


async def long_poll_page(
    request: HttpRequest, page: str, pages: ProjectedPages, may_see: Callable[[User], bool]
) -> HttpResponse:
    """200 with what is newer than ``?after=<version>``, 204 when nothing came, 286 when nothing more will come.

    What is written to the row alone, as that its times are paused, makes no version: ``&change=<change>`` is the one that
    the page was drawn at, and without it that of now.

    No database connection is held while it waits, and nobody asks Temporal: the projection's feed tells of changes.
    """
    after = asked_after(request)
    if after is None:
        return HttpResponse(NO_VERSION, status=422, content_type="text/plain")
    if refused := await refusal_of(request, may_see):
        return refused
    change = request.GET.get("change", "")
    frame = await _wait(page, after, int(change) if is_whole_number(change) else None, pages)
    if frame is None:
        return HttpResponse(status=204)
    if isinstance(frame, HttpResponse):
        return frame
    # The rights may be gone after 25 s.
    if refused := await refusal_of(request, may_see):
        return refused
    return HttpResponse(frame.html, status=STOP_POLLING if frame.is_settled else 200)


async def _wait(page: str, after: int, change: int | None, pages: ProjectedPages) -> PageFrame | HttpResponse | None:
    arrived: asyncio.Queue[PageFrame] = asyncio.Queue()

    def take(batch: Batch) -> None:
        if frame := batch.pages.get(page):
            arrived.put_nowait(frame)

    stop = await _listen(pages.feed(), take, page=page)
    try:
        # Looked at after the listening has begun, so that nothing falls between the two.
        frame = await database_sync_to_async(pages.frame_of)(page)
        if frame is None:
            return HttpResponse(status=404)
        seen = (after, frame.change if change is None else change)
        async with asyncio.timeout(live_pages.HOLD):
            # In this order: a page that an answer of Temporal's has drawn is ahead of what is saved, and would not take it.
            while (frame.version, frame.change) <= seen and not frame.is_settled:
                frame = await arrived.get()
    except TimeoutError:
        return None
    finally:
        stop()
    return frame


async def _listen(
    feed: ProjectedFeed[Any], take: Callable[[Any], None], *, page: str = "", drawn_at: int | None = None
) -> Callable[[], None]:
    """``drawn_at`` is the counter's value that the page was drawn at: when there is a newer one, its counts are old too."""
    now = (await database_sync_to_async(ChangeCounter.read)()).get(feed.counter, 0)
    stop = feed.listen(take, now, page=page)
    if drawn_at is not None and drawn_at < now:
        feed.look()
    return stop
