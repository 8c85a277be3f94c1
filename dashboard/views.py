"""The shell's own pages: where you land, how the parts are, and what is said when something went wrong."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import LoginView, redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import Resolver404, resolve
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.access import is_fragment, to_login
from dashboard.accounts.oidc import is_on
from dashboard.accounts.throttle import sprayed
from dashboard.auth import DEMO_USERNAMES
from dashboard.health import check_all
from dashboard.home.failing import failing_list
from dashboard.home.machinery import watch

# What the log-in page calls the place that you go on to, by the first part of its address.
_PLACES = {
    "orders": "Orders",
    "approvals": "Approvals",
    "campaigns": "Campaigns",
    "admin": "Configuration",
    "api": "the API's documentation",
    "health": "Health",
}


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """How the parts are, for people."""
    if not request.user.is_authenticated:
        return to_login(request)
    failing = failing_list(watch.current(), request.user)
    return render(request, "health.html", {"checks": check_all(), "failing": failing, "nav": "health"})


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")  # Django takes a PUT for a POST
class LogIn(LoginView):
    """Django's own, which says where you go on to and, in the demo, whom you can be."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return sprayed(request) or super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        context = super().get_context_data(**kwargs)
        demo = DEMO_USERNAMES if settings.DEMO else ()
        provider = settings.OIDC_NAME if is_on() else ""
        return {**context, "place": self._place(), "demo_usernames": demo, "provider": provider}

    def _place(self) -> str:
        """The name of the page in ``next``; nothing for an address that is not ours."""
        target = self.get_redirect_url()
        if not target or not url_has_allowed_host_and_scheme(target, allowed_hosts={self.request.get_host()}):
            return ""
        address = target.split("?")[0]
        try:
            match = resolve(address)
        except Resolver404:
            return ""
        if "order_id" in match.kwargs:
            return f"order {match.kwargs['order_id']}"
        return _PLACES.get(address.strip("/").split("/")[0], "")


def unavailable_page(request: HttpRequest, detail: str, retry_after: int, *, template: str = "") -> HttpResponse:
    """503: what is asked for cannot be had now; trying again is safe. ``template`` says it better than ``503.html``."""
    response = _problem(request, 503, template=template, detail=detail)
    response["Retry-After"] = str(retry_after)
    return response


def too_many_page(request: HttpRequest, what: str, seconds: int) -> HttpResponse:
    """429: it was tried too often; says when to try again."""
    minutes = -(-seconds // 60)
    wait = f"Try again in {minutes} minutes." if minutes > 1 else f"Try again in {seconds} seconds."
    response = _problem(request, 429, detail=f"{what} {wait} Nothing was changed.")
    response["Retry-After"] = str(seconds)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's page is opened again, where ``drafts.js`` has kept what was typed; by the log-in where that is needed."""
    page = _page_of_form(request)
    # A session that has ended has left its cookie; whoever never had one fills in a page that is for everybody.
    had_session = is_fragment(request) or settings.SESSION_COOKIE_NAME in request.COOKIES
    is_log_in = request.path == resolve_url(settings.LOGIN_URL)
    if had_session and not is_log_in and hasattr(request, "user") and not request.user.is_authenticated:
        return to_login(request) if is_fragment(request) else redirect_to_login(page)
    return _problem(request, 403, template="403_csrf.html", reopened=page)


def _page_of_form(request: HttpRequest) -> str:
    """The address that the form was sent from; our own start page where the browser does not say, or says another site."""
    said = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    if not url_has_allowed_host_and_scheme(said, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return resolve_url("home")
    page = urlsplit(said)
    return page.path + (f"?{page.query}" if page.query else "")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _problem(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _problem(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _problem(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Stands by itself: what has failed may be what other pages are made of."""
    return render(None, "500.html", status=500)


def _problem(
    request: HttpRequest, status: int, *, template: str = "", detail: str = "", reopened: str = ""
) -> HttpResponse:
    """A page that says what happened and what to do; inside a dialog or a fragment only its words."""
    name = template or f"{status}.html"
    context = {"detail": detail, "reopened": reopened, "bare": is_fragment(request) or not hasattr(request, "user")}
    if context["bare"] or not request.user.is_authenticated:
        context["layout"] = "_problem_bare.html" if context["bare"] else "problem_out.html"
    else:
        context["layout"] = "problem.html"
    return render(request, name, context, status=status)
