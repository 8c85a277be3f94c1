"""What people and time do with the demo's requests: the steps that ``demo_requests.py`` tells them of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from approvals import gateway
from approvals.contract import ApprovalView, Door, PolicySnapshot, WorkingHours

DAY = timedelta(days=1)
SOON = 2
"""Seconds in which what takes days elsewhere has happened: the clock cannot be put back."""

Step = Callable[[ApprovalView, str], ApprovalView]
"""What somebody does with a request that looks like this, under this key."""
Rules = Callable[[PolicySnapshot], PolicySnapshot]
"""What of its policy is another for a request."""


def user_called(username: str) -> User:
    return User.objects.get(username=username)


def escalates_soon(policy: PolicySnapshot) -> PolicySnapshot:
    levels = [replace(level, reminder_seconds=0, escalation_seconds=SOON) for level in policy.levels]
    return replace(policy, levels=levels, working_hours=WorkingHours(round_the_clock=True))


def expires_soon(policy: PolicySnapshot) -> PolicySnapshot:
    return replace(policy, expires_seconds=SOON)


def decides(username: str, approved: bool, comment: str = "") -> Step:
    return lambda view, key: gateway.decide(
        view.request_id,
        user=user_called(username),
        door=Door.WEB,
        approved=approved,
        comment=comment,
        state_version=view.state_version,
        key=key,
    )


def wants_changes(username: str, comment: str) -> Step:
    return lambda view, key: gateway.request_changes(
        view.request_id,
        user=user_called(username),
        door=Door.WEB,
        comment=comment,
        state_version=view.state_version,
        key=key,
    )


def withdraws(reason: str) -> Step:
    return lambda view, key: gateway.withdraw(
        view.request_id, user=user_called(view.requester), door=Door.WEB, reason=reason, key=key
    )


def asks_again(title: str, description: str, amount_cents: int) -> Step:
    return lambda view, key: gateway.resubmit(
        view.request_id,
        user=user_called(view.requester),
        door=Door.WEB,
        title=title,
        description=description,
        amount_cents=amount_cents,
        key=key,
    )


def hands_over(username: str, to: str, reason: str) -> Step:
    return lambda view, key: gateway.delegate(
        view.request_id,
        user=user_called(username),
        door=Door.WEB,
        to=to,
        until=timezone.now() + 3 * DAY,
        reason=reason,
        key=key,
    )


def says(username: str, text: str) -> Step:
    return lambda view, key: gateway.add_comment(
        view.request_id, user=user_called(username), door=Door.WEB, text=text, key=key
    )


def attaches(username: str, name: str, text: str) -> Step:
    return lambda view, key: gateway.attach(
        view.request_id,
        user=user_called(username),
        door=Door.WEB,
        name=name,
        content=text.encode(),
        content_type="text/csv",
        key=key,
    )
