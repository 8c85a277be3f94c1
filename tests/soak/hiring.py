"""Runs inside a stack's ``manage.py shell``: people, policies and sessions that are there for the soak of approvals alone."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from approvals.models import Employee, Policy, SlackIdentity
from dashboard.auth import DEMO_PASSWORD
from dashboard.demo_users import demo_token
from dashboard.models import ApiToken
from dashboard.roles import STAFF
from tests.approvals.people import add_policy
from tests.approvals.requests_of import Desk, level
from tests.slack_standin import CHANNEL, TEAM

BOARD = 50
DEPARTMENT = "Soak"
GONE = "C0GONE"
"""A Slack channel that is not there."""


def hire() -> None:
    """``asker`` asks; ``board-01`` to ``board-50`` are one level, ``chair`` the next; ``busy`` and ``idle`` have inboxes.

    Prints a line ``session <username> <key>`` for each: a log-in hashes the password slowly on purpose, so their sessions
    are written as the log-in writes them.
    """
    board = [f"board-{number:02}" for number in range(1, BOARD + 1)]
    names = ["asker", "chair", "busy", "idle", "deaf", *board]
    password = make_password(DEMO_PASSWORD)
    for name in names:
        first, _, last = name.partition("-")
        user = User.objects.create(
            username=name,
            first_name=first.capitalize(),
            last_name=f"Soak {last}".strip(),
            email=f"{name}@example.com",
            password=password,
        )
        user.groups.add(Group.objects.get(name=STAFF))
        ApiToken.issue(user, "soak", token=demo_token(name), is_demo=True)
        SlackIdentity.objects.create(team_id=TEAM, slack_user_id=slack_id(name), user=user)
        print("session", name, _session_of(user))
    Employee.objects.create(user=User.objects.get(username="asker"), department=DEPARTMENT)
    of_board, of_chair = {"name": "Board", "users": board}, {"name": "Chair", "users": ["chair"]}
    everywhere = {"slack": "buttons", "slack_channel": CHANNEL, "mail": "decide"}
    _policy("contract", dict(of_board), **everywhere)
    _policy("purchase", dict(of_board), dict(of_chair), **everywhere)
    _policy("expense", {"name": "Cashier", "users": ["busy"]})
    _policy("travel", dict(of_chair), **everywhere)
    _policy("leave", {"name": "Desk", "users": ["deaf", "chair"]}, **{**everywhere, "slack_channel": GONE})


def fill_inbox(username: str, count: int) -> None:
    """Rows of requests that wait for somebody, as their workflows would save them; there are no workflows."""
    with transaction.atomic():
        for number in range(count):
            request_id = f"REQ-20261120-{number // 100:06}-{number % 100:04x}"
            title, now = f"Row {number:04}", timezone.now()
            cashier = level("Cashier", username)
            Desk(cashier, request_id=request_id, at=now, title=title, requester="asker", kind="expense").save()


def slack_id(username: str) -> str:
    return f"U{username.upper()}"


def _policy(kind: str, *levels: dict[str, Any], **more: Any) -> Policy:
    return add_policy(kind, *levels, department=DEPARTMENT, **more)


def _session_of(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session.create()
    return str(session.session_key)
