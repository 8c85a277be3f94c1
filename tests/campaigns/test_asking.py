"""Asking an actor whom nobody answers for."""

import asyncio
import gc
from typing import Any

import pytest

from campaigns.contract import CapPolicy, SendRequest, UserActorInput, user_actor_workflow_id
from campaigns.sending import asking
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from temporal_worker.errors import TemporalUnavailable


async def test_without_a_worker_it_is_out_of_reach_within_its_time_and_leaves_no_traceback(
    temporal_server: DevServer,
) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    client = await connect()
    request = SendRequest("G-1", "CMP-1", "email", "marketing", CapPolicy(version=1))

    async def seed() -> UserActorInput:
        return UserActorInput("NOBODY-1")

    try:
        for timeout in (0.5, 1.0):
            began = loop.time()
            with pytest.raises(TemporalUnavailable):
                await asking.request_send(client, "NOBODY-1", request, seed, is_new=True, timeout=timeout)
            assert loop.time() - began < asking.ANSWER_WITHIN / 2
        await asyncio.sleep(0.1)  # what was told to nobody is complained of when it is collected
        gc.collect()
    finally:
        loop.set_exception_handler(None)
        await client.get_workflow_handle(user_actor_workflow_id("NOBODY-1")).terminate()
    assert complaints == []
