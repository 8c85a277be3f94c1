"""The demo's log-ins and API tokens. ``dashboard.auth`` and the API refuse them outside the demo."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from dashboard.auth import DEMO_PASSWORD
from dashboard.models import ApiToken
from dashboard.roles import ADMINISTRATORS, ENGINEERS, MARKETERS, OPERATIONS, STAFF, TRANSACTIONAL_SENDERS

# username: (first name, last name, groups). Groups come from ``dashboard.roles``.
DEMO_USERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "admin": ("Ada", "Lindholm", (ADMINISTRATORS, STAFF)),
    "ops": ("Oscar", "Paredes", (OPERATIONS, STAFF, ENGINEERS)),
    "marketer": ("Mina", "Rossi", (MARKETERS, TRANSACTIONAL_SENDERS, STAFF)),
    "employee": ("Emil", "Novak", (STAFF,)),
    "manager": ("Marta", "Kovács", (STAFF,)),
    "hr": ("Hanna", "Reyes", (STAFF,)),
    "director": ("Daniel", "Osei", (STAFF,)),
    "vp": ("Vera", "Petrov", (STAFF,)),
}


def demo_token(username: str) -> str:
    """The API token of a demo user."""
    return f"demo-{username}"


@transaction.atomic
def load_demo_users() -> None:
    """The users with their groups and tokens. A password that somebody has changed since stays changed."""
    password = make_password(DEMO_PASSWORD)  # once: the hash is meant to be slow
    for username, (first_name, last_name, groups) in DEMO_USERS.items():
        user, created = User.objects.get_or_create(
            username=username,
            defaults={
                "first_name": first_name,
                "last_name": last_name,
                "email": f"{username}@example.com",
                "is_staff": ADMINISTRATORS in groups,
                "password": password,
            },
        )
        if created:
            user.groups.set(Group.objects.filter(name__in=groups))
            ApiToken.issue(user, "demo", token=demo_token(username), is_demo=True)
