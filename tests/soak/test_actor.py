"""One person's actor, at length: more stories of the machine, more refusals."""

from collections.abc import AsyncIterator

import pytest

from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from tests.campaigns.test_actor_machine import machines
from tests.soak.sizes import pick
from tests.workflows.actors import Actors, open_actors
from tests.workflows.test_actor_history import refusals_add_nothing

TestActorEqualsItsModel, TestNoWindowIsOverTheCap = machines(pick(short=100, full=2_000))


@pytest.fixture
async def actors(temporal_server: DevServer) -> AsyncIterator[Actors]:
    async with open_actors(await connect()) as actors:
        yield actors


async def test_a_thousand_refusals_add_nothing(actors: Actors) -> None:
    await refusals_add_nothing(actors, 1_000)
