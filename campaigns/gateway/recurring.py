"""Recurring campaigns: a Schedule of Temporal's that has one occurrence after the other started."""

from datetime import datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.service import RPCError, RPCStatusCode

from campaigns.contract import OCCURRENCE_WORKFLOW_TYPE, TASK_QUEUE, OccurrenceInput, campaign_workflow_id
from campaigns.gateway.problems import InvalidRequest, Unavailable
from campaigns.models import Campaign
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable
from temporal_worker.links import page_link

MISSED_AFTER = timedelta(seconds=60)
"""An occurrence that is later than this is missed: left out, or made up for, as its campaign says."""
MADE_UP_FOR = timedelta(days=365)
_RPC_TIMEOUT = timedelta(seconds=5)


def ensure_schedule(row: Campaign) -> None:
    """The campaign's Schedule, paused when its times are; nothing when it is there.

    Raises:
        InvalidRequest: ``recurs``: the server cannot read it
        Unavailable
    """

    async def create() -> None:
        temporal = await client.aget_client()
        await temporal.create_schedule(campaign_workflow_id(row.campaign_id), _schedule(row), rpc_timeout=_RPC_TIMEOUT)

    try:
        client.call(create())
    except ScheduleAlreadyRunningError:
        return
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            raise InvalidRequest("recurs", f"This is no time that comes again and again: {error.message}") from error
        raise Unavailable(f"Temporal is out of reach: {error.message}") from error


def end_schedule(row: Campaign) -> None:
    """No further occurrence begins. Raises Unavailable."""

    async def delete() -> None:
        handle = (await client.aget_client()).get_schedule_handle(campaign_workflow_id(row.campaign_id))
        await handle.delete(rpc_timeout=_RPC_TIMEOUT)

    try:
        client.call(delete())
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise Unavailable(f"Temporal is out of reach: {error.message}") from error


def next_times(row: Campaign) -> list[datetime]:
    """When the next occurrences are due; empty when there is no Schedule. Raises Unavailable."""

    async def ask() -> list[datetime]:
        handle = (await client.aget_client()).get_schedule_handle(campaign_workflow_id(row.campaign_id))
        return list((await handle.describe(rpc_timeout=_RPC_TIMEOUT)).info.next_action_times)

    try:
        return client.call(ask())
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return []
        raise Unavailable(f"Temporal is out of reach: {error.message}") from error


def _schedule(row: Campaign) -> Schedule:
    action = ScheduleActionStartWorkflow(
        OCCURRENCE_WORKFLOW_TYPE,
        OccurrenceInput(row.campaign_id),
        id=f"{campaign_workflow_id(row.campaign_id)}-occurrence",
        task_queue=TASK_QUEUE,
        static_summary=f"Due: {row.name}"[:200],
        static_details=page_link(f"/campaigns/{row.campaign_id}/"),
    )
    catches_up = row.missed_runs == Campaign.Missed.CATCH_UP
    return Schedule(
        action=action,
        spec=ScheduleSpec(
            cron_expressions=[row.recurs], time_zone_name=row.time_zone, start_at=row.starts_at, end_at=row.ends_at
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=MADE_UP_FOR if catches_up else MISSED_AFTER
        ),
        state=ScheduleState(paused=row.times_paused_at is not None),
    )
