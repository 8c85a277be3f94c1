"""A welcome's side of its activities: name, time-outs, retry policy and result type, each in one place."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from campaigns.contract import ContactDetails, ContactWishes, GreetingRequest, GreetingResult

# Our own database, and Temporal: they come back, so they are tried until they do.
UNTIL_DONE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)),
}
# As long, and then a mail server or a provider that takes its time. What it may have taken is not sent again.
GREETING: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=60),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)),
}


async def fetch_details(user_id: str) -> ContactDetails:
    return await workflow.execute_activity(
        "fetch_contact_details", user_id, result_type=ContactDetails, summary="Who it is", **UNTIL_DONE
    )


async def fetch_wishes(user_id: str) -> ContactWishes:
    return await workflow.execute_activity(
        "fetch_contact_wishes", user_id, result_type=ContactWishes, summary="What they wish", **UNTIL_DONE
    )


async def send_greeting(greeting: GreetingRequest) -> GreetingResult:
    """Ask the contact's actor and, when it allows it, send: once for each attempt."""
    summary = f"Greet by {greeting.channel}, {greeting.language}, {greeting.part}"
    return await workflow.execute_activity(
        "send_greeting", greeting, result_type=GreetingResult, summary=summary, **GREETING
    )
