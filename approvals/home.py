"""What the home page shows of the approvals.

Requests are private: what is told of all of them is for who may see them all. Everybody else has what waits for them, what
they have decided and what they have asked (``personal``).
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, F, Q
from django.urls import reverse

from approvals.contract import ApprovalStatus
from approvals.counts import decidable
from approvals.home_events import behind, latest_events
from approvals.listing import OPEN, view_of
from approvals.models import ApprovalMail, ApprovalRequest, Involvement
from approvals.presentation import request_row
from approvals.projection import COUNTER as COUNTER
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
    Sign,
    Waiting,
)
from dashboard.phrases import counted, text, when

SEE_ALL = "approvals.view_all_requests"
TAKE_PART = "approvals.ask_approval"
SHOWN = 4
"""Requests that wait for somebody that the page names."""
STARTS_WITHIN = timedelta(minutes=1)
MAIL_WAITS_AFTER = timedelta(seconds=30)
MAIL_FORGOTTEN_AFTER = timedelta(days=1)

DECIDED = HourCounter(lambda: Involvement.objects.filter(decided_at__isnull=False), "decided_at")

RIGHTS = (SEE_ALL,)
ACTION = Action(TAKE_PART, "Ask for approval", "/approvals/new/")


def read(now: datetime, day: Day) -> Part:
    statuses = _statuses()
    overdue = _overdue(now)
    decided = day.daily(DECIDED.since(day.first, now))
    return Part(
        needs=[*_late(overdue), *_stuck(statuses.get(ApprovalRequest.STARTING, 0), now)],
        figures=(_decisions(decided, overdue[0]),),
        funnels=(_funnel(statuses, decided[-1]),),
        events=latest_events(),
        signs=(_mails(now),),
        moving=(Moving(SEE_ALL, sum(statuses.values()) - overdue[0], "request", "requests"),),
        behind=behind(),
        behind_right=SEE_ALL,
    )


def _list(tab: str) -> str:
    return f"{reverse('approvals:list')}?tab={tab}"


def _statuses() -> dict[str, int]:
    rows = ApprovalRequest.objects.filter(status__in=OPEN).order_by().values("status")
    return dict(rows.annotate(number=Count("*")).values_list("status", "number"))


def _overdue(now: datetime) -> tuple[int, ApprovalRequest | None]:
    """How many, and the one that has waited longest."""
    rows = ApprovalRequest.objects.filter(Q(is_escalated=True) | Q(due_at__lte=now), status=ApprovalStatus.PENDING)
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
    return [Need(SEE_ALL, "approvals-late", title, words, _list("all"), "Open list", icon="clock", label="Late")]


def _stuck(starting: int, now: datetime) -> list[Need]:
    if not starting:
        return []
    rows = ApprovalRequest.objects.filter(status=ApprovalRequest.STARTING, submitted_at__lt=now - STARTS_WITHIN)
    if not (stuck := rows.count()):
        return []
    title = f"{counted(stuck, 'request').capitalize()} {'has' if stuck == 1 else 'have'} not begun yet"
    words = [text("Taken and kept; they begin by themselves once Temporal and a worker answer.")]
    return [Need(SEE_ALL, "approvals-starting", title, words, _list("all"), mark=BAD, label="Stuck")]


def _decisions(days: tuple[int, ...], overdue: int) -> Figure:
    note = f"{overdue:,} overdue" if overdue else "None overdue"
    return Figure(SEE_ALL, "decisions", "Decisions today", days[-1], note, _list("all"), days)


def _funnel(statuses: dict[str, int], decided: int) -> Funnel:
    waiting = statuses.get(ApprovalStatus.PENDING, 0) + statuses.get(ApprovalRequest.STARTING, 0)
    steps = (
        FunnelStep("To be decided", waiting, _list("all"), "idle"),
        FunnelStep("Changes asked for", statuses.get(ApprovalStatus.CHANGES_REQUESTED, 0), _list("all"), "warn"),
        FunnelStep("Decisions today", decided, _list("all"), "ok"),
    )
    return Funnel(SEE_ALL, "approvals", "Approvals", _list("all"), steps)


def _mails(now: datetime) -> Sign:
    waiting = ApprovalMail.objects.filter(
        sent_at=None,
        request__updated_at__lt=now - MAIL_WAITS_AFTER,
        request__updated_at__gt=now - MAIL_FORGOTTEN_AFTER,
    ).count()
    words = f"{waiting:,} being tried again" if waiting else "All sent"
    return Sign("Mails of approvals", words, "warn" if waiting else "move", right=SEE_ALL)


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
        Figure(TAKE_PART, "my-decisions", "Decided by you today", days[-1], "", _list("decided"), days),
        Figure(TAKE_PART, "my-requests", "Asked by you, still open", asked, "", _list("requested")),
    )
