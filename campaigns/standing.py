"""How a recurring campaign stands between two of its times.

Its first row is the whole series, and its first time too: when that time is over the campaign is not, as long as more of them
come. ``next_time_at`` says so, kept by :mod:`campaigns.gateway.series`: no list and no page asks Temporal.
"""

from django.db.models import Q

from campaigns.contract import CampaignStatus
from campaigns.models import Campaign

OVER = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)

MORE_TIMES = Q(first=None, times_ended_at=None, next_time_at__isnull=False)
"""The first rows of recurring campaigns of which more times come."""

_BETWEEN_TIMES = MORE_TIMES & (Q(status__in=OVER) | Q(status=CampaignStatus.SCHEDULED, planned_at=None))


def stands_at(*statuses: str) -> Q:
    """Campaigns whose :func:`standing_of` is one of these."""
    found = Q(status__in=statuses) & ~_BETWEEN_TIMES
    if CampaignStatus.SCHEDULED in statuses:
        found |= _BETWEEN_TIMES & Q(times_paused_at=None)
    if CampaignStatus.PAUSED in statuses:
        found |= _BETWEEN_TIMES & Q(times_paused_at__isnull=False)
    return found


def standing_of(row: Campaign, status: str = "") -> str:
    """Its status; of a recurring one that waits for a time ``scheduled``, or ``paused`` when its times are.

    ``status`` is of the row's own time, when it is known better than from the row.
    """
    status = status or row.status
    if not is_between_times(row, status):
        return status
    return CampaignStatus.SCHEDULED if row.times_paused_at is None else CampaignStatus.PAUSED


def is_between_times(row: Campaign, status: str = "") -> bool:
    """Whether it waits for one of its times, the first or a later one, and its row's own time does not run."""
    status = status or row.status
    before_the_first = status == CampaignStatus.SCHEDULED and row.planned_at is None
    return has_times_to_come(row) and (status in OVER or before_the_first)


def has_times_to_come(row: Campaign) -> bool:
    return row.first_id is None and row.times_ended_at is None and row.next_time_at is not None
