"""Who calls the API, of whatever area, and whether they may: asked before the body is looked at (its errors tell things)."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Annotated, Any, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja import Header
from ninja.errors import AuthorizationError, Throttled
from ninja.security import HttpBearer
from ninja.utils import check_csrf
from pydantic import BaseModel

from dashboard.accounts.throttle import bad_tokens, may_try_token, note_bad_token
from dashboard.models import RequestKey
from dashboard.tokens import user_of_token
from temporal_worker.contract import By, Door
from temporal_worker.problems import KeyReused

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,200}$",
        description="Any text of your own, for instance a UUID. Repeat a call with the same key and the same body as often "
        "as you like: it is done once. Without a key each call is another one.",
    ),
]


class ApiToken(HttpBearer):
    """``Authorization: Bearer <token>``, or the session of the browser together with its CSRF token.

    Each area says by ``check_rights`` who may: whatever its sender may not see gets 404, as if there were none.
    """

    openapi_description = (
        "A token belongs to a user and has that user's rights. A logged-in browser may use its session instead; "
        "changing calls then need the X-CSRFToken header."
    )

    def __init__(self, check_rights: Callable[[HttpRequest, User], None]) -> None:
        """``check_rights`` raises :class:`AuthorizationError` for 403, or :class:`HttpError` for 404."""
        super().__init__()
        self.check_rights = check_rights

    def __call__(self, request: HttpRequest) -> User | None:
        user = self._user(request)
        if user is None:
            return None
        request.user = user
        self.check_rights(request, user)
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            # Django itself goes by the Content-Length, which a chunked body does not have.
            raise RequestDataTooBig
        return user

    def _user(self, request: HttpRequest) -> User | None:
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.strip().partition(" ")
            if not may_try_token(request):
                raise Throttled(bad_tokens.left())
            user = self.authenticate(request, token.strip()) if scheme.lower() == self.openapi_scheme else None
            if user is None:
                note_bad_token(request)
            return user
        if isinstance(request.user, AnonymousUser):
            return None
        # Read here: looking for the CSRF token in a form would use the body up.
        _ = request.body
        if check_csrf(request):
            raise AuthorizationError(message="The session needs the CSRF token in the X-CSRFToken header.")
        return request.user

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return user_of_token(token)


def caller(request: HttpRequest) -> By:
    return By(request.user.get_username(), Door.API)


def claim_key(request: HttpRequest, key: str | None, body: BaseModel) -> str:
    """The idempotency key to go on with: the caller's own, which from now on stands for this request, or a random one.

    Raises:
        KeyReused: it stands for another one already.
    """
    if key is None:
        return str(uuid.uuid4())
    asked: list[Any] = [request.method, request.path, body.model_dump(mode="json")]
    request_hash = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    row, _ = RequestKey.objects.get_or_create(
        user=cast(User, request.user), key=key, defaults={"request_hash": request_hash}
    )
    if row.request_hash != request_hash:
        raise KeyReused
    return key
