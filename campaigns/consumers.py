"""The sockets of the campaign list and of a campaign's page."""

from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.template.loader import render_to_string

from campaigns.gateway.rights import SEE_CAMPAIGNS
from campaigns.listing import ROW_FIELDS
from campaigns.live import notice_fragment
from campaigns.live_list import Batch, campaign_feed, frame_of, row_fragment
from campaigns.models import Campaign
from campaigns.projection import COUNTER
from dashboard.consumers import DONE, NOT_FOUND, LiveConsumer, query_of
from dashboard.health_watch import Health
from dashboard.live_pages import whole_number
from temporal_worker.models import ChangeCounter

MOST_SHOWN = 100
"""Rows of a page that one list may follow."""


class CampaignConsumer(LiveConsumer):
    """``/ws/campaigns/<campaign_id>/?after=<change>``: the shared fragments of one campaign, from the projection."""

    permission = SEE_CAMPAIGNS

    async def connect(self) -> None:
        self.campaign_id: str = self.scope["url_route"]["kwargs"]["campaign_id"]
        self.after = whole_number(parse_qs(query_of(self.scope)).get("after", [""])[0])
        self.is_well: bool | None = None
        await super().connect()

    async def follow(self) -> int:
        now = await database_sync_to_async(ChangeCounter.read)()
        stop = campaign_feed().listen(self._take, now.get(COUNTER, 0), page=self.campaign_id)
        try:
            # What changed between the drawing of the page and now; the feed tells what comes after.
            frame = await database_sync_to_async(frame_of)(self.campaign_id)
            if frame is None:
                return NOT_FOUND
            if frame.change > self.after:
                self.outbox.put("page", frame.html)
            await self.gone()
        finally:
            stop()
        return DONE

    def take_health(self, health: Health) -> None:
        super().take_health(health)
        if health.is_well != self.is_well:
            self.is_well = health.is_well
            self.outbox.put("notice", notice_fragment(is_well=health.is_well))

    def _take(self, batch: Batch) -> None:
        if frame := batch.pages.get(self.campaign_id):
            self.outbox.put("page", frame.html)


class CampaignListConsumer(LiveConsumer):
    """``/ws/campaigns/?after=<change>&show=<campaign ids>&newest=<pk>``: the rows that a list shows, and its counts.

    ``newest`` is left out by lists in which a new campaign would not stand.
    """

    permission = SEE_CAMPAIGNS

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope))
        self.after = whole_number(query.get("after", [""])[0])
        self.shown = set(query.get("show", [""])[0].split(",")[:MOST_SHOWN]) - {""}
        self.newest = whole_number(query["newest"][0]) if "newest" in query else None
        self.fresh: set[str] = set()
        await super().connect()

    async def follow(self) -> int:
        now = await database_sync_to_async(ChangeCounter.read)()
        stop = campaign_feed().listen(self._take, now.get(COUNTER, 0))
        try:
            for campaign_id, html in await database_sync_to_async(self._missed)():
                self.outbox.put(campaign_id, html)
            await self.gone()
        finally:
            stop()
        return DONE

    def _missed(self) -> list[tuple[str, str]]:
        """What changed between the drawing of the page and now; the feed tells what comes after."""
        changed = Campaign.objects.filter(campaign_id__in=self.shown, change__gt=self.after).only(*ROW_FIELDS)
        return [(row.campaign_id, row_fragment(row)) for row in changed]

    def _take(self, batch: Batch) -> None:
        for row in batch.rows:
            if row.campaign_id in self.shown:
                self.outbox.put(row.campaign_id, row.html)
            elif self.newest is not None and row.pk > self.newest:
                self.fresh.add(row.campaign_id)
        if self.fresh:
            self.outbox.put("new", render_to_string("campaigns/_campaigns_new.html", {"number": len(self.fresh)}))
        self.outbox.put("summary", batch.summary)
