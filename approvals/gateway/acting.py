"""Acting on a request: one update for each, done once for each key. What is refused is noted for the auditors."""

from datetime import datetime

from django.contrib.auth.models import User

from approvals.contract import (
    ApprovalView,
    By,
    ChangesInput,
    CommentInput,
    DecisionInput,
    DelegationEndInput,
    DelegationInput,
    Door,
    PolicySnapshot,
    ResubmitInput,
    WithdrawalInput,
    is_within,
    mentioned,
)
from approvals.gateway.problems import InvalidRequest
from approvals.gateway.reading import read_any
from approvals.gateway.rights import TAKE_PART, require_part, require_sight
from approvals.gateway.submitting import names_of, people_of, preview_policy, with_covers
from approvals.gateway.updating import UPDATE_TIMEOUT, noted_update, noting_refusals, permitted_update


def decide(
    request_id: str,
    *,
    user: User,
    door: Door,
    approved: bool,
    comment: str,
    state_version: int,
    key: str,
    on_behalf_of: str = "",
    timeout: float = UPDATE_TIMEOUT,
) -> ApprovalView:
    """Approve or reject what ``user`` saw at ``state_version``.

    Raises:
        RequestNotFound, NotPermitted, InvalidRequest, RequestRefused, Unavailable
    """
    message = DecisionInput(approved, state_version, comment.strip(), By(user.username, door), on_behalf_of)
    return noted_update(request_id, "submit_decision", message, user, key, timeout=timeout)


def request_changes(
    request_id: str, *, user: User, door: Door, comment: str, state_version: int, key: str
) -> ApprovalView:
    message = ChangesInput(comment.strip(), state_version, By(user.username, door))
    return noted_update(request_id, "request_changes", message, user, key)


def resubmit(
    request_id: str,
    *,
    user: User,
    door: Door,
    title: str,
    description: str,
    amount_cents: int | None,
    key: str,
    starts_on: str | None = None,
    ends_on: str | None = None,
    comment: str = "",
) -> ApprovalView:
    """Ask again, changed. An amount that belongs under another policy brings that policy, as it is now."""
    by = By(user.username, door)
    with noting_refusals(request_id, by, "resubmit"):
        require_part(user)
        require_sight(user, request_id)
        running = read_any(request_id).view  # its workflow's word: the row may be a moment behind
        policy = _policy_for_new_amount(running, user, amount_cents)
        names, covers = with_covers(names_of(people_of(policy)), policy, running.kind) if policy else ({}, [])
        message = ResubmitInput(
            title=title.strip(),
            description=description.strip(),
            amount_cents=amount_cents,
            by=by,
            starts_on=starts_on,
            ends_on=ends_on,
            comment=comment.strip(),
            policy=policy,
            covers=covers,
            names=names,
        )
        return permitted_update(request_id, "resubmit", message, user, key)


def _policy_for_new_amount(running: ApprovalView, user: User, amount_cents: int | None) -> PolicySnapshot | None:
    """None while the request's own policy is for the amount: a change in the admin never reaches a running request."""
    if user.username != running.requester:
        return None  # refused by the workflow
    has_lost_its_amount = amount_cents is None and running.amount_cents is not None
    if not has_lost_its_amount and is_within(amount_cents, running.policy_min_cents, running.policy_max_cents):
        return None
    return preview_policy(user=user, kind=running.kind, amount_cents=amount_cents, currency=running.currency)


def withdraw(request_id: str, *, user: User, door: Door, reason: str, key: str) -> ApprovalView:
    return noted_update(request_id, "withdraw", WithdrawalInput(reason.strip(), By(user.username, door)), user, key)


def add_comment(request_id: str, *, user: User, door: Door, text: str, key: str) -> ApprovalView:
    """Say something. Active people with a right to take part who are named with ``@`` may see the request from then on."""
    named = User.objects.filter(username__in=mentioned(text), is_active=True)
    names = {one.username: one.get_full_name() or one.username for one in named if one.has_perm(TAKE_PART)}
    message = CommentInput(text.strip(), By(user.username, door), names)
    return noted_update(request_id, "add_comment", message, user, key)


def delegate(
    request_id: str, *, user: User, door: Door, to: str, until: datetime, reason: str, key: str
) -> ApprovalView:
    """Hand over what ``user`` has to decide here, until a moment."""
    by = By(user.username, door)
    with noting_refusals(request_id, by, "delegate"):
        delegate_user = User.objects.filter(username=to, is_active=True).first()
        if delegate_user is None or not delegate_user.has_perm(TAKE_PART):
            raise InvalidRequest("to", "There is nobody of this name who takes part in approvals.")
        to_name = delegate_user.get_full_name() or to
        message = DelegationInput(to=to, until=until, reason=reason.strip(), by=by, to_name=to_name)
        return permitted_update(request_id, "delegate", message, user, key)


def end_delegation(request_id: str, *, user: User, door: Door, cover_id: str, key: str) -> ApprovalView:
    return noted_update(request_id, "end_delegation", DelegationEndInput(cover_id, By(user.username, door)), user, key)
