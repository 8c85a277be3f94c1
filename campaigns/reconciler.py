"""What a crash or an outage left half done, finished a little later. The worker runs these every few seconds.

Each may run in several workers at once: what they call is idempotent.
"""

from datetime import timedelta

from django.utils import timezone

from campaigns import gateway, totals
from campaigns.gateway import giving_back, recounting, series

TELL_AGAIN_AFTER = timedelta(seconds=5)


def start_launched_campaigns() -> None:
    """Campaigns whose rows were written and whose workflow was not started."""
    gateway.finish_starting_campaigns()


def note_next_times() -> None:
    """When recurring campaigns come again, for lists and pages."""
    series.note_next_times()


def tell_opt_outs() -> None:
    """Actors hear of opt-outs that were taken in while Temporal was out of reach."""
    gateway.tell_opt_outs(older_than=timezone.now() - TELL_AGAIN_AFTER)


def tell_recounts() -> None:
    """Campaigns hear that somebody for whose moment they wait has opted out."""
    recounting.tell_recounts()


def give_back_slots() -> None:
    """Actors hear of messages that were not sent, if whoever found that out could not tell them."""
    giving_back.give_back_slots()


def tell_settings() -> None:
    """Actors hear of what an import, say, has set in their people's rows."""
    gateway.tell_settings()


def close_send_hours() -> None:
    """What went out in each hour that is over becomes one row."""
    totals.close_hours()
