"""Whose a session is: the same answer for pages, polls and sockets, also while ``SECRET_KEY`` is being changed.

Django's own look-up ends a session that it does not believe, and gives one of an old key a new key of its own; Channels' own
ends that one too. Where the answer carries no cookie, or a late one, either logs out whoever has a page open.
"""

from typing import Any

from channels.auth import AuthMiddleware
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject


def hashes_of(user: User) -> set[str]:
    """Those that a session of theirs may have: by ``SECRET_KEY``, and by each of ``SECRET_KEY_FALLBACKS``."""
    return {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}


def user_of(session: SessionBase) -> User | None:
    """Who is logged in by it. Changes nothing: what is nobody's any more, the next page ends."""
    backend, user_id = session.get(auth.BACKEND_SESSION_KEY), session.get(auth.SESSION_KEY)
    if user_id is None or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user: User | None = auth.load_backend(backend).get_user(User._meta.pk.to_python(user_id))
    kept = session.get(auth.HASH_SESSION_KEY, "")
    if user is None or not any(constant_time_compare(kept, each) for each in hashes_of(user)):
        return None
    return user


class PageUser(AuthenticationMiddleware):
    """Django's own, except that a session keeps its key when ``SECRET_KEY`` gets a new one: its other pages stay open."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user_of_page(request))  # type: ignore[assignment]


class SocketUser(AuthMiddleware):
    async def resolve_scope(self, scope: dict[str, Any]) -> None:
        scope["user"]._wrapped = await database_sync_to_async(user_of)(scope["session"]) or AnonymousUser()


def _user_of_page(request: HttpRequest) -> User | AnonymousUser:
    user = user_of(request.session)
    if user is None:
        found: User | AnonymousUser = auth.get_user(request)  # it ends what is nobody's
        return found
    # From now on it does without the old key.
    if request.session[auth.HASH_SESSION_KEY] != (today := user.get_session_auth_hash()):
        request.session[auth.HASH_SESSION_KEY] = today
    return user
