"""What holds back who tries passwords or tokens: django-axes by account and address, ours by address, and the API's by caller.

Nobody is locked out for ever, and nobody can lock out somebody else: it is the pair of account and address that waits, and
trying on meanwhile does not make the wait longer.
"""

import threading
from collections import Counter
from datetime import timedelta
from math import ceil
from time import monotonic
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja.throttling import BaseThrottle

from dashboard.accounts.addresses import address_of

WINDOW = 60.0
"""Seconds over which calls of the API are counted."""
MOST_CALLERS = 10_000
MAILS_PER_MINUTE = 5
"""Links for a new password that one address may ask for."""


def locked_out(request: HttpRequest, answer: Any, credentials: dict[str, Any] | None) -> HttpResponse:
    """Called by axes in place of the log-in page: this account is not to be tried from this address for a while."""
    tried = AccessAttempt.objects.filter(
        username=(credentials or {}).get("username"), ip_address=address_of(request)
    ).aggregate(last=Max("attempt_time"))["last"]
    return _wait(request, tried, "Too many passwords were wrong for this account from where you are.")


def sprayed(request: HttpRequest) -> HttpResponse | None:
    """The refusal for an address that has tried many accounts; None for others."""
    recent = AccessAttempt.objects.filter(
        ip_address=address_of(request), attempt_time__gt=timezone.now() - settings.AXES_COOLOFF_TIME
    ).aggregate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    if (recent["failures"] or 0) < settings.LOGIN_FAILURES_PER_ADDRESS:
        return None
    return _wait(request, recent["last"], "Too many passwords were wrong from where you are.")


def _wait(request: HttpRequest, since: Any, what: str) -> HttpResponse:
    from dashboard.views import too_many_page

    left: timedelta = (since or timezone.now()) + settings.AXES_COOLOFF_TIME - timezone.now()
    return too_many_page(request, what, max(1, ceil(left.total_seconds())))


class _Window:
    """Counts by caller for a minute, in this process: no cache and no database stands in the way of each call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._since = float("-inf")

    def add(self, who: str) -> int:
        with self._lock:
            now = monotonic()
            if now - self._since >= WINDOW or len(self._counts) > MOST_CALLERS:
                self._counts.clear()
                self._since = now
            self._counts[who] += 1
            return self._counts[who]

    def count(self, who: str) -> int:
        with self._lock:
            return self._counts[who] if monotonic() - self._since < WINDOW else 0

    def left(self) -> int:
        """Seconds until it begins anew."""
        return max(1, ceil(self._since + WINDOW - monotonic()))

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()


calls, bad_tokens, mails = _Window(), _Window(), _Window()


class PerCaller(BaseThrottle):
    """``API_CALLS_PER_MINUTE`` for each person whose token it is, in each web process."""

    def allow_request(self, request: HttpRequest) -> bool:
        return calls.add(str(request.user.pk)) <= settings.API_CALLS_PER_MINUTE

    def wait(self) -> float:
        return calls.left()


def may_try_token(request: HttpRequest) -> bool:
    """False for an address that has brought ``API_BAD_TOKENS_PER_MINUTE`` bad tokens in this minute."""
    return bad_tokens.count(str(address_of(request))) < settings.API_BAD_TOKENS_PER_MINUTE


def note_bad_token(request: HttpRequest) -> None:
    bad_tokens.add(str(address_of(request)))


def may_mail(request: HttpRequest) -> bool:
    """False for an address that has asked for ``MAILS_PER_MINUTE`` mails in this minute."""
    return mails.count(str(address_of(request))) < MAILS_PER_MINUTE


def note_mail(request: HttpRequest) -> None:
    mails.add(str(address_of(request)))
