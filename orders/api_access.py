"""Who may call the orders' part of the API."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.errors import AuthorizationError, HttpError

from orders.models import Order

SEE = "orders.view_order"
ACT = "orders.operate_order"


def may(permission: str) -> Callable[[HttpRequest, User], None]:
    """403 for who lacks ``permission``; a request that names an order which its sender may not see gets 404."""

    def check_rights(request: HttpRequest, user: User) -> None:
        order_id = request.resolver_match.kwargs.get("order_id") if request.resolver_match else None
        if order_id is not None and not user.has_perm(SEE):
            raise HttpError(404, f"There is no order {order_id}.")
        if user.has_perm(SEE) and user.has_perm(permission):
            return
        if order_id is not None and not Order.objects.filter(order_id=order_id).exists():
            raise HttpError(404, f"There is no order {order_id}.")
        raise AuthorizationError(message="You may not do this: it needs a right that you do not have.")

    return check_rights
