"""How many requests wait for somebody: for the badge, the tabs and the sentence above the inbox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from approvals.contract import ApprovalStatus
from approvals.models import Involvement
from dashboard.phrases import Part, counted, number_word, strong, text, when


def has_begun(now: datetime) -> Q:
    """Involvements by which somebody may see the request: who will cover for an approver does from that day on."""
    return Q(starts_at=None) | Q(starts_at__lte=now)


def decidable(now: datetime) -> Q:
    """Involvements whose person may decide now."""
    return (
        Q(can_decide=True, request__status=ApprovalStatus.PENDING) & has_begun(now) & (Q(until=None) | Q(until__gt=now))
    )


def overdue(now: datetime) -> Q:
    """Requests whose level has not decided in time."""
    return (Q(is_escalated=True) | Q(due_at__lte=now)) & Q(status=ApprovalStatus.PENDING)


def badge_count(username: str) -> int:
    """How many requests somebody may decide now. One query."""
    return badge_counts([username]).get(username, 0)


def badge_counts(usernames: Iterable[str]) -> dict[str, int]:
    """The same for many at once; who has none is left out. One query."""
    rows = Involvement.objects.filter(decidable(timezone.now()), username__in=list(usernames)).order_by()
    return dict(
        rows.values("username").annotate(number=Count("request", distinct=True)).values_list("username", "number")
    )


@dataclass(frozen=True)
class InboxCounts:
    mine: int = 0
    covering: int = 0
    requested: int = 0
    groups: int = 0
    overdue: int = 0
    next_due_at: datetime | None = None

    @property
    def lede(self) -> Sequence[Part]:
        """``Five requests wait for you. One is overdue; the next is due in 48 m.``"""
        if not self.mine:
            return [strong("Nothing waits for you."), text(" What others ask you comes here by itself.")]
        verb = "waits" if self.mine == 1 else "wait"
        said = [strong(f"{counted(self.mine, 'request').capitalize()} {verb} for you.")]
        if self.overdue:
            late = f"{number_word(self.overdue).capitalize()} {'is' if self.overdue == 1 else 'are'} overdue"
            said.append(text(f" {late}." if self.next_due_at is None else f" {late}, "))
        if self.next_due_at is not None:
            said += [
                text("the next is due " if self.overdue else " The next is due "),
                when(self.next_due_at, "until"),
                text("."),
            ]
        return said


def inbox_counts(username: str, groups: Sequence[str]) -> InboxCounts:
    """Two queries, however many requests there are."""
    now = timezone.now()
    mine = decidable(now)
    late = Q(request__is_escalated=True) | Q(request__due_at__lte=now)

    def of(which: Q) -> Count:
        return Count("request", distinct=True, filter=which)

    found = Involvement.objects.filter(username=username).aggregate(
        mine=of(mine),
        covering=of(mine & Q(role=Involvement.Role.COVER)),
        requested=of(Q(role=Involvement.Role.REQUESTER)),
        overdue=of(mine & late),
        next_due_at=Min("request__due_at", filter=mine & ~late),
    )
    return InboxCounts(groups=in_groups(username, groups).count(), **found)


def in_groups(username: str, groups: Sequence[str]) -> QuerySet[Any, Any]:
    """One involvement for each pending request in which somebody's groups are asked, and that they may see."""
    if not groups:
        return Involvement.objects.none()
    asked = Involvement.objects.filter(via__in=groups, can_decide=True, request__status=ApprovalStatus.PENDING)
    mine = Involvement.objects.filter(has_begun(timezone.now()), username=username)
    return mine.filter(request__in=asked.values("request")).values("request").distinct()
