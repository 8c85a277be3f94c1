"""A request before anything has happened to it, and what its policy gives it. Pure."""

from datetime import datetime

from approvals.contract import (
    ApprovalInput,
    ApprovalStatus,
    ApprovalView,
    LevelView,
    PolicySnapshot,
    approval_workflow_id,
)


def blank_view(request: ApprovalInput, now: datetime) -> ApprovalView:
    view = ApprovalView(
        request_id=request.request_id,
        workflow_id=approval_workflow_id(request.request_id),
        status=ApprovalStatus.PENDING,
        version=0,
        state_version=0,
        kind=request.kind,
        title=request.title,
        amount_cents=request.amount_cents,
        requester=request.requester,
        round=1,
        level=1,
        levels=[],
        deadline_at=None,
        description=request.description,
        currency=request.currency,
        starts_on=request.starts_on,
        ends_on=request.ends_on,
        submitted_at=now,
        names=dict(request.names),
        covers=list(request.covers),
        caller=request.caller,
    )
    take_policy(view, request.policy)
    return view


def take_policy(view: ApprovalView, policy: PolicySnapshot) -> None:
    view.levels = [
        LevelView(
            name=level.name,
            rule=level.rule,
            approvers=[seat.username for seat in level.seats],
            decisions=[],
            needed=level.approvals_needed,
            rejections=level.rejections,
            seats=list(level.seats),
            escalate_to=list(level.escalate_to),
            at_expiry=level.at_expiry,
        )
        for level in policy.levels
    ]
    view.policy_id, view.policy_name, view.policy_version = policy.policy_id, policy.name, policy.version
    view.policy_min_cents, view.policy_max_cents = policy.min_cents, policy.max_cents
    view.max_rounds = policy.max_rounds
    view.left_out = list(policy.left_out)
    view.comment_to_reject, view.distinct_levels = policy.comment_to_reject, policy.distinct_levels
    view.slack, view.slack_channel, view.mail = policy.slack, policy.slack_channel, policy.mail
    view.working_zone = policy.working_hours.zone
