"""The workflow's side of every activity: its name, time-outs, retry policy and result type, each in one place."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from approvals.contract import (
    ApprovalView,
    BulkDecision,
    NoticeRequest,
    OutcomeRequest,
    RequestKind,
    SlackCard,
)

# Our own database: it comes back, so it is tried until it does.
DATABASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)),
}
# Somebody else's server: tried for about a minute. The request goes on meanwhile, and then says what was not told.
NOTICE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20), maximum_attempts=6
    ),
}
# One decision of many: as long as it takes for Temporal or a worker to be there again.
DECISION: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15)),
}

OUTCOMES: dict[str, str] = {
    RequestKind.LEAVE: "book_leave",
    RequestKind.EXPENSE: "process_expense",
    RequestKind.TRAVEL: "process_expense",
    RequestKind.PURCHASE: "release_purchase",
    RequestKind.CONTRACT: "release_purchase",
}
"""Which activity carries out an approval. Other kinds are carried out by the workflow that asked."""


async def save_request(request: ApprovalView) -> None:
    await workflow.execute_activity("save_request", request, summary=f"Save version {request.version}", **DATABASE)


async def send_approval_mail(notice: NoticeRequest) -> str:
    """Sends it once; returns the address that it went to, or nothing when the person has none."""
    return await workflow.execute_activity(
        "send_approval_mail", notice, result_type=str, summary=f"Mail {notice.kind} to {notice.recipient}", **NOTICE
    )


async def publish_slack_card(card: SlackCard) -> None:
    await workflow.execute_activity(
        "publish_slack_card", card, summary=f"Slack, round {card.round}, level {card.level}", **NOTICE
    )


async def carry_out(outcome: OutcomeRequest) -> str:
    """What the approval leads to, in words; empty when nothing does."""
    name = OUTCOMES.get(outcome.request.kind)
    if name is None:
        return ""
    return await workflow.execute_activity(name, outcome, result_type=str, summary="Carry out", **DATABASE)


async def decide_bulk_item(decision: BulkDecision) -> bool:
    """Decides one of many, once. True when it was taken, False when it was refused; the row says why."""
    return await workflow.execute_activity(
        "decide_bulk_item", decision, result_type=bool, summary=decision.item.request_id, **DECISION
    )


async def finish_bulk(job_id: str) -> None:
    await workflow.execute_activity("finish_bulk", job_id, summary="All decided", **DATABASE)
