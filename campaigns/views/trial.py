"""Before a launch: what it would come to, and how the message reads for one contact."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns import gateway
from campaigns.gateway.rights import SEE_CAMPAIGNS, SEE_CONTACTS, seen_campaign
from campaigns.presentation import trial_of
from campaigns.presentation.mail_styles import allowed_styles
from campaigns.views.viewer import user_of
from dashboard.access import requires
from dashboard.problem_answers import answers_problems

# A mail styles itself; everything else that a page may do, this one may not, and it is nobody's origin.
MAIL_ONLY = {
    "default-src": ["'none'"],
    "img-src": ["data:"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": True,
}
# What mail programs give a mail that says nothing of its letters; what it says itself goes before.
AS_SHOWN = "<style>body{font:15px/1.5 Helvetica,Arial,sans-serif}</style>"


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def trial(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The dry run: nothing is reserved, and no actor is started."""
    found, problem = None, ""
    try:
        found = trial_of(gateway.dry_run(campaign_id, user=user_of(request)))
    except gateway.InvalidRequest as wrong:
        problem = wrong.detail
    row = seen_campaign(user_of(request), campaign_id)
    context: dict[str, Any] = {
        "nav": "campaigns",
        "trial": found,
        "problem": problem,
        "campaign_id": campaign_id,
        "name": row.name,
    }
    return _answer(request, "_trial", "trial", context, status=422 if problem else 200)


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def preview(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The message as ``?user_id=`` would get it; as the first of the audience would, without."""
    user = user_of(request)
    row = seen_campaign(user, campaign_id)
    user_id = request.GET.get("user_id", "").strip()[:64] or gateway.first_recipient(campaign_id, user=user)
    found, problem = None, ""
    try:
        found = gateway.preview(campaign_id, user=user, user_id=user_id) if user_id else None
    except (gateway.InvalidRequest, gateway.ContactNotFound) as wrong:
        if isinstance(wrong, gateway.ContactNotFound) and not user.has_perm(SEE_CONTACTS):
            raise
        problem = wrong.detail
    context: dict[str, Any] = {
        "nav": "campaigns",
        "campaign_id": campaign_id,
        "name": row.name,
        "user_id": user_id,
        "message": found,
        "problem": problem,
    }
    return _answer(request, "_preview", "preview", context, status=422 if problem else 200)


@require_safe
@never_cache
@requires(SEE_CAMPAIGNS, hidden_without=SEE_CAMPAIGNS)
@answers_problems
def preview_html(request: HttpRequest, campaign_id: str, user_id: str) -> HttpResponse:
    """The mail itself, for the frame of the preview: it runs nothing, loads nothing and belongs to nobody."""
    try:
        message = gateway.preview(campaign_id, user=user_of(request), user_id=user_id)
    except gateway.InvalidRequest as wrong:
        return HttpResponse(wrong.detail, status=422, content_type="text/plain; charset=utf-8")
    html = message.html if "<!doctype" in message.html[:100].lower() else AS_SHOWN + message.html
    response = HttpResponse(html, content_type="text/html; charset=utf-8")
    response["X-Frame-Options"] = "SAMEORIGIN"
    # What django-csp's decorator does; the middleware's policy is for pages.
    response._csp_config = {**MAIL_ONLY, "style-src": allowed_styles(html)}  # type: ignore[attr-defined]
    return response


def _answer(request: HttpRequest, fragment: str, page: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    htmx = getattr(request, "htmx", None)
    template = fragment if htmx else page
    # A fragment that says what is wrong has done its work; htmx would throw a 422 from a reading away.
    return render(request, f"campaigns/{template}.html", context, status=200 if htmx else status)
