"""The search's page and what stands under its box while somebody types."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import logged_in
from dashboard.search.findings import Asked
from dashboard.search.reading import IN_THE_BOX, ON_THE_PAGE, Found, page_of, search

PLACES = {"top", "menu"}
"""Where on a page the box stands; each has its own ids."""


@require_safe
@never_cache
@logged_in
def page(request: HttpRequest) -> HttpResponse:
    """An id, or a workflow's id, leads straight to what it names."""
    user, asked = _user(request), Asked.read(request.GET.get("q", ""))
    if asked.text and (url := page_of(user, asked)):
        return HttpResponseRedirect(url)
    found = search(user, asked, ON_THE_PAGE)
    return render(request, "search/results.html", {"asked": asked, "found": found, "nav": "search"})


@require_safe
@never_cache
@logged_in
def suggestions(request: HttpRequest) -> HttpResponse:
    """What fits, for the list under the box; empty for a text that names too little."""
    place = request.GET.get("place", "")
    asked = Asked.read(request.GET.get("q", ""))
    found = search(_user(request), asked, IN_THE_BOX) if asked.is_enough else Found()
    context = {"asked": asked, "found": found, "place": place if place in PLACES else "top"}
    return render(request, "search/_suggestions.html", context)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
