"""What the home page shows of the approvals.

Requests are private: what is told of all of them is for who may see them all. Everybody else has what waits for them, what
they have decided and what they have asked (``personal``).
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, F
from django.urls import reverse

from approvals.contract import ApprovalStatus
from approvals.counts import decidable, overdue
from approvals.home_events import behind, latest_events
from approvals.home_notices import ids_of, notice_needs, notice_sign
from approvals.listing import OPEN, view_of
from approvals.models import ApprovalRequest, Involvement
from approvals.presentation import request_row
from approvals.projection import COUNTER as COUNTER
from approvals.unsent_notices import lost, waiting
from dashboard.home.counting import HourCounter, by_hour
from dashboard.home.parts import (
    BAD,
    Action,
    Day,
    Figure,
    Funnel,
    FunnelStep,
    Moving,
    Need,
    Part,
    Personal,
    Waiting,
)
from dashboard.phrases import counted, text, when
from temporal_worker.delays import delayed_since

SEE_ALL = "approvals.view_all_requests"
TAKE_PART = "approvals.ask_approval"
SHOWN = 4
"""Requests that wait for somebody that the page names."""
STARTS_WITHIN = timedelta(minutes=1)

DECIDED = HourCounter(lambda: Involvement.objects.filter(decided_at__isnull=False), "decided_at")

RIGHTS = (SEE_ALL,)
ACTION = Action(TAKE_PART, "Ask for approval", "/approvals/new/")


def read(now: datetime, day: Day) -> Part:
    statuses = _statuses()
    late = _overdue(now)
    tried, given_up = ids_of(waiting(now)), ids_of(lost(now))
    decided = day.daily(DECIDED.since(day.first, now))
    return Part(
        needs=[
            *_late(late),
            *_stuck(statuses.get(ApprovalRequest.STARTING, 0), now),
            *notice_needs(tried, given_up),
        ],
        figures=(_decisions(decided, late[0]),),
        funnels=(_funnel(statuses, decided[-1]),),
        events=latest_events(),
        signs=(notice_sign(tried, given_up),),
        moving=(Moving(SEE_ALL, sum(statuses.values()) - late[0], "request", "requests"),),
        lists="requests",
        behind=behind(now),
        behind_since=delayed_since("save_request", now=now),
        behind_right=SEE_ALL,
    )


def _list(tab: str) -> str:
    return f"{reverse('approvals:list')}?tab={tab}"


def _statuses() -> dict[str, int]:
    rows = ApprovalRequest.objects.filter(status__in=OPEN).order_by().values("status")
    return dict(rows.annotate(number=Count("*")).values_list("status", "number"))


def _overdue(now: datetime) -> tuple[int, ApprovalRequest | None]:
    """How many, and the one that has waited longest."""
    rows = ApprovalRequest.objects.filter(overdue(now))
    count = rows.count()
    fields = ("request_id", "title", "requester_name", "due_at", "level_name", "is_escalated")
    oldest = rows.order_by(F("due_at").asc(nulls_last=True)).only(*fields).first() if count else None
    return count, oldest


def _late(overdue: tuple[int, ApprovalRequest | None]) -> list[Need]:
    count, oldest = overdue
    if oldest is None:
        return []
    words = [text(f"{oldest.level_name or 'Its level'} has not decided")]
    words += [text("; it was due "), when(oldest.due_at, "ago")] if oldest.due_at and not oldest.is_escalated else []
    words.append(text("; it was escalated." if oldest.is_escalated else "."))
    if count == 1:
        href = reverse("approvals:detail", args=[oldest.request_id])
        return [Need(SEE_ALL, "approvals-late", f"{oldest.title} is overdue", words, href, icon="clock", label="Late")]
    title = f"{counted(count, 'request').capitalize()} are overdue"
    words = [text(f"The longest: {oldest.title}. "), *words]
    return [
        Need(SEE_ALL, "approvals-late", title, words, _list("all&due=overdue"), "Open list", icon="clock", label="Late")
    ]


def _stuck(starting: int, now: datetime) -> list[Need]:
    """Told as soon as one has waited for too long, and then of all that the list behind it has."""
    rows = ApprovalRequest.objects.filter(status=ApprovalRequest.STARTING, submitted_at__lt=now - STARTS_WITHIN)
    if not starting or not rows.exists():
        return []
    title = f"{counted(starting, 'request').capitalize()} {'has' if starting == 1 else 'have'} not begun yet"
    words = [text("Taken and kept; they begin by themselves once Temporal and a worker answer.")]
    return [Need(SEE_ALL, "approvals-starting", title, words, _list("all&status=starting"), mark=BAD, label="Stuck")]


def _decisions(days: tuple[int, ...], overdue: int) -> Figure:
    note = f"{overdue:,} overdue" if overdue else "None overdue"
    return Figure(SEE_ALL, "decisions", "Decisions today", days[-1], note, _list("all&decided=today"), days)


def _funnel(statuses: dict[str, int], decided: int) -> Funnel:
    undecided = statuses.get(ApprovalStatus.PENDING, 0) + statuses.get(ApprovalRequest.STARTING, 0)
    changes = statuses.get(ApprovalStatus.CHANGES_REQUESTED, 0)
    steps = (
        FunnelStep("To be decided", undecided, _list("all&status=pending"), "idle"),
        FunnelStep("Changes asked for", changes, _list("all&status=changes_requested"), "warn"),
        FunnelStep("Decisions today", decided, _list("all&decided=today"), "ok"),
    )
    return Funnel(SEE_ALL, "approvals", "Approvals", _list("all&status=open"), steps)


def personal(user: User, now: datetime, day: Day) -> Personal | None:
    """What waits for them, the most urgent first. Four queries, whatever waits."""
    if not user.has_perm(TAKE_PART):
        return None
    username = user.get_username()
    mine = Involvement.objects.filter(decidable(now), username=username)
    urgent = ApprovalRequest.objects.filter(pk__in=mine.values("request")).order_by(
        "-is_escalated", F("due_at").asc(nulls_last=True), "pk"
    )
    shown = list(urgent[:SHOWN])
    count = len(shown) if len(shown) < SHOWN else urgent.count()
    return Personal(
        title="Waits for you",
        href=_list("mine"),
        count=count,
        waiting=[_waiting(row, username, now) for row in shown],
        figures=_own_figures(username, day),
    )


def _waiting(row: ApprovalRequest, username: str, now: datetime) -> Waiting:
    shown: Any = request_row(view_of(row), username, now)
    return Waiting(
        title=shown.title,
        href=reverse("approvals:detail", args=[shown.request_id]),
        text=[text(f"{shown.requester_name} · "), *shown.blocker],
        due_at=shown.due_at,
        is_late=shown.is_late,
        amount=shown.amount,
    )


def _own_figures(username: str, day: Day) -> tuple[Figure, ...]:
    own = Involvement.objects.filter(username=username, decided_at__isnull=False)
    days = day.daily(by_hour(own, "decided_at", day.first))
    asked = ApprovalRequest.objects.filter(requester=username, status__in=OPEN).count()
    return (
        Figure(TAKE_PART, "my-decisions", "Decided by you today", days[-1], "", _list("decided&decided=today"), days),
        Figure(TAKE_PART, "my-requests", "Asked by you, still open", asked, "", _list("requested&status=open")),
    )
