"""What a campaign does to the world, one effect each. Every one may run more than once, and at once with itself.

Most are sync functions in the worker's thread pool; an interceptor sees to their database connections.
"""

import asyncio

from django.contrib.auth.models import User
from temporalio import activity
from temporalio.exceptions import ApplicationError

from approvals import gateway as approvals_gateway
from approvals.contract import Caller, Door
from campaigns import gateway, projection
from campaigns.contract import (
    ApprovalAsk,
    ApprovalWithdrawal,
    BatchInput,
    BatchResult,
    CampaignStatus,
    CampaignView,
    CloseInput,
    GateInput,
    HoldInput,
    Mailing,
    OccurrenceRequest,
    Stock,
    StopEntry,
    StopReason,
    campaign_workflow_id,
)
from campaigns.gateway import series
from campaigns.models import Campaign
from campaigns.sending import audience, letters, stock
from campaigns.sending import gate as gates
from campaigns.sending.batch import Batch
from temporal_worker.contract import InvalidField
from temporal_worker.snapshots import from_json


@activity.defn
def snapshot_audience(mailing: Mailing) -> Stock:
    campaign = audience.snapshot(mailing.campaign_id, alive=activity.heartbeat)
    looked = activity.info().heartbeat_details
    try:
        letters.check_letters(campaign, activity.heartbeat, from_json(letters.Looked, looked[0]) if looked else None)
    except InvalidField as error:
        raise ApplicationError(str(error), type="ValidationError", non_retryable=True) from None
    return stock.stock_of(mailing.campaign_id)


@activity.defn
def ask_launch_approval(ask: ApprovalAsk) -> str:
    user = User.objects.filter(username=ask.username).first()
    if user is None:
        raise ApplicationError(f"There is no user {ask.username}.", type="NoPolicy", non_retryable=True)
    try:
        view = approvals_gateway.submit_request(
            user=user,
            door=Door.SYSTEM,
            kind="campaign",
            title=f"Launch {ask.name or ask.campaign_id}"[:200],
            description=f"To {ask.audience:,} recipients; more than {ask.approval_above:,} need an approval.",
            key=f"campaign:{ask.campaign_id}",
            caller=Caller(ask.workflow_id, "approval_decided"),
        )
    except (approvals_gateway.InvalidRequest, approvals_gateway.NotPermitted) as problem:
        raise ApplicationError(problem.detail, type="NoPolicy", non_retryable=True) from None
    except approvals_gateway.ApprovalProblem as problem:
        raise ApplicationError(problem.detail, type=type(problem).__name__) from None
    Campaign.objects.filter(campaign_id=ask.campaign_id).update(approval_request_id=view.request_id)
    return view.request_id


@activity.defn
def withdraw_launch_approval(withdrawal: ApprovalWithdrawal) -> None:
    user = User.objects.filter(username=withdrawal.username).first()
    if user is None:
        return
    try:
        approvals_gateway.withdraw(
            withdrawal.request_id,
            user=user,
            door=Door.SYSTEM,
            reason=withdrawal.reason or "The campaign is over.",
            key=f"withdraw:{withdrawal.request_id}",
        )
    except approvals_gateway.Unavailable as problem:
        raise ApplicationError(problem.detail, type="Unavailable") from None
    except approvals_gateway.ApprovalProblem:
        return  # it is decided, or not theirs any more: let be


@activity.defn
def close_gate(wish: GateInput) -> int:
    return gates.close_gate(wish.campaign_id, wish.gate)


@activity.defn
async def send_batch(batch: BatchInput) -> BatchResult:
    """Cancelled, it begins no message, lets those under way end, and answers."""
    running = Batch(activity.client(), batch, activity.heartbeat)
    work = asyncio.create_task(running.run())
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        running.stop(StopReason.ASKED)
        result = await work
        why = activity.cancellation_details()
        if why is not None and why.cancel_requested:
            return result
        raise  # this worker goes: another one goes on


@activity.defn
def count_recipients(campaign_id: str) -> Stock:
    return stock.stock_of(campaign_id)


@activity.defn
def close_recipients(wish: CloseInput) -> Stock:
    return stock.close_recipients(wish.campaign_id, wish.code)


@activity.defn
def save_campaign(view: CampaignView) -> None:
    projection.save(view)


@activity.defn
def list_running_campaigns() -> list[str]:
    over = [CampaignStatus.DRAFT, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED]
    rows = Campaign.objects.exclude(status__in=over).order_by("pk")
    return [campaign_workflow_id(campaign_id) for campaign_id in rows.values_list("campaign_id", flat=True)]


@activity.defn
def hold_campaign(wish: HoldInput) -> bool:
    try:
        return gateway.hold(wish.workflow_id, wish.stop)
    except gateway.Unavailable as problem:
        raise ApplicationError(problem.detail, type="Unavailable") from None


@activity.defn
def pause_recurring(reason: str) -> list[StopEntry]:
    try:
        return series.pause_all_times(reason)
    except gateway.Unavailable as problem:
        raise ApplicationError(problem.detail, type="Unavailable") from None


@activity.defn
def start_occurrence(request: OccurrenceRequest) -> str:
    try:
        return gateway.start_occurrence(request.series_id, request.planned_at)
    except gateway.Unavailable as problem:
        raise ApplicationError(problem.detail, type="Unavailable") from None
