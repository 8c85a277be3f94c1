"""The sockets of the campaign list and of a campaign's page."""

from typing import Any

from campaigns.gateway.rights import SEE_CAMPAIGNS
from campaigns.listing import ROW_FIELDS
from campaigns.live import notice_fragment
from campaigns.live_list import CampaignFeed, campaign_feed, campaign_pages, row_fragment
from campaigns.models import Campaign
from dashboard.health_watch import Health
from dashboard.projected_pages import ProjectedListConsumer, ProjectedPageConsumer


class CampaignConsumer(ProjectedPageConsumer):
    """``/ws/campaigns/<campaign_id>/?after=<change>``: the shared fragments of one campaign, from the projection."""

    permission = SEE_CAMPAIGNS
    pages, argument = campaign_pages, "campaign_id"

    async def connect(self) -> None:
        self.is_well: bool | None = None
        await super().connect()

    def take_health(self, health: Health) -> None:
        super().take_health(health)
        if health.is_well != self.is_well:
            self.is_well = health.is_well
            self.outbox.put("notice", notice_fragment(is_well=health.is_well))


class CampaignListConsumer(ProjectedListConsumer):
    """``/ws/campaigns/?after=<change>&show=<campaign ids>&newest=<pk>``: the rows that a list shows, and its counts."""

    permission = SEE_CAMPAIGNS
    model, fields, id_field = Campaign, ROW_FIELDS, "campaign_id"
    new_template, lists_of = "campaigns/_campaigns_new.html", "campaigns"

    def feed(self) -> CampaignFeed:
        return campaign_feed()

    def fragments(self, rows: list[Campaign]) -> list[str]:
        return [row_fragment(row) for row in rows]

    def take(self, batch: Any) -> None:
        super().take(batch)
        self.take_summary(batch.summary)
