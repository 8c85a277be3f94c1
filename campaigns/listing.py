"""What a list of campaigns shows: the reading of its query string, its rows, its pages. Any query string is a list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from urllib.parse import urlencode

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.contract import CampaignStatus
from campaigns.counts import WAITING
from campaigns.models import Campaign
from campaigns.standing import stands_at
from campaigns.totals import sent_today

PAGE_SIZE = 25
LONGEST_SEARCH = 200

TABS = {
    "all": "All",
    "running": "Running",
    "paused": "Paused",
    "waiting": "Waiting",
    "draft": "Drafts",
    "completed": "Completed",
    "cancelled": "Cancelled",
}
_STATUSES: dict[str, tuple[str, ...]] = {
    "running": (CampaignStatus.RUNNING,),
    "paused": (CampaignStatus.PAUSED,),
    "waiting": WAITING,
    "draft": (CampaignStatus.DRAFT,),
    "completed": (CampaignStatus.COMPLETED,),
    "cancelled": (CampaignStatus.CANCELLED,),
}
ROW_FIELDS = (
    "campaign_id", "occurrence", "version", "change", "status", "name", "channel", "starts_at", "recurs",
    "audience_count", "sent_count", "deferred_count", "denied_count", "failed_count", "unknown_count", "pending_count",
    "reason", "finishes_at", "closed_at", "created_at", "snapshot", "first",
    "planned_at", "times_paused_at", "times_paused_why", "times_ended_at", "next_time_at",
)  # fmt: skip


PEOPLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "sent": ("Sent", ("sent_count",)),
    "to_come": ("Still to come", ("pending_count", "deferred_count")),
    "lost": ("Denied or failed", ("denied_count", "failed_count", "unknown_count")),
}
"""Campaigns that have such recipients, by the columns that count them."""
TODAY = "today"


@dataclass(frozen=True)
class Listing:
    """``before`` and ``after`` are keys of rows: the page begins behind, or ends before it. The newest come first.

    ``people`` is what a figure of the home page leads to: campaigns that have recipients of that kind, or ("today") that
    sent something today.
    """

    q: str = ""
    tab: str = "all"
    people: str = ""
    before: int = 0
    after: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Listing":
        q = " ".join(query.get("q", "").replace("\0", " ").split())[:LONGEST_SEARCH]
        tab, people = query.get("tab", ""), query.get("people", "")
        return cls(
            q=q,
            tab=tab if tab in TABS else "all",
            people=people if people in PEOPLE or people == TODAY else "",
            before=_key(query.get("before", "")),
            after=_key(query.get("after", "")),
        )

    @property
    def takes_new(self) -> bool:
        """Whether a campaign that is written now would stand on this page."""
        return not (self.q or self.people or self.before or self.after) and self.tab in {"all", "draft"}

    def url(self, **changes: object) -> str:
        """The query string of this list with something else; the page starts anew unless it is named."""
        changed = replace(self, **{"before": 0, "after": 0, **changes})  # type: ignore[arg-type]
        parts: dict[str, str | int] = {"tab": changed.tab}
        for name in ("q", "people", "before", "after"):
            if value := getattr(changed, name):
                parts[name] = value
        return f"?{urlencode(parts)}"

    def campaigns(self) -> QuerySet[Campaign]:
        found = Campaign.objects.all()
        if self.tab != "all":
            found = found.filter(stands_at(*_STATUSES[self.tab]))
        for word in self.q.split():
            found = found.filter(_mentions(word))
        if self.people == TODAY:
            return found.filter(pk__in=_that_sent_today())
        if self.people:
            columns = PEOPLE[self.people][1]
            return found.filter(reduce(or_, (Q(**{f"{column}__gt": 0}) for column in columns)))
        return found

    @property
    def people_words(self) -> str:
        """How many they are in all: ``Denied or failed: 1,204``. One query."""
        if self.people == TODAY:
            sent = sent_today()
            by_programs = sum(number for (campaign_id, _), number in sent.items() if not campaign_id)
            programs = f", {by_programs:,} of them by programs" if by_programs else ""
            return f"Messages today: {sum(sent.values()):,}{programs}"
        if self.people:
            words, columns = PEOPLE[self.people]
            totals = self.campaigns().aggregate(**{column: Sum(column, default=0) for column in columns})
            return f"{words}: {sum(totals.values()):,}"
        return ""


def _that_sent_today() -> list[int]:
    """Keys of rows: the log names a series by its first campaign, and the occurrence beside it. Two queries."""
    sent = sent_today()
    ids = {campaign_id for campaign_id, _ in sent if campaign_id}
    rows = Campaign.objects.filter(Q(campaign_id__in=ids) | Q(first__campaign_id__in=ids)).order_by()
    named = rows.annotate(series=Coalesce("first__campaign_id", "campaign_id")).values_list(
        "pk", "series", "occurrence"
    )
    return [pk for pk, series, occurrence in named if (series, occurrence) in sent]


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _mentions(word: str) -> Q:
    return (
        Q(campaign_id__icontains=word.removeprefix("campaign-"))
        | Q(name__icontains=word)
        | Q(subject__icontains=word)
        | Q(category__icontains=word)
        | Q(launched_by__iexact=word)
    )


@dataclass(frozen=True)
class Page:
    """``previous`` and ``next`` are query strings; empty where there is nothing."""

    campaigns: list[Campaign]
    previous: str = ""
    next: str = ""


def page_of(listing: Listing) -> Page:
    """One query, whatever the page: no rows are counted and none are skipped."""
    rows = listing.campaigns().only(*ROW_FIELDS)
    if listing.after:
        found = list(rows.filter(pk__gt=listing.after).order_by("pk")[: PAGE_SIZE + 1])
        has_previous, has_next = len(found) > PAGE_SIZE, True
        shown = found[:PAGE_SIZE][::-1]
    else:
        if listing.before:
            rows = rows.filter(pk__lt=listing.before)
        found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
        has_previous, has_next = listing.before > 0, len(found) > PAGE_SIZE
        shown = found[:PAGE_SIZE]
    if not shown:
        return Page([], previous=listing.url() if listing.before or listing.after else "")
    return Page(
        shown,
        previous=listing.url(after=shown[0].pk) if has_previous else "",
        next=listing.url(before=shown[-1].pk) if has_next else "",
    )
