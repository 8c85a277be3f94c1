"""The latest of all requests' trails, for the home page of who may see every request."""

from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from approvals.contract import TrailKind
from approvals.models import TrailRow
from approvals.presentation.trail import icon_of
from approvals.presentation.words import BY_DOOR
from dashboard.home.parts import LATE_FOR, Event

SEE_ALL = "approvals.view_all_requests"
LATEST = 8
LOOKED_THROUGH = 40
UNTOLD = frozenset({TrailKind.LEVEL_OPENED, TrailKind.CALLER_TOLD, TrailKind.REMINDED})
"""What follows in the same second from what is shown."""


def latest_events() -> list[Event]:
    """By the order in which they came into the database. Two queries."""
    fields = ("at", "who", "door", "what", "text", "request__request_id", "request__title")
    newest = TrailRow.objects.order_by("-pk").select_related("request").only(*fields)
    told = [row for row in newest[:LOOKED_THROUGH] if row.what not in UNTOLD][:LATEST]
    people = User.objects.filter(username__in={row.who for row in told if row.who})
    names = {one.username: one.get_full_name() or one.username for one in people}
    return [_event(row, names) for row in told]


def _event(row: TrailRow, names: dict[str, str]) -> Event:
    by = BY_DOOR.get(row.door, "") if row.who and row.door not in ("web", "system") else ""
    who = names.get(row.who, row.who)
    return Event(
        right=SEE_ALL,
        key=f"trail-{row.pk}",
        at=row.at,
        subject=row.request.title,
        href=reverse("approvals:detail", args=[row.request.request_id]),
        text=f"{_words(row, who)} {by}".strip(),
        icon=icon_of(row.what),
        person=row.who,
        who=who,
        title=row.request.request_id,
    )


def _words(row: TrailRow, who: str) -> str:
    """``Ada Byron asked: A lamp.`` – without her name and the title, which both stand before it."""
    words = row.text.rstrip(".").removesuffix(f": {row.request.title.rstrip('.')}")
    for name in (who, row.who):
        for end in (" ", ", "):
            if name and words.startswith(name + end):
                return words.removeprefix(name + end)
    return words


def behind(now: datetime) -> float | None:
    """How long the last entry took to come into the lists, in seconds, if it was just now. One query."""
    last = TrailRow.objects.filter(saved_at__isnull=False).order_by("-pk").values_list("at", "saved_at").first()
    if last is None or last[1] is None or last[1] < now - LATE_FOR:
        return None
    return max(0.0, (last[1] - last[0]).total_seconds())
