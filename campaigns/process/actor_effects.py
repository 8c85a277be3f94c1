"""An actor's side of its only activity."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from campaigns.contract import Said


async def write_down(said: Said) -> None:
    """Until it is written: our own database comes back. What no row can hold is given up, and logged."""
    try:
        await workflow.execute_activity(
            "write_down",
            said,
            summary="Write down what others say",
            start_to_close_timeout=timedelta(seconds=15),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
            ),
        )
    except ActivityError as problem:
        workflow.logger.error("not_written_down: %s", problem.cause or problem)
