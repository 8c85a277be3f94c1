"""Log-in. Roles are Django groups; the demo's accounts exist only while the demo runs."""

from typing import Any

from axes.backends import AxesBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import connection
from django.http import HttpRequest

BACKEND = "dashboard.auth.Backend"
"""The one that knows rights; others only log in."""
DEMO_USERNAMES = ("admin", "ops", "marketer", "employee", "manager", "hr", "director", "vp")
DEMO_PASSWORD = "demo"  # noqa: S105 - printed on the demo's log-in page


def is_demo_password(user: AbstractBaseUser, password: str) -> bool:
    """Whether this is one of the demo's log-ins: a demo name with the password that everybody knows."""
    return user.get_username() in DEMO_USERNAMES and password == DEMO_PASSWORD


# Asked on every request. As a queryset it takes ten times as long, nearly all of it to put this text together.
_RIGHTS = """
    SELECT kind.app_label, held.codename
    FROM auth_permission held JOIN django_content_type kind ON kind.id = held.content_type_id
    WHERE held.id IN (
        SELECT permission_id FROM auth_user_user_permissions WHERE user_id = %s
        UNION ALL
        SELECT of_group.permission_id
        FROM auth_group_permissions of_group JOIN auth_user_groups mine ON mine.group_id = of_group.group_id
        WHERE mine.user_id = %s
    )
"""


class Backend(AxesBackend):
    """Django's own, held back by axes, which refuses the demo's password outside the demo, and reads all rights of a person in
    one query and their profile with themselves.

    Sessions opened in the demo end with it too: they are bound to its ``SECRET_KEY``, which is refused elsewhere.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:  # somebody comes another way
            return None
        if request is not None:  # a program on this machine has no address
            super().authenticate(request, username=username, password=password, **kwargs)
        user = ModelBackend.authenticate(self, request, username=username, password=password, **kwargs)
        if user is not None and not settings.DEMO and is_demo_password(user, password or ""):
            return None
        return user

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.select_related("profile").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Django asks for the person's own rights and for those of their groups one after the other, on every request."""
        if obj is not None or not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):  # Django's own name: it clears or reads this one too
            with connection.cursor() as cursor:
                cursor.execute(_RIGHTS, [user_obj.pk, user_obj.pk])
                user_obj._perm_cache = {f"{app}.{codename}" for app, codename in cursor.fetchall()}
        return user_obj._perm_cache
