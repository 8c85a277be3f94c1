import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import dj_database_url
import pytest
from django.db import connections
from django.test import override_settings
from temporalio.client import Client, WorkflowHandle

from temporal_worker import client as our_client
from temporal_worker.devserver import DevServer
from temporal_worker.models import ChangeCounter
from temporal_worker.testing import running_worker
from tests.postgres import Postgres
from tests.temporal_worker.contract import QUEUE, ParcelInput
from tests.temporal_worker.worker import AREA

_numbers = itertools.count(1)


async def eventually(holds: Callable[[], Any], within: float = 10.0) -> Any:
    """Awaits ``holds`` (plain or async) until it is true, and returns what it gave."""
    end = time.monotonic() + within
    while True:
        found = holds()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < end, f"not within {within} s"
        await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def dev_server(_temporal_server: DevServer) -> DevServer:
    """The areas' tests have it too: one more takes three seconds of a core to start."""
    return _temporal_server


@pytest.fixture(scope="session")
async def temporal(dev_server: DevServer) -> Client:
    """The SDK's own client: a stranger to our code."""
    return await Client.connect(dev_server.address)


@pytest.fixture
def pointed_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Points the process's own client at an address."""

    def point(address: str) -> None:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        our_client.forget_client()

    yield point
    our_client.forget_client()


@pytest.fixture
def connected(pointed_at: Callable[[str], None], dev_server: DevServer) -> None:
    pointed_at(dev_server.address)


@pytest.fixture(scope="session")
async def worker(temporal: Client) -> AsyncIterator[None]:
    async with running_worker(temporal, AREA):
        yield


StartParcel = Callable[..., Awaitable[WorkflowHandle[Any, Any]]]


@pytest.fixture
def start_parcel(temporal: Client) -> StartParcel:
    async def start(*args: Any, **options: Any) -> WorkflowHandle[Any, Any]:
        number = next(_numbers)
        return await temporal.start_workflow(
            "ParcelWorkflow",
            args=list(args) or [ParcelInput(f"p{number}")],
            id=f"parcel-{os.getpid()}-{number}",
            task_queue=options.pop("task_queue", QUEUE),
            **options,
        )

    return start


@pytest.fixture
async def parcel(start_parcel: StartParcel, worker: None) -> WorkflowHandle[Any, Any]:
    return await start_parcel()


class ToPostgres:
    """Routes the counters to the PostgreSQL of these tests."""

    def db_for_read(self, model: type, **hints: Any) -> str | None:
        return "postgres" if model is ChangeCounter else None

    db_for_write = db_for_read


@pytest.fixture(scope="session")
def _counters_in_postgres(postgres: Postgres, django_db_blocker: Any) -> Iterator[None]:
    connections.databases["postgres"] = {
        **connections.databases["default"],
        "OPTIONS": {},
        **dj_database_url.parse(postgres.create_database()),
    }
    connections.databases["postgres"].pop("TEST", None)
    connections.databases["postgres"]["TEST"] = {"NAME": None}
    with django_db_blocker.unblock(), connections["postgres"].schema_editor() as editor:
        editor.create_model(ChangeCounter)
    yield
    with django_db_blocker.unblock():
        connections["postgres"].close()
    del connections.databases["postgres"]


@pytest.fixture(scope="module")
def counters_on_postgres(_counters_in_postgres: None, django_db_blocker: Any) -> Iterator[None]:
    """The change counters are in a real PostgreSQL, by the alias ``postgres``."""
    with django_db_blocker.unblock(), override_settings(DATABASE_ROUTERS=[f"{__name__}.ToPostgres"]):
        yield
