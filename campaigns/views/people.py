"""Finding a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.contract import Channel
from campaigns.inspector.words import channel_phrase, several
from campaigns.models import Contact, OptOut, SendLog
from campaigns.models.words import COUNTED
from dashboard.access import requires

PAGE_SIZE = 25
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class PersonRow:
    """What is known of somebody without asking their actor. ``sent`` is in the last 24 hours, of whatever kind."""

    user_id: str
    name: str
    email: str
    zone: str
    mark: str
    word: str
    sent: int
    last_at: datetime | None


@require_safe
@never_cache
@requires("campaigns.view_contact")
def people(request: HttpRequest) -> HttpResponse:
    """Pages go by the id that the one before ended with: a page is as quick at the end of a million as at the beginning."""
    q = _line(request.GET.get("q", ""))
    after = _line(request.GET.get("after", ""))
    found = list(found_by(q).filter(user_id__gt=after)[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    context = {
        "nav": "people",
        "q": q,
        "after": after,
        "rows": rows_of(shown),
        "total": Contact.objects.count(),
        "first": f"?{urlencode({'q': q})}" if q else "?",
        "next": f"?{urlencode({'q': q, 'after': shown[-1].user_id})}" if len(found) > PAGE_SIZE else "",
    }
    return render(request, "campaigns/people_list.html", context)


def _line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:LONGEST_SEARCH]


def found_by(q: str) -> QuerySet[Contact]:
    """Those in whose id, name or address each word is."""
    found = Contact.objects.order_by("user_id")
    for word in q.split():
        name = word.removeprefix("user-actor-")
        found = found.filter(Q(user_id__icontains=name) | Q(name__icontains=word) | Q(email__icontains=word))
    return found


def rows_of(contacts: list[Contact]) -> list[PersonRow]:
    """Three queries for a page."""
    user_ids = [contact.user_id for contact in contacts]
    now = timezone.now()
    log = SendLog.objects.filter(user_id__in=user_ids, outcome__in=COUNTED, is_test=False).order_by()
    recent = log.filter(at__gt=now - timedelta(hours=24))
    sent = dict(recent.values_list("user_id").annotate(number=Count("pk")))
    last = dict(log.values_list("user_id").annotate(at=Max("at")))
    out: dict[str, set[str]] = {}
    for user_id, channel in OptOut.objects.filter(user_id__in=user_ids, category="").values_list("user_id", "channel"):
        out.setdefault(user_id, set()).add(channel)
    return [
        _row(one, sent.get(one.user_id, 0), last.get(one.user_id), out.get(one.user_id, set()), now) for one in contacts
    ]


def _row(contact: Contact, sent: int, last_at: datetime | None, out: set[str], now: datetime) -> PersonRow:
    mark, word = _reach(contact, out, now)
    return PersonRow(contact.user_id, contact.name, contact.email, contact.time_zone, mark, word, sent, last_at)


def _reach(contact: Contact, out: set[str], now: datetime) -> tuple[str, str]:
    if contact.erased_at is not None:
        return "ended", "Erased"
    if contact.suppressed_reason:
        return "bad", "Suppressed"
    if "" in out:
        return "ended", "Opted out"
    open_ones = [
        channel.value
        for channel in Channel
        if channel not in out and not contact.is_suppressed(channel) and contact.address_for(channel)
    ]
    if not open_ones:
        return "bad", "Nothing"
    if contact.paused_until is not None and contact.paused_until > now:
        return "idle", "Paused"
    words = several([channel_phrase(channel) for channel in open_ones])
    return "ok", f"{words[:1].upper()}{words[1:]}"
