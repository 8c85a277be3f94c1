"""The baseline of a grant: a workflow whose update does nothing but answer. Nothing but workflow code is in this module."""

from typing import Any

from temporalio import workflow

QUEUE = "bare-actor-queue"


@workflow.defn
class BareActorWorkflow:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        return question

    @answer.validator
    def validate_answer(self, question: dict[str, Any]) -> None:
        pass
