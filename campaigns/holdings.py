"""What hangs on a person's account, for whoever is about to close it. See :mod:`dashboard.admin`."""

from django.contrib.auth.models import User
from django.db.models import Q

from campaigns.models import Campaign
from campaigns.models.words import CampaignStatus
from campaigns.standing import MORE_TIMES

_UNDER_WAY = [
    CampaignStatus.AWAITING_APPROVAL,
    CampaignStatus.SCHEDULED,
    CampaignStatus.RUNNING,
    CampaignStatus.PAUSED,
]


def held_by(person: User) -> list[str]:
    """In sentences, each with a number."""
    name = person.get_username()
    go_on = Q(status__in=_UNDER_WAY) | MORE_TIMES
    number = Campaign.objects.filter(go_on, launched_by=name).count()
    return [f"Campaigns under way that they launched: {number}. Those go on."] if number else []
