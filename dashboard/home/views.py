"""The home page, the fragment of what waits for whoever looks, and the long poll for whoever has no socket."""

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import logged_in
from dashboard.home.frames import frames, rights_of
from dashboard.home.machinery import watch
from dashboard.home.personal import actions_of, personal_of
from dashboard.home.polling import long_poll_home
from dashboard.home.snapshots import snapshots


@require_safe
@never_cache
@logged_in
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's part is drawn already, most of the time; what is personal takes a few queries."""
    user = cast("User", request.user)
    snapshot = snapshots.current()
    rights = rights_of(user)
    frame = frames.of(snapshot, watch.current(), rights)
    actions = actions_of(user)
    context = {
        "nav": "home",
        "pieces": frame.pieces,
        "seen": frame.digest,
        "mine": personal_of(user, snapshot.at),
        "actions": actions,
        "sees_something": bool(rights or actions),
    }
    return render(request, "home/home.html", context)


@require_safe
@never_cache
@logged_in
def mine(request: HttpRequest) -> HttpResponse:
    """What waits for this person now."""
    user = cast("User", request.user)
    return render(request, "home/_mine.html", {"mine": personal_of(user, timezone.now())})


@require_safe
@never_cache
async def live(request: HttpRequest) -> HttpResponse:
    """What has changed since ``?after=``: for browsers whose socket is lost."""
    return await long_poll_home(request)
