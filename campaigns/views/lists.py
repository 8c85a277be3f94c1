"""The list of campaigns."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.counts import list_counts
from campaigns.gateway.rights import EDIT, SEE_CAMPAIGNS, STOP_ALL
from campaigns.listing import TABS, Listing, page_of
from campaigns.models import Campaign
from campaigns.presentation import row_of
from campaigns.projection import COUNTER
from dashboard.access import requires
from temporal_worker.models import ChangeCounter


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
def campaign_list(request: HttpRequest) -> HttpResponse:
    listing = Listing.read(request.GET.dict())
    # The counter is read before the rows, so that nothing falls between the two.
    change = ChangeCounter.read().get(COUNTER, 0)
    counts = list_counts()
    page = page_of(listing)
    context = {
        "nav": "campaigns",
        "listing": listing,
        "counts": counts,
        "page": page,
        "rows": [(row_of(row), row.version) for row in page.campaigns],
        "tabs": [(name, words, listing.url(tab=name), getattr(counts, name)) for name, words in TABS.items()],
        "without_q": listing.url(q=""),
        "people_words": listing.people_words,
        "without_people": listing.url(people=""),
        "change": change,
        "shown": ",".join(row.campaign_id for row in page.campaigns),
        "newest": Campaign.objects.order_by("-pk").values_list("pk", flat=True).first() or 0,
        "may_edit": request.user.has_perm(EDIT),
        "may_stop": request.user.has_perm(STOP_ALL),
    }
    return render(request, "campaigns/campaign_list.html", context)
