"""What somebody opens from a mail, without log-in: one click and no more of it, or all that they want to hear of.

The signed link is the key, so no cookie is asked for or set, and CSRF's would prove nothing: whoever can make the POST has
the link. Opening a page changes nothing, because mail servers open links to look at them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.contract import TRANSACTIONAL
from campaigns.gateway import own_wishes
from campaigns.gateway.own_wishes import EVERYTHING, OwnChanges, OwnWishes
from campaigns.gateway.problems import CampaignProblem, InvalidRequest, Unavailable
from campaigns.public_forms import WishesForm
from campaigns.unsubscribe import BadLink, Purpose, link_for, read_link
from campaigns.wish_words import history_lines, toggle_lines, toggle_words, told_lines

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

log = structlog.get_logger(__name__)


def for_strangers(view: View[P]) -> View[P]:
    """Kept by no cache and no search engine; the link goes to no other site, not even as a referrer."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        # A form on a page without referrer is sent with "Origin: null": one more reason why CSRF is not asked here.
        response["Referrer-Policy"] = "no-referrer"
        return response

    return guarded


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@for_strangers
def unsubscribe(request: HttpRequest, signed: str) -> HttpResponse:
    """``POST /webhooks/email/unsubscribe/<signed>``, RFC 8058. Whatever the POST's body: it is never read.

    200 when it is in the database, the first time and every time after; 404 for a bad link; 503 to send it again.
    """
    try:
        wish = read_link(signed)
    except BadLink:
        return _bad_link(request)
    words = toggle_words((wish.channel, wish.category))
    context = {"words": words, "keeps_transactional": wish.category not in ("", TRANSACTIONAL)}
    if request.method != "POST":
        return render(request, "campaigns/public_unsubscribe.html", context)
    try:
        own_wishes.unsubscribe(wish)
    except DatabaseError:
        log.exception("unsubscribe_not_stored")
        closed = {"title": "That did not work", "words": "Nothing was changed. Press again in a moment."}
        response = render(request, "campaigns/public_closed.html", closed, status=503)
        response["Retry-After"] = "5"
        return response
    done = {**context, "is_done": True, "preferences": link_for(wish, Purpose.PREFERENCES)}
    return render(request, "campaigns/public_unsubscribe.html", done)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@for_strangers
def preferences(request: HttpRequest, signed: str) -> HttpResponse:
    """What somebody wants to hear of, and their changes of it."""
    try:
        wish = read_link(signed, Purpose.PREFERENCES)
    except BadLink:
        return _bad_link(request)
    wishes = own_wishes.read_wishes(wish)
    if request.method != "POST":
        return _draw(request, wishes, WishesForm(wishes=wishes))
    form = WishesForm(request.POST, wishes=wishes)
    changes = _changes(request, form)
    if changes is None:
        form.show_again(keep_key=False)
        return _draw(request, wishes, form, status=422)
    try:
        answer = own_wishes.change_wishes(wish, changes, key=form.key)
    except CampaignProblem as problem:
        if isinstance(problem, InvalidRequest):
            form.blame(problem.field, problem.detail)
        form.show_again(keep_key=False)
        status = 422 if isinstance(problem, InvalidRequest) else 429
        return _draw(request, own_wishes.read_wishes(wish), form, status=status, problem=problem.detail)
    told = told_lines(answer, changes.words)
    wishes = own_wishes.read_wishes(wish)
    if answer.problem is not None:
        form.show_again(keep_key=True)
        return _draw(request, wishes, form, status=503, told=told, unavailable=answer.problem)
    return _draw(request, wishes, WishesForm(wishes=wishes), told=told, is_saved=True)


def _changes(request: HttpRequest, form: WishesForm) -> OwnChanges | None:
    """What the pressed button stands for; None when the form cannot be meant."""
    choice = request.POST.get("choice", "")
    is_valid = form.is_valid()
    if choice == "nothing":
        return OwnChanges(less=[EVERYTHING])
    if choice == "again":
        return OwnChanges(more=[EVERYTHING] if EVERYTHING in form.wishes.opt_outs else [])
    if not form.wishes.is_known:
        return OwnChanges()
    return form.changes() if is_valid else None


def _draw(
    request: HttpRequest,
    wishes: OwnWishes,
    form: WishesForm,
    *,
    status: int = 200,
    told: list[str] | None = None,
    is_saved: bool = False,
    problem: str = "",
    unavailable: Unavailable | None = None,
) -> HttpResponse:
    context = {
        "wishes": wishes,
        "form": form,
        "lines": toggle_lines(wishes),
        "wanted": set(form.sent("wanted")) if form.is_bound else None,
        "is_out": EVERYTHING in wishes.opt_outs,
        "history": history_lines(wishes.history),
        "told": told or [],
        "is_saved": is_saved,
        "problem": problem,
        "unavailable": unavailable,
    }
    response = render(request, "campaigns/public_preferences.html", context, status=status)
    if unavailable is not None:
        response["Retry-After"] = str(unavailable.retry_after)
    return response


def _bad_link(request: HttpRequest) -> HttpResponse:
    words = "Perhaps it was cut off in the mail. Try to copy all of it."
    context = {"title": "This link does not work.", "words": words}
    return render(request, "campaigns/public_closed.html", context, status=404)
