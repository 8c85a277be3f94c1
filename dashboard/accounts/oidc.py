"""Log-in by OpenID Connect: off, and without its library, until ``OIDC_ISSUER`` is set.

The library does state, nonce, PKCE and the signature; what it leaves to us is who the token is from and for whom (``iss``,
``aud``), and who of ours it means. Where the provider's parts are, its own discovery document says.
"""

from functools import wraps
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import View

DISCOVERED_FOR = 3600.0
"""Seconds for which the provider's document is believed."""

log = structlog.get_logger(__name__)
_found: dict[str, tuple[float, dict[str, Any]]] = {}


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER)


def provider() -> dict[str, Any]:
    """What the provider says about itself. Raises ``requests.RequestException`` or ``ValueError``."""
    import requests

    issuer = settings.OIDC_ISSUER
    until, document = _found.get(issuer, (float("-inf"), {}))
    if monotonic() > until:
        answer = requests.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=settings.OIDC_TIMEOUT)
        answer.raise_for_status()
        document = answer.json()
        if document.get("issuer") != issuer:
            raise ValueError(f"OIDC_ISSUER is {issuer}, but what answers there calls itself {document.get('issuer')}.")
        _found[issuer] = (monotonic() + DISCOVERED_FOR, document)
    return document


def _only_if_on(view: View[[]]) -> View[[]]:
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if not is_on():
            raise Http404
        return view(request)

    return require_safe(never_cache(checked))


@_only_if_on
def begin(request: HttpRequest) -> HttpResponse:
    """To the provider."""
    from dashboard.accounts.oidc_views import begin

    return begin(request)


@_only_if_on
def callback(request: HttpRequest) -> HttpResponse:
    """Back from it."""
    from dashboard.accounts.oidc_views import callback

    return callback(request)


def log_out_url(request: HttpRequest) -> str:
    """Where to send a browser whose session came from the provider, so that it is logged out there too; else nothing."""
    token = request.session.get("oidc_id_token")
    if not (is_on() and token):
        return ""
    try:
        ends_at = provider().get("end_session_endpoint", "")
    except Exception:
        log.exception("oidc_discovery_failed")
        return ""
    back = f"{settings.BASE_URL}/accounts/login/"
    asked = {"id_token_hint": token, "post_logout_redirect_uri": back, "client_id": settings.OIDC_RP_CLIENT_ID}
    return f"{ends_at}?{urlencode(asked)}" if ends_at else ""
