"""What a list of campaigns shows: the reading of its query string, its rows, its pages. Any query string is a list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from campaigns.contract import CampaignStatus
from campaigns.counts import WAITING
from campaigns.models import Campaign

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
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """``before`` and ``after`` are keys of rows: the page begins behind, or ends before it. The newest come first."""

    q: str = ""
    tab: str = "all"
    before: int = 0
    after: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Listing":
        q = " ".join(query.get("q", "").replace("\0", " ").split())[:LONGEST_SEARCH]
        tab = query.get("tab", "")
        return cls(
            q=q,
            tab=tab if tab in TABS else "all",
            before=_key(query.get("before", "")),
            after=_key(query.get("after", "")),
        )

    @property
    def takes_new(self) -> bool:
        """Whether a campaign that is written now would stand on this page."""
        return not (self.q or self.before or self.after) and self.tab in {"all", "draft"}

    def url(self, **changes: object) -> str:
        """The query string of this list with something else; the page starts anew unless it is named."""
        changed = replace(self, **{"before": 0, "after": 0, **changes})  # type: ignore[arg-type]
        parts: dict[str, str | int] = {"tab": changed.tab}
        for name in ("q", "before", "after"):
            if value := getattr(changed, name):
                parts[name] = value
        return f"?{urlencode(parts)}"

    def campaigns(self) -> QuerySet[Campaign]:
        found = Campaign.objects.all()
        if self.tab != "all":
            found = found.filter(status__in=_STATUSES[self.tab])
        for word in self.q.split():
            found = found.filter(_mentions(word))
        return found


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
