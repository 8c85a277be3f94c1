"""One person's decision about many requests."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from approvals.contract import BulkDecision, BulkInput, BulkItem, BulkResult
    from approvals.process import effects

AT_ONCE = 4
"""Decisions of one bulk under way at the same time."""


@workflow.defn
class BulkDecisionWorkflow:
    """Each request is decided once: pressed twice, or killed in between, it goes on."""

    @workflow.run
    async def run(self, bulk: BulkInput) -> BulkResult:
        room = asyncio.Semaphore(AT_ONCE)
        ended = 0

        async def decide(item: BulkItem) -> bool:
            nonlocal ended
            async with room:
                one = BulkDecision(bulk.job_id, bulk.username, bulk.approved, bulk.comment, item)
                taken = await effects.decide_bulk_item(one)
            ended += 1
            # For Temporal's own page of it; kept in memory, so it costs no history.
            workflow.set_current_details(f"**{ended} of {len(bulk.items)}** are through")
            return taken

        taken = await asyncio.gather(*(decide(item) for item in bulk.items))
        await effects.finish_bulk(bulk.job_id)
        return BulkResult(decided=sum(taken), refused=len(taken) - sum(taken))
