"""The baseline of a campaign: the common "ask, send, then report", one recipient at a time and several at once.

The actor is the product's. What is missing is the reservation: between the answer and the report others ask too.
Nothing but workflow code is in this module: the sandbox loads it anew for each workflow.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow

QUEUE = "naive-campaign-queue"
AT_ONCE = 12
"""Recipients under way at once: as many as in a batch of the product."""


@dataclass(frozen=True)
class NaiveCampaign:
    campaign_id: str
    user_ids: list[str]
    most_a_day: int | None = None


@dataclass(frozen=True)
class NaiveSend:
    campaign_id: str
    user_id: str
    most_a_day: int | None = None


@workflow.defn
class NaiveCampaignWorkflow:
    @workflow.run
    async def run(self, campaign: NaiveCampaign) -> int:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(user_id: str) -> int:
            async with room:
                return await self._go_with(NaiveSend(campaign.campaign_id, user_id, campaign.most_a_day))

        return sum(await asyncio.gather(*(one(user_id) for user_id in campaign.user_ids)))

    async def _go_with(self, send: NaiveSend) -> int:
        timeout = timedelta(seconds=60)
        if not await workflow.execute_activity("naive_ask", send, result_type=bool, start_to_close_timeout=timeout):
            return 0
        await workflow.execute_activity("naive_send", send, start_to_close_timeout=timeout)
        report = {
            "message_id": f"{send.campaign_id}:{send.user_id}",
            "channel": "email",
            "category": "marketing",
            "sent_at": workflow.now().isoformat(),
        }
        await workflow.get_external_workflow_handle(f"user-actor-{send.user_id}").signal("message_sent", report)
        return 1
