"""The inbox: what waits for somebody, what they asked for, and what they have decided."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals.counts import inbox_counts
from approvals.listing import AMOUNTS, TABS, WAITING, Listing, page_of
from approvals.presentation import KINDS
from approvals.projection import COUNTER
from approvals.views.rights import takes_part
from approvals.views.viewer import user_of
from dashboard.access import is_fragment
from dashboard.keyed_forms import new_key
from temporal_worker.models import ChangeCounter


@require_safe
@never_cache
@takes_part
def inbox(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    sees_all = user.has_perm("approvals.view_all_requests")
    listing = Listing.read(request.GET.dict(), sees_all=sees_all)
    groups = list(user.groups.values_list("name", flat=True))
    # The counter is read before the rows, so that nothing falls between the two.
    change = ChangeCounter.read().get(COUNTER, 0)
    counts = inbox_counts(user.username, groups)
    page = page_of(listing, user.username, groups, counts)
    tabs = [(name, words, listing.url(tab=name), getattr(counts, name, None)) for name, words in TABS.items()]
    context = {
        "nav": "approvals",
        "listing": listing,
        "counts": counts,
        "page": page,
        "tabs": tabs,
        "waits": listing.tab in WAITING,
        "kinds": KINDS,
        "kind_word": KINDS.get(listing.kind, ""),
        "amounts": [(name, words) for name, (words, _, _) in AMOUNTS.items()],
        "amount_word": AMOUNTS[listing.amount][0] if listing.amount else "",
        "without_q": listing.url(q=""),
        "in_all": listing.url(tab="all") if listing.q and listing.tab != "all" else "",
        "without_kind": listing.url(kind=""),
        "without_amount": listing.url(amount=""),
        "narrowed": _narrowed(listing, user.username),
        "previous": listing.url(page=page.number - 1),
        "next": listing.url(page=page.number + 1),
        "here": listing.url(page=page.number),
        "change": change,
        "key": new_key(),
        "may_export": sees_all and user.has_perm("approvals.export_audit"),
    }
    template = "approvals/_inbox.html" if is_fragment(request) else "approvals/request_list.html"
    return render(request, template, context)


def _narrowed(listing: Listing, username: str) -> list[tuple[str, str, str, str]]:
    """The filters that the home page led to: name, value, words, the list without it."""
    words = listing.words
    if listing.decided:
        # One request may have been decided on by several today: what the home page counts is said beside it.
        number = listing.decisions_today(username).count()
        words["decided"] += f": {number:,} decision{'' if number == 1 else 's'}"
    return [(name, getattr(listing, name), said, listing.url(**{name: ""})) for name, said in words.items()]
