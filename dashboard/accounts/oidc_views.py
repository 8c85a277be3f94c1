"""The library's two views, with what goes wrong said on the log-in page instead of an error."""

from typing import Any

import structlog
from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from jwt import PyJWTError
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView
from requests import RequestException

from dashboard.accounts.oidc_backend import setting
from dashboard.auth import BACKEND

_TROUBLE = (RequestException, PyJWTError, ValueError, KeyError)

log = structlog.get_logger(__name__)


class _Begin(OIDCAuthenticationRequestView):
    get_settings = staticmethod(setting)


class _Callback(OIDCAuthenticationCallbackView):
    def login_success(self) -> HttpResponse:
        self.user.backend = BACKEND  # from here on it is a session like any other
        answer: HttpResponse = super().login_success()
        return answer

    def login_failure(self) -> HttpResponse:
        return _sorry(self.request, "The log-in was not finished, or nobody here is known by what your provider says.")


def begin(request: HttpRequest) -> HttpResponse:
    try:
        return _Begin.as_view()(request)
    except _TROUBLE:
        log.exception("oidc_begin_failed")
        return _sorry(request, "The log-in service is out of reach. Try again in a moment.")


def callback(request: HttpRequest) -> HttpResponse:
    try:
        return _Callback.as_view()(request)
    except SuspiciousOperation as error:
        log.warning("oidc_refused", reason=str(error))
        return _sorry(request, "The answer of the log-in service could not be believed. Begin anew.")
    except _TROUBLE as error:
        # Not the traceback: what the library raises has the provider's answer in it.
        log.warning("oidc_failed", error=type(error).__name__)
        return _sorry(request, "The log-in service did not finish it. Try again in a moment.")


def _sorry(request: Any, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("login")
