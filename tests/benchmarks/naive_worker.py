"""The worker of the naive campaign: a process and a configuration like the product's, with activities as small as can be."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import django
from temporalio import activity
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from tests.benchmarks.naive_workflow import QUEUE, NaiveCampaignWorkflow, NaiveSend

if TYPE_CHECKING:
    from campaigns.channels import ChannelProvider
    from campaigns.contract import CapPolicy

_local = threading.local()


def _policy(send: NaiveSend) -> "CapPolicy":
    from campaigns.contract import CapPolicy

    return CapPolicy(version=1, max_per_day=send.most_a_day)


@activity.defn
async def naive_ask(send: NaiveSend) -> bool:
    """Asks the actor by a query; starts it first, if there is none."""
    from campaigns.contract import TASK_QUEUE, USER_ACTOR_WORKFLOW_TYPE, SendDecision, SendRequest, UserActorInput

    client, workflow_id = activity.client(), f"user-actor-{send.user_id}"
    grant_id = f"{send.campaign_id}:1:{send.user_id}"
    request = SendRequest(grant_id, send.campaign_id, "email", "marketing", _policy(send))
    actor = client.get_workflow_handle(workflow_id)
    try:
        decision: SendDecision = await actor.query("can_send", request, result_type=SendDecision)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        start = UserActorInput(send.user_id, policy=_policy(send))
        await client.start_workflow(
            USER_ACTOR_WORKFLOW_TYPE,
            start,
            id=workflow_id,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        decision = await actor.query("can_send", request, result_type=SendDecision)
    return decision.allowed


@activity.defn
def naive_send(send: NaiveSend) -> None:
    """By the product's provider, which keeps its connection. Its row in the send log is written for its actor, which is told."""
    from campaigns.channels import Message

    message = Message(
        grant_id=f"{send.campaign_id}:1:{send.user_id}",
        channel="email",
        user_id=send.user_id,
        address=f"{send.user_id.lower()}@example.com",
        subject=f"{send.campaign_id} for Amara",
        text="Hello Amara, the shop is open.",
    )
    _provider().send(message)


def _provider() -> "ChannelProvider":
    """Of this thread."""
    from campaigns.channels import get_provider

    if not hasattr(_local, "provider"):
        _local.provider = get_provider("email")
    provider: ChannelProvider = _local.provider
    return provider


async def work() -> None:
    from django.conf import settings

    from temporal_worker.connection import connect
    from temporal_worker.registry import AreaWorker
    from temporal_worker.workers import build_worker

    area = AreaWorker(QUEUE, [NaiveCampaignWorkflow], [naive_ask, naive_send])
    with ThreadPoolExecutor(settings.WORKER_THREADS) as executor:
        await build_worker(await connect(), area, executor).run()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    asyncio.run(work())
