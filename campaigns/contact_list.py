"""The list of contacts: searched, of one segment, and walked by id so that a million costs what fifty do."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from campaigns.models import Contact, OptOut, Segment
from temporal_worker.contract import InvalidField

PAGE = 50
MOST_COUNTED = 100_000
"""Beyond, a list says "more than": counting all of a search would read every contact for each page."""


@dataclass(frozen=True)
class Listing:
    q: str
    segment: int | None
    after: str
    before: str

    @classmethod
    def read(cls, asked: dict[str, str]) -> "Listing":
        def text(name: str) -> str:
            return asked.get(name, "").replace("\0", "").strip()[:200]

        segment = text("segment")
        is_number = segment.isascii() and segment.isdigit() and len(segment) < 10
        return cls(text("q"), int(segment) if is_number else None, text("after"), text("before"))

    def url(self, **changes: object) -> str:
        known = {"q": self.q, "segment": self.segment} | changes
        return "?" + urlencode({name: value for name, value in known.items() if value})


@dataclass(frozen=True)
class Line:
    contact: Contact
    is_out: bool
    """Out of everything."""
    has_opt_outs: bool


@dataclass(frozen=True)
class ContactPage:
    lines: list[Line]
    total: int
    found: int
    previous: str
    next: str
    segment: Segment | None
    problem: str = ""


def page_of(listing: Listing) -> ContactPage:
    """Five queries at most."""
    rows = Contact.objects.all()
    total = rows.count()
    segment = Segment.objects.filter(pk=listing.segment).first() if listing.segment else None
    if segment is not None:
        try:
            rows = segment.contacts(rows)
        except InvalidField as error:
            return ContactPage([], total, 0, "", "", segment, f"The segment cannot be used: {error}.")
    rows = searched(rows, listing.q)
    found = total if segment is None and not listing.q else rows[: MOST_COUNTED + 1].count()
    contacts, has_before, has_after = _slice(rows, listing)
    previous = listing.url(before=contacts[0].user_id) if contacts and has_before else ""
    following = listing.url(after=contacts[-1].user_id) if contacts and has_after else ""
    return ContactPage(_lines(contacts), total, found, previous, following, segment)


def searched(rows: "QuerySet[Contact]", q: str) -> "QuerySet[Contact]":
    for word in q.split()[:5]:
        found = (
            Q(user_id__icontains=word) | Q(name__icontains=word) | Q(email__icontains=word) | Q(phone__icontains=word)
        )
        rows = rows.filter(found)
    return rows


def _slice(rows: "QuerySet[Contact]", listing: Listing) -> tuple[list[Contact], bool, bool]:
    """One page, and whether there is something before and after it."""
    if listing.before:
        taken = list(rows.filter(user_id__lt=listing.before).order_by("-user_id")[: PAGE + 1])
        return taken[:PAGE][::-1], len(taken) > PAGE, True
    if listing.after:
        rows = rows.filter(user_id__gt=listing.after)
    taken = list(rows.order_by("user_id")[: PAGE + 1])
    return taken[:PAGE], bool(listing.after), len(taken) > PAGE


def _lines(contacts: list[Contact]) -> list[Line]:
    out: dict[str, set[tuple[str, str]]] = {}
    rows = OptOut.objects.filter(user_id__in=[contact.user_id for contact in contacts])
    for user_id, channel, category in rows.values_list("user_id", "channel", "category"):
        out.setdefault(user_id, set()).add((channel, category))
    return [Line(contact, ("", "") in out.get(contact.user_id, ()), contact.user_id in out) for contact in contacts]
