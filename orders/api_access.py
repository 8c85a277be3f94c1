"""Who calls the API, and whether they may: asked before the body is looked at, so that nobody learns from its errors."""

import hashlib
import json
import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.errors import AuthorizationError, HttpError
from ninja.security import HttpBearer
from ninja.utils import check_csrf
from pydantic import BaseModel

from orders import gateway
from orders.contract import By, Door
from orders.models import Order, RequestKey
from orders.tokens import user_of_token

SEE = "orders.view_order"
ACT = "orders.operate_order"


class ApiToken(HttpBearer):
    """``Authorization: Bearer <token>``, or the session of the browser together with its CSRF token.

    A request that names an order which its sender may not see gets 404, as if there were none.
    """

    openapi_description = (
        "A token belongs to a user and has that user's rights. A logged-in browser may use its session instead; "
        "changing calls then need the X-CSRFToken header."
    )

    def __init__(self, permission: str) -> None:
        super().__init__()
        self.permission = permission

    def __call__(self, request: HttpRequest) -> User | None:
        user = self._user(request)
        if user is None:
            return None
        request.user = user
        self._check_rights(request, user)
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            # Django itself goes by the Content-Length, which a chunked body does not have.
            raise RequestDataTooBig
        return user

    def _user(self, request: HttpRequest) -> User | None:
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.strip().partition(" ")
            return self.authenticate(request, token.strip()) if scheme.lower() == self.openapi_scheme else None
        if isinstance(request.user, AnonymousUser):
            return None
        # Read here: looking for the CSRF token in a form would use the body up.
        _ = request.body
        if check_csrf(request):
            raise AuthorizationError(message="The session needs the CSRF token in the X-CSRFToken header.")
        return request.user

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return user_of_token(token)

    def _check_rights(self, request: HttpRequest, user: User) -> None:
        order_id = request.resolver_match.kwargs.get("order_id") if request.resolver_match else None
        if order_id is not None and not user.has_perm(SEE):
            raise HttpError(404, f"There is no order {order_id}.")
        if user.has_perm(SEE) and user.has_perm(self.permission):
            return
        if order_id is not None and not Order.objects.filter(order_id=order_id).exists():
            raise HttpError(404, f"There is no order {order_id}.")
        raise AuthorizationError(message="You may not do this: it needs a right that you do not have.")


def caller(request: HttpRequest) -> By:
    return By(request.user.get_username(), Door.API)


def claim_key(request: HttpRequest, key: str | None, body: BaseModel) -> str:
    """The idempotency key to go on with: the caller's own, which from now on stands for this request, or a random one.

    Raises:
        gateway.KeyReused: it stands for another one already.
    """
    if key is None:
        return str(uuid.uuid4())
    asked: list[Any] = [request.method, request.path, body.model_dump(mode="json")]
    request_hash = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    row, _ = RequestKey.objects.get_or_create(
        user=cast(User, request.user), key=key, defaults={"request_hash": request_hash}
    )
    if row.request_hash != request_hash:
        raise gateway.KeyReused
    return key
