"""One question to a request's workflow."""

from approvals.contract import ApprovalView, approval_workflow_id
from temporal_worker import client

QUERY_TIMEOUT = 1.5
"""Seconds that a page waits for the workflow."""


async def query_state(request_id: str, timeout: float = QUERY_TIMEOUT) -> ApprovalView:
    """Raises WorkflowNotFound, TemporalUnavailable."""
    return await client.query(approval_workflow_id(request_id), "get_state", result_type=ApprovalView, timeout=timeout)
