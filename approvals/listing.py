"""Which requests the inbox shows, in which order: tabs, filters and pages, over the projection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic, sleep
from urllib.parse import urlencode

from django.db.models import Case, F, IntegerField, Max, Q, QuerySet, Value, When
from django.utils import timezone

from approvals import projection
from approvals.contract import ApprovalStatus, ApprovalView
from approvals.counts import InboxCounts, decidable, has_begun, in_groups, overdue
from approvals.models import ApprovalRequest, Involvement
from approvals.presentation import KINDS, RequestRow, request_row
from approvals.presentation.row import LATER, OVERDUE, SOON
from approvals.sought import that_mention
from approvals.unsent_notices import lost, waiting
from dashboard.home.parts import Day
from dashboard.search.findings import Asked
from temporal_worker.snapshots import from_json

PAGE_SIZE = 50
OTHERS_SHOWN = 10
"""Rows of the group's requests that somebody may not decide, below their own."""

TABS = {
    "mine": "Waiting for me",
    "groups": "My groups",
    "covering": "Covering for others",
    "requested": "Requested by me",
    "decided": "Decided",
    "all": "All",
}
WAITING = ("mine", "groups", "covering")
"""Tabs of requests that wait for a decision: the most urgent one comes first."""
AMOUNTS: dict[str, tuple[str, int | None, int | None]] = {
    "small": ("Below 1,000", None, 100_000),
    "middle": ("1,000 to 10,000", 100_000, 1_000_000),
    "large": ("10,000 and more", 1_000_000, None),
}
OPEN = (ApprovalRequest.STARTING, ApprovalStatus.PENDING, ApprovalStatus.CHANGES_REQUESTED)
STATUSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "open": ("Open", OPEN),
    "pending": ("To be decided", (ApprovalRequest.STARTING, ApprovalStatus.PENDING)),
    "changes_requested": ("Changes asked for", (ApprovalStatus.CHANGES_REQUESTED,)),
    "starting": ("Not begun yet", (ApprovalRequest.STARTING,)),
}
DUE = {"overdue": "Overdue"}
DECIDED = {"today": "Decided today"}
NOTICES = {"waiting": "Notice being tried again", "lost": "Notice not sent"}
GROUP_WORDS = {OVERDUE: "Overdue", SOON: "Due within a day", LATER: "Later"}


@dataclass(frozen=True)
class Listing:
    """``status``, ``due``, ``decided`` and ``notice`` are what figures of the home page lead to.

    "All" are all that there are for who ``sees_all``, and for everybody else those that they have a part in.
    """

    sees_all: bool = False
    tab: str = "mine"
    q: str = ""
    kind: str = ""
    amount: str = ""
    status: str = ""
    due: str = ""
    decided: str = ""
    notice: str = ""
    page: int = 1

    @classmethod
    def read(cls, query: Mapping[str, str], *, sees_all: bool) -> "Listing":
        tab, kind, amount, page = (query.get(name, "") for name in ("tab", "kind", "amount", "page"))
        return cls(
            sees_all=sees_all,
            tab=tab if tab in TABS else "mine",
            q=Asked.read(query.get("q", "")).text,
            kind=kind if kind in KINDS else "",
            amount=amount if amount in AMOUNTS else "",
            status=_known(query, "status", STATUSES),
            due=_known(query, "due", DUE),
            decided=_known(query, "decided", DECIDED),
            notice=_known(query, "notice", NOTICES),
            page=int(page) if page.isascii() and page.isdigit() and len(page) <= 9 and int(page) else 1,
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.kind or self.amount or self.status or self.due or self.decided or self.notice)

    @property
    def words(self) -> dict[str, str]:
        """What narrows it beside kind and amount, by the name of the filter."""
        found = {"status": STATUSES[self.status][0]} if self.status else {}
        for name, words in (("due", DUE), ("decided", DECIDED), ("notice", NOTICES)):
            if value := getattr(self, name):
                found[name] = words[value]
        return found

    def url(self, **changes: object) -> str:
        """The query string of this list with something else; the page starts anew unless it is named."""
        changed = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        names = ("tab", "q", "kind", "amount", "status", "due", "decided", "notice")
        parts = {name: getattr(changed, name) for name in names}
        if changed.page > 1:
            parts["page"] = str(changed.page)
        return f"?{urlencode({name: value for name, value in parts.items() if value})}"

    def requests(self, username: str, groups: Sequence[str]) -> QuerySet[ApprovalRequest]:
        found = that_mention(self._in_tab(username, groups), self.q)
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.amount:
            _, low, high = AMOUNTS[self.amount]
            found = found.filter(amount_cents__gte=low) if low is not None else found
            found = found.filter(amount_cents__lt=high) if high is not None else found
        return self._narrowed(found, username)

    def _narrowed(self, found: QuerySet[ApprovalRequest], username: str) -> QuerySet[ApprovalRequest]:
        now = timezone.now()
        if self.status:
            found = found.filter(status__in=STATUSES[self.status][1])
        if self.due:
            found = found.filter(overdue(now))
        if self.decided:
            found = found.filter(pk__in=self.decisions_today(username).values("request"))
        if self.notice:
            found = found.filter(pk__in=(waiting(now) if self.notice == "waiting" else lost(now)).values("pk"))
        return found

    def decisions_today(self, username: str) -> QuerySet[Involvement]:
        """Everybody's, or in the list of what somebody has decided their own. Today is as the home page has it."""
        made = Involvement.objects.filter(decided_at__gte=Day.of(timezone.now()).start)
        return made.filter(username=username) if self.tab == "decided" else made

    def _in_tab(self, username: str, groups: Sequence[str]) -> QuerySet[ApprovalRequest]:
        mine = Involvement.objects.filter(username=username)
        now = timezone.now()
        match self.tab:
            case "mine":
                return _urgent_first(_of(mine.filter(decidable(now))))
            case "covering":
                return _urgent_first(_of(mine.filter(decidable(now), role=Involvement.Role.COVER)))
            case "groups":
                return _urgent_first(ApprovalRequest.objects.filter(pk__in=in_groups(username, groups)))
            case "decided":
                places = Q(involvements__username=username, involvements__decided_at__isnull=False)
                last = Max("involvements__decided_at", filter=places)
                return ApprovalRequest.objects.filter(places).annotate(last=last).order_by("-last", "-pk")
            case "requested":
                return _open_first(ApprovalRequest.objects.filter(requester=username))
        return _open_first(ApprovalRequest.objects.all() if self.sees_all else _of(mine.filter(has_begun(now))))


def _known(query: Mapping[str, str], name: str, values: Mapping[str, object]) -> str:
    value = query.get(name, "")
    return value if value in values else ""


def _of(involvements: QuerySet[Involvement]) -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(pk__in=involvements.values("request"))


def _urgent_first(found: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    return found.order_by("-is_escalated", F("due_at").asc(nulls_last=True), "pk")


def _open_first(found: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    is_over = Case(When(status__in=OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    return found.order_by(is_over, "-submitted_at", "-pk")


@dataclass(frozen=True)
class RowGroup:
    """Rows under one heading. ``number`` is left out where there are more on other pages."""

    name: str
    words: str
    rows: list[RequestRow]


@dataclass(frozen=True)
class Page:
    groups: list[RowGroup]
    number: int
    count: int
    length: int

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + self.length - 1

    @property
    def has_next(self) -> bool:
        return self.last < self.count

    @property
    def has_previous(self) -> bool:
        return self.number > 1

    @property
    def has_pages(self) -> bool:
        return self.count > PAGE_SIZE


def page_of(listing: Listing, username: str, groups: Sequence[str], counts: InboxCounts) -> Page:
    """The page asked for, or the last one there is: one query, and one to count where the tab's number is not it."""
    now = timezone.now()
    requests = listing.requests(username, groups)
    known = None if listing.is_narrowed else getattr(counts, listing.tab, None)
    count = requests.count() if known is None else known
    number = max(1, min(listing.page, -(-count // PAGE_SIZE)))
    found = list(requests[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])
    rows = [request_row(view_of(row), username, now) for row in found]
    shown = _grouped(rows) if listing.tab in WAITING else _by_end(rows)
    if listing.tab == "mine" and number == 1 and not listing.is_narrowed:
        shown += _of_my_groups(username, groups, now)
    return Page(shown, number, count, len(rows))


def _grouped(rows: Sequence[RequestRow]) -> list[RowGroup]:
    groups = [
        RowGroup(name, words, [row for row in rows if row.due == name and row.may_decide])
        for name, words in GROUP_WORDS.items()
    ]
    not_mine = [row for row in rows if not row.may_decide]
    groups.append(RowGroup("others", "Not yours to decide", not_mine))
    return [group for group in groups if group.rows]


def _by_end(rows: Sequence[RequestRow]) -> list[RowGroup]:
    groups = [
        RowGroup("open", "Open", [row for row in rows if not row.is_over]),
        RowGroup("over", "Over", [row for row in rows if row.is_over]),
    ]
    return [group for group in groups if group.rows]


def _of_my_groups(username: str, groups: Sequence[str], now: datetime) -> list[RowGroup]:
    """What waits for others of somebody's groups, so that they see it is in hand, and why it is not theirs."""
    mine = Involvement.objects.filter(decidable(now), username=username)
    others = ApprovalRequest.objects.filter(pk__in=in_groups(username, groups)).exclude(pk__in=mine.values("request"))
    rows = [request_row(view_of(row), username, now) for row in _urgent_first(others)[:OTHERS_SHOWN]]
    return [RowGroup("others", "In your group, not yours to decide", rows)] if rows else []


def wait_for(request_id: str, version: int) -> bool:
    """Until the rows have this version of a request, a second at most: a list drawn next should not show what was."""
    until = monotonic() + 1
    while monotonic() < until:
        if ApprovalRequest.objects.filter(request_id=request_id, version__gte=version).exists():
            return True
        sleep(0.05)
    return False


def view_of(row: ApprovalRequest) -> ApprovalView:
    """The request as it was last saved, without its trail: lists do not show it."""
    if not row.snapshot:
        return projection.load_view(row)
    return from_json(ApprovalView, row.snapshot)
