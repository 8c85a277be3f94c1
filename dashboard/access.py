"""Who may open a page. Rights are Django permissions, held through groups; a fragment never asks, its view does."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from dashboard import health_watch

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def requires(permission: str, *, hidden_without: str = "") -> Callable[[View[P]], View[P]]:
    """The view is for who holds ``permission``; others get 403, or 404 when they lack ``hidden_without`` as well.

    Who is not logged in goes to the log-in page and comes back. A fragment sends the whole page there.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_login(request)
            if hidden_without and not request.user.has_perm(hidden_without):
                raise Http404
            if not request.user.has_perm(permission):
                raise PermissionDenied
            if not is_fragment(request):
                # The top bar shows it at the end of this request: looking it up meanwhile costs no waiting.
                health_watch.refresh()
            return view(request, *args, **kwargs)

        return checked

    return decorate


def logged_in(view: View[P]) -> View[P]:
    """For views that show each person what is theirs to see; whoever is not logged in goes to the log-in page and comes back."""

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_login(request)
        if not is_fragment(request):
            health_watch.refresh()
        return view(request, *args, **kwargs)

    return checked


def is_fragment(request: HttpRequest) -> bool:
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx)


def to_login(request: HttpRequest) -> HttpResponse:
    if not is_fragment(request):
        return redirect_to_login(request.get_full_path())
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    page = urlsplit(htmx.current_url_abs_path or "/")
    response = HttpResponse(status=204)
    target = urlencode({"next": page.path + (f"?{page.query}" if page.query else "")})
    response["HX-Redirect"] = f"{resolve_url(settings.LOGIN_URL)}?{target}"
    return response
