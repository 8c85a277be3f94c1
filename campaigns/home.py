"""What the home page shows of the campaigns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Sum
from django.urls import reverse

from campaigns.contract import CampaignEvent, CampaignStatus
from campaigns.gateway.imports import IMPORT
from campaigns.gateway.imports import SEE as SEE_IMPORTS
from campaigns.home_imports import import_needs
from campaigns.listing import ROW_FIELDS
from campaigns.live_list import badge_fragment
from campaigns.models import Campaign
from campaigns.presentation import row_of
from campaigns.presentation.page import icon_of
from campaigns.projection import COUNTER as COUNTER
from campaigns.standing import is_between_times, stands_at
from campaigns.totals import sent_by_hour
from dashboard.home.parts import (
    BAD,
    Action,
    Badge,
    Day,
    Event,
    Figure,
    Funnel,
    FunnelStep,
    Moving,
    Need,
    Part,
    Running,
)
from dashboard.phrases import counted, text
from temporal_worker.delays import delayed_since

SEE = "campaigns.view_campaign"
SEND = "campaigns.send_campaign"
SHOWN = 4
"""Running campaigns that the page names."""
STARTS_WITHIN = timedelta(minutes=1)
LATEST = 8
FAILS_FROM = 0.05
"""Share of the messages that had an outcome and failed, from which somebody should look."""
FEW = 20
"""Outcomes below which a share says nothing."""

RIGHTS = (SEE, SEND, SEE_IMPORTS, IMPORT)
ACTION = Action("campaigns.edit_campaign", "New campaign", "/campaigns/new/", hidden_without=SEE)


def read(now: datetime, day: Day) -> Part:
    statuses = _statuses()
    running = list(_of(CampaignStatus.RUNNING).order_by("-launched_at", "-pk").only(*ROW_FIELDS)[:50])
    number = statuses.get(CampaignStatus.RUNNING, 0)
    return Part(
        needs=[*_paused(statuses), *_failing(running), *_stuck(statuses, now), *import_needs(now)],
        figures=(_messages(day.daily(sent_by_hour(day.first))),),
        funnels=(_funnel(),),
        running=[_running(row) for row in running[:SHOWN]],
        running_title="Campaigns running",
        running_href=_list("running"),
        events=_latest_events(),
        moving=(Moving(SEE, number, "campaign", "campaigns"),),
        badges=(Badge(SEE, "badge-campaigns", badge_fragment(number)),),
        lists="campaigns",
        behind_since=delayed_since("save_campaign", "save_import", now=now),
        behind_right=SEE,
    )


def _of(*statuses: str) -> Any:
    return Campaign.objects.filter(stands_at(*statuses))


def _list(tab: str) -> str:
    return f"{reverse('campaigns:list')}?tab={tab}"


def _statuses() -> dict[str, int]:
    statuses = (CampaignStatus.RUNNING, CampaignStatus.PAUSED, Campaign.STARTING)
    counts = {status: Count("pk", filter=stands_at(status)) for status in statuses}
    return dict(_of(*statuses).order_by().aggregate(**counts))


def _messages(days: tuple[int, ...]) -> Figure:
    note = f"{days[-8]:,} a week ago"
    return Figure(SEE, "messages", "Messages today", days[-1], note, _list("all&people=today"), days)


def _funnel() -> Funnel:
    """Where everybody stands whom the running campaigns are for."""
    names = ("audience", "sent", "pending", "deferred", "denied", "failed", "unknown")
    totals = _of(CampaignStatus.RUNNING).aggregate(**{name: Sum(f"{name}_count", default=0) for name in names})
    href, lost = _list("running"), totals["denied"] + totals["failed"] + totals["unknown"]
    steps = [
        FunnelStep("Recipients", totals["audience"], href, "ended"),
        FunnelStep("Sent", totals["sent"], f"{href}&people=sent", "ok"),
        FunnelStep("Still to come", totals["pending"] + totals["deferred"], f"{href}&people=to_come", "idle"),
        FunnelStep("Denied or failed", lost, f"{href}&people=lost", "warn"),
    ]
    return Funnel(SEE, "campaigns", "Campaigns running", href, tuple(steps))


def _running(row: Campaign) -> Running:
    shown = row_of(row)
    href = reverse("campaigns:detail", args=[row.campaign_id])
    return Running(SEE, f"campaign-{row.pk}", shown.name, href, shown.decided, shown.audience, shown.next)


def _paused(statuses: dict[str, int]) -> list[Need]:
    """What paused by itself or was stopped with all others; a pause that somebody meant is no need, and is told as one."""
    if not (count := statuses.get(CampaignStatus.PAUSED, 0)):
        return []
    row = _of(CampaignStatus.PAUSED).order_by("-updated_at").only(*ROW_FIELDS).first()
    if row is None:
        return []
    waits = is_between_times(row)  # a recurring one: only its times are paused
    by_itself = not waits and any(
        one.get("what") == CampaignEvent.PAUSED_BY_ITSELF for one in (row.snapshot.get("timeline") or [])[-1:]
    )
    mark = BAD if by_itself else "warn"
    why = (row.times_paused_why if waits else row.reason).rstrip(".") or "Somebody paused it"
    left = "None of its times begins anything." if waits else f"{row.pending_count:,} still wait for it."
    words = [text(f"{why}. {left}")]
    if count == 1:
        href = reverse("campaigns:detail", args=[row.campaign_id])
        return [Need(SEE, "paused", f"{row.name} is paused", words, href, "Resume…", SEND, mark, "pause", "Paused")]
    title = f"{counted(count, 'campaign').capitalize()} are paused"
    words = [text(f"The latest is {row.name}: "), *words]
    return [Need(SEE, "paused", title, words, _list("paused"), "Open list", "", mark, "pause", "Paused")]


def _failing(running: Sequence[Campaign]) -> list[Need]:
    found = []
    for row in running:
        done, bad = row.sent_count + row.failed_count + row.unknown_count, row.failed_count + row.unknown_count
        if done < FEW or bad < done * FAILS_FROM:
            continue
        words = [text(f"{bad:,} of {done:,} messages failed or have no known outcome; it goes on with the others.")]
        href = f"{reverse('campaigns:log', args=[row.campaign_id])}?state=failed"
        found.append(Need(SEE, f"failing-{row.pk}", f"{row.name} fails often", words, href, mark=BAD, label="Failing"))
    return found[:3]


def _stuck(statuses: dict[str, int], now: datetime) -> list[Need]:
    if not statuses.get(Campaign.STARTING):
        return []
    stuck = _of(Campaign.STARTING).filter(updated_at__lt=now - STARTS_WITHIN).count()
    if not stuck:
        return []
    title = f"{counted(stuck, 'campaign').capitalize()} {'has' if stuck == 1 else 'have'} not begun yet"
    words = [text("Launched and kept; they begin by themselves once Temporal and a worker answer.")]
    return [Need(SEE, "campaigns-starting", title, words, _list("waiting"), mark=BAD, label="Stuck")]


def _latest_events() -> list[Event]:
    """From what the campaigns that changed last say of themselves. Two queries."""
    rows = list(
        Campaign.objects.filter(change__gt=0).order_by("-change").only("campaign_id", "name", "snapshot")[:LATEST]
    )
    entries = [(row, one) for row in rows for one in row.snapshot.get("timeline") or [] if one.get("at")]
    entries.sort(key=lambda pair: str(pair[1]["at"]), reverse=True)
    people = {_person(one) for _, one in entries[:LATEST]} - {""}
    names = {one.username: one.get_full_name() or one.username for one in User.objects.filter(username__in=people)}
    return [_event(row, one, names) for row, one in entries[:LATEST]]


def _person(entry: dict[str, Any]) -> str:
    return str((entry.get("by") or {}).get("username") or "")


def _event(row: Campaign, entry: dict[str, Any], names: dict[str, str]) -> Event:
    person, words = _person(entry), str(entry.get("text") or "")
    return Event(
        right=SEE,
        key=f"campaign-event-{row.pk}-{''.join(filter(str.isdigit, entry['at']))}",
        at=datetime.fromisoformat(entry["at"]),
        subject=row.name,
        href=reverse("campaigns:detail", args=[row.campaign_id]),
        # The name stands before it.
        text=words.removeprefix(f"{person} ") if person else words,
        icon=icon_of(str(entry.get("what"))),
        person=person,
        who=names.get(person, person),
        title=row.campaign_id,
    )
