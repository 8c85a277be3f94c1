"""The send log of a campaign and its export, and the export of all that it has of one person."""

from collections.abc import Iterator
from typing import cast

import structlog
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.gateway.rights import EXPORT, SEE_CAMPAIGNS, SEE_CONTACTS, seen_campaign, seen_contact
from campaigns.log_listing import STATES, LogListing, csv_lines, csv_lines_of, log_page
from campaigns.presentation import row_of
from campaigns.views.viewer import user_of
from dashboard.access import requires
from dashboard.problem_answers import answers_problems

log = structlog.get_logger(__name__)


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def send_log(request: HttpRequest, campaign_id: str) -> HttpResponse:
    campaign = seen_campaign(user_of(request), campaign_id)
    listing = LogListing.read(request.GET.dict())
    context = {
        "nav": "campaigns",
        "row": row_of(campaign),
        "listing": listing,
        "page": log_page(campaign, listing),
        "states": STATES,
        "state_word": STATES.get(listing.state, ""),
        "without_state": listing.url(state=""),
        "without_reason": listing.url(reason=""),
        "without_user": listing.url(user_id=""),
        "newest": listing.url() if listing.before else "",
        "may_export": request.user.has_perm(EXPORT),
    }
    return render(request, "campaigns/send_log.html", context)


@require_safe
@never_cache
@requires(EXPORT, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def export(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The log as it is filtered, all of its pages, as CSV, streamed. The process's own log says who took it."""
    user = user_of(request)
    campaign = seen_campaign(user, campaign_id)
    lines = csv_lines(campaign, LogListing.read(request.GET.dict()))
    log.info("send_log_exported", campaign_id=campaign_id, by=user.username)
    return _as_csv(lines, campaign_id)


@require_safe
@never_cache
@requires(EXPORT, hidden_without=SEE_CONTACTS)
@answers_problems
def export_of_person(request: HttpRequest, user_id: str) -> HttpResponse:
    """Why they got what they got, of all campaigns and programs, as CSV, streamed."""
    user = user_of(request)
    contact = seen_contact(user, user_id)
    log.info("send_log_exported", user_id=contact.user_id, by=user.username)
    return _as_csv(csv_lines_of(contact.user_id), contact.user_id)


def _as_csv(lines: Iterator[str], what: str) -> HttpResponse:
    name = f"send-log-{what}-{timezone.now():%Y%m%d-%H%M%S}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
    return cast(HttpResponse, response)
