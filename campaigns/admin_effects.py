"""What a change of the campaigns' settings leads to for campaigns that run."""

from typing import Any

from campaigns.models import Campaign
from campaigns.models.words import CHANNELS, CampaignStatus
from dashboard.admin_effects import Effect

_STARTED = [CampaignStatus.SCHEDULED, CampaignStatus.RUNNING]
_UNDER_WAY = [CampaignStatus.AWAITING_APPROVAL, *_STARTED, CampaignStatus.PAUSED]


def of_settings(form: Any) -> Effect:
    """A channel that is switched off stops what runs on it; all else is for launches that come."""
    asks = []
    for channel, words in CHANNELS:
        name = f"{channel}_on"
        if name not in form.changed_data or form.cleaned_data[name]:
            continue
        running = list(Campaign.objects.filter(channel=channel, status__in=_STARTED).values_list("name", flat=True))
        if running:
            named = ", ".join(f"“{one}”" for one in running[:5])
            more = f" and {len(running) - 5:,} more" if len(running) > 5 else ""
            asks.append(f"Running on “{words}”, or planned for it, and held up by this: {named}{more}.")
    said = ["Launches from now on go by this."]
    if number := Campaign.objects.filter(status__in=_UNDER_WAY).count():
        said[0] += f" Campaigns under way that keep the limits they were launched with: {number:,}."
    return Effect(said, asks)
