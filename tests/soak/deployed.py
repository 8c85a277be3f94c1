"""The campaign area after a change of its workflows: one step more for each, behind ``patched()``. Workflow code's home.

Each is known to the server by the name of the one that it takes the place of.
"""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from campaigns.contract import BatchResult, CampaignInput, CampaignResult, ShardInput, ShardResult
    from campaigns.shard import CampaignShardWorkflow
    from campaigns.workflows import CampaignWorkflow

PATCH = "soak-breathes-first"


@workflow.defn(name="CampaignShardWorkflow")
class DeployedShardWorkflow(CampaignShardWorkflow):
    @workflow.init
    def __init__(self, shard: ShardInput) -> None:
        super().__init__(shard)

    @workflow.run
    async def run(self, shard: ShardInput) -> ShardResult:
        return await super().run(shard)

    async def _send_batch(self) -> BatchResult:
        if workflow.patched(PATCH):
            await asyncio.sleep(0.01)
        return await super()._send_batch()


@workflow.defn(name="CampaignWorkflow")
class DeployedCampaignWorkflow(CampaignWorkflow):
    @workflow.init
    def __init__(self, request: CampaignInput) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: CampaignInput) -> CampaignResult:
        return await super().run(request)

    async def _take_up_what_is_left(self) -> None:
        if workflow.patched(PATCH):
            await asyncio.sleep(0.01)
        await super()._take_up_what_is_left()
