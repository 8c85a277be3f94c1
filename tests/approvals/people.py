"""A small company: who reports to whom, and policies that need two of them."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User

from approvals.models import Employee, Policy, PolicyLevel
from dashboard.roles import STAFF
from tests.remembered import rows_of

NAMES = {
    "employee": ("Emil", "Novak"),
    "manager": ("Marta", "Kovács"),
    "hr": ("Hanna", "Reyes"),
    "director": ("Daniel", "Osei"),
    "vp": ("Vera", "Petrov"),
    "bo": ("Bo", "Nyman"),
    "outsider": ("Olga", "Pratt"),
}
MANAGERS = {"employee": "manager", "hr": "manager", "manager": "director", "director": "vp", "vp": "director"}


def hire() -> dict[str, User]:
    """The people by username; all may take part in approvals."""
    rows_of("people", _hire)
    people = User.objects.in_bulk(NAMES, field_name="username")
    return {username: people[username] for username in NAMES}


def _hire() -> None:
    staff = Group.objects.get(name=STAFF)
    people = {}
    for username, (first, last) in NAMES.items():
        user = User.objects.create_user(username, f"{username}@example.com", "secret", first_name=first, last_name=last)
        user.groups.add(staff)
        people[username] = user
    for username, manager in MANAGERS.items():
        Employee.objects.create(user=people[username], manager=people[manager])


def add_policy(kind: str, *levels: dict[str, Any], **more: Any) -> Policy:
    """A policy; each level is ``{"name", "users", "groups", "manager", …}``, further words are fields of the level."""
    policy = Policy.objects.create(kind=kind, **{"name": f"{kind} policy", "working_hours_only": False, **more})
    for position, words in enumerate(levels, start=1):
        users, groups = words.pop("users", ()), words.pop("groups", ())
        escalate_to = words.pop("escalate_to", ())
        level = PolicyLevel.objects.create(
            policy=policy, position=position, requesters_manager=words.pop("manager", False), **words
        )
        level.users.set(User.objects.filter(username__in=users))
        level.groups.set(Group.objects.filter(name__in=groups))
        level.escalate_to.set(User.objects.filter(username__in=escalate_to))
    return policy


def write_policies() -> None:
    """Leave → manager, then HR. Expenses below 1,000 → manager, below 10,000 → and director, from there → and VP."""
    people = User.objects.filter(username__in=NAMES).order_by("username").values_list("pk", flat=True)
    rows_of(("policies", *people), _write_policies)


def _write_policies() -> None:
    group, _ = Group.objects.get_or_create(name="People")
    group.user_set.add(User.objects.get(username="hr"))
    manager = {"name": "Manager", "manager": True}
    director, vp = {"name": "Director", "users": ["director"]}, {"name": "VP", "users": ["vp"]}
    add_policy("leave", dict(manager), {"name": "HR", "groups": ["People"]})
    add_policy("expense", dict(manager), max_amount_cents=100_000, name="small")
    add_policy(
        "expense", dict(manager), dict(director), min_amount_cents=100_000, max_amount_cents=1_000_000, name="medium"
    )
    add_policy("expense", dict(manager), dict(director), dict(vp), min_amount_cents=1_000_000, name="large")


DAY = timedelta(days=1)
