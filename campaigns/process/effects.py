"""The workflows' side of every activity of a campaign: its name, time-outs, retry policy and result type."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from campaigns.contract import (
    HOPELESS,
    ApprovalAsk,
    ApprovalWithdrawal,
    BatchInput,
    BatchResult,
    CampaignView,
    CloseInput,
    GateInput,
    HoldInput,
    Mailing,
    OccurrenceRequest,
    Stock,
    StopEntry,
)

# Our own database: it comes back, so it is tried until it does.
DATABASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)),
}
# Every recipient of the campaign in one transaction.
WHOLE_AUDIENCE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=10),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
}
# Another area's door.
ASKING: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(seconds=10),
        non_retryable_error_types=HOPELESS,
    ),
}
HEARTBEAT = timedelta(seconds=10)
"""After so long without a sign of life a batch is given to another worker."""
DRAIN = timedelta(seconds=120)
"""What a batch may take beyond its own time: for the messages that are under way when it is over."""


def _tried(attempts: int) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(seconds=10),
        maximum_attempts=attempts,
        non_retryable_error_types=HOPELESS,
    )


async def snapshot_audience(mailing: Mailing, attempts: int) -> Stock:
    """Writes the recipients down, once; a repeat finds them."""
    return await workflow.execute_activity(
        "snapshot_audience",
        mailing,
        result_type=Stock,
        summary="Fix the audience",
        start_to_close_timeout=timedelta(minutes=30),
        heartbeat_timeout=HEARTBEAT * 3,
        retry_policy=_tried(attempts),
    )


async def ask_launch_approval(ask: ApprovalAsk) -> str:
    return await workflow.execute_activity(
        "ask_launch_approval", ask, result_type=str, summary=f"Ask to send to {ask.audience:,}", **ASKING
    )


async def withdraw_launch_approval(withdrawal: ApprovalWithdrawal) -> None:
    await workflow.execute_activity("withdraw_launch_approval", withdrawal, summary=withdrawal.request_id, **ASKING)


async def close_gate(gate: GateInput) -> int:
    return await workflow.execute_activity(
        "close_gate", gate, result_type=int, summary=f"Gate {gate.gate}: nothing begins", **DATABASE
    )


def start_batch(batch: BatchInput, attempts: int) -> workflow.ActivityHandle[BatchResult]:
    """The running batch, to be awaited or cancelled. Cancelled, it ends when the messages under way have."""
    where = f"from {batch.positions.first:,}, {batch.limit:,} at most"
    return workflow.start_activity(
        "send_batch",
        batch,
        result_type=BatchResult,
        summary=f"Deferred {where}" if batch.due_by else f"Recipients {where}",
        start_to_close_timeout=timedelta(seconds=batch.seconds) + DRAIN,
        heartbeat_timeout=HEARTBEAT,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        retry_policy=_tried(attempts),
    )


async def count_recipients(campaign_id: str) -> Stock:
    return await workflow.execute_activity(
        "count_recipients", campaign_id, result_type=Stock, summary="Take stock", **DATABASE
    )


async def close_recipients(close: CloseInput) -> Stock:
    return await workflow.execute_activity(
        "close_recipients", close, result_type=Stock, summary=f"The others: {close.code}", **WHOLE_AUDIENCE
    )


async def save_campaign(campaign: CampaignView) -> None:
    await workflow.execute_activity("save_campaign", campaign, summary=f"Save version {campaign.version}", **DATABASE)


async def list_running_campaigns() -> list[str]:
    return await workflow.execute_activity(
        "list_running_campaigns", result_type=list[str], summary="Which ones run", **DATABASE
    )


async def hold_campaign(hold: HoldInput) -> bool:
    """Whether there was anything to stop."""
    return await workflow.execute_activity("hold_campaign", hold, result_type=bool, summary=hold.workflow_id, **ASKING)


async def pause_recurring(reason: str) -> list[StopEntry]:
    return await workflow.execute_activity(
        "pause_recurring", reason, result_type=list[StopEntry], summary="No further times", **ASKING
    )


async def start_occurrence(occurrence: OccurrenceRequest) -> str:
    return await workflow.execute_activity(
        "start_occurrence",
        occurrence,
        result_type=str,
        summary=f"Due {occurrence.planned_at:%Y-%m-%d %H:%M} UTC",
        **ASKING,
    )
