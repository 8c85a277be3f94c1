"""What a change of the campaigns' settings leads to for campaigns that run, and one of a cap policy for people."""

from collections.abc import Sequence
from typing import Any

from campaigns.admin_forms import CHANNEL_FIELDS
from campaigns.models import Campaign, CapPolicy
from campaigns.models.words import CHANNELS, CampaignStatus
from campaigns.over_cap import (
    NOT_COUNTED,
    OverCap,
    Waiting,
    for_whom_it_is_quiet,
    people_words,
    who_would_be_over_without,
    would_change,
)
from campaigns.standing import stands_at
from dashboard.admin_effects import Effect

SHOWN = 20
"""People that a page names."""
_WHOM = {"is_default", "segment", "user_id", "priority"}
_CAPS = {"max_per_day", "per_category", "count_transactional", "window", *CHANNEL_FIELDS}
_GAP = {"min_hours_between", "count_transactional"}
_QUIET = {"quiet_from", "quiet_to", "time_zone"}

_STARTED = [CampaignStatus.SCHEDULED, CampaignStatus.RUNNING]
_UNDER_WAY = [CampaignStatus.AWAITING_APPROVAL, *_STARTED, CampaignStatus.PAUSED]


def of_settings(form: Any) -> Effect:
    """A channel that is switched off stops what runs on it; all else is for launches that come."""
    asks = []
    for channel, words in CHANNELS:
        name = f"{channel}_on"
        if name not in form.changed_data or form.cleaned_data[name]:
            continue
        running = list(Campaign.objects.filter(stands_at(*_STARTED), channel=channel).values_list("name", flat=True))
        if running:
            named = ", ".join(f"“{one}”" for one in running[:5])
            more = f" and {len(running) - 5:,} more" if len(running) > 5 else ""
            asks.append(f"Running on “{words}”, or planned for it, and held up by this: {named}{more}.")
    said = ["Launches from now on go by this."]
    if number := Campaign.objects.filter(status__in=_UNDER_WAY).count():
        said[0] += f" Campaigns under way that keep the limits they were launched with: {number:,}."
    return Effect(said, asks)


def of_policy(form: Any) -> Effect:
    """People who have had more than the new cap get nothing for now, and some have to wait for the new gap."""
    changed, policy = set(form.changed_data), form.instance
    if not changed & (_WHOM | _CAPS | _GAP | _QUIET):
        return Effect()
    over, waiting = would_change(policy, CapPolicy.objects.select_related("segment").filter(pk=policy.pk).first())
    over = over if changed & (_WHOM | _CAPS) else OverCap()
    waiting = waiting if changed & (_WHOM | _GAP) else Waiting()
    asks, said = _asks(over, waiting), []
    if not asks and changed & (_WHOM | _CAPS):
        said.append("Nobody has had more than this cap in the last 24 hours.")
    if changed & (_WHOM | _QUIET) and policy.quiet_from is not None:
        held, of = for_whom_it_is_quiet(policy)
        said.append(
            f"At this moment it is quiet for {held:,} of its {people_words(of)}: what comes is held until it ends."
        )
    title = "Some people have had more already" if over else "Some people have had one just now"
    shown = {"title": title, "policy": policy, "over": over, "people": over.people[:SHOWN]} if asks else {}
    return Effect([*said, NOT_COUNTED], asks, shown)


def of_policies_gone(policies: Sequence[CapPolicy]) -> list[str]:
    """What deleting these policies at once leads to: their people come under others."""
    of_somebody = [policy for policy in policies if policy.segment is not None or policy.user_id]
    if not of_somebody:
        return []
    over, whose = who_would_be_over_without(of_somebody), "Its" if len(policies) == 1 else "Their"
    words = f"{whose} people come under the next policy that is for them: their segment's, or the one for everybody."
    return [words, *(_asks(over, Waiting()) or ["None of them has had more than that one allows."]), NOT_COUNTED]


def _asks(over: OverCap, waiting: Waiting) -> list[str]:
    asks = [f"{over.words} had more than this cap in the last 24 hours: they get nothing for now."] if over else []
    if waiting.number:
        had = f"{waiting.words} had a message less than {waiting.hours:g} hours ago"
        asks.append(f"{had}: the next one waits until so much time has passed.")
    return asks
