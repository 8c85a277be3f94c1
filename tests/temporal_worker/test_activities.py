"""What an activity finds: a live database connection on its own thread, and its ids in every log line."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from structlog.contextvars import get_contextvars
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from temporal_worker.interceptors import is_worth_a_line
from temporal_worker.registry import AreaWorker
from temporal_worker.workers import build_worker
from tests.temporal_worker.workflows import GateWorkflow

pytestmark = pytest.mark.django_db(transaction=True)


def count_heartbeats() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM temporal_worker_workerheartbeat")
        return int(cursor.fetchone()[0])


async def run_one(
    temporal: Client, fn: Callable[..., Any], name: str, executor: ThreadPoolExecutor, times: int = 1, at_once: int = 1
) -> list[str]:
    area = AreaWorker(f"activities-{name}", [GateWorkflow], [activity.defn(name="pass_gate")(fn)])
    async with build_worker(temporal, area, executor, max_concurrent_activities=at_once, grace=timedelta(seconds=1)):
        return await asyncio.gather(
            *(
                temporal.execute_workflow("GateWorkflow", id=f"activity-{name}-{n}", task_queue=area.task_queue)
                for n in range(times)
            )
        )


class TestDatabaseConnection:
    @pytest.fixture(autouse=True)
    def as_with_postgresql(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No connection outlives what it was opened for; SQLite's does, for a minute."""
        monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", 0)

    async def test_is_closed_on_the_activitys_own_thread(self, temporal: Client) -> None:
        def uses_the_database() -> str:
            assert connection.connection is None
            return str(count_heartbeats())

        with ThreadPoolExecutor(1) as executor:
            assert await run_one(temporal, uses_the_database, "closed", executor, times=3) == ["0", "0", "0"]
            assert executor.submit(lambda: connection.connection).result() is None

    async def test_a_dead_one_is_replaced_before_the_activity(self, temporal: Client) -> None:
        def leave_a_dead_connection() -> None:
            connection.ensure_connection()
            connection.connection.close()

        def uses_the_database() -> str:
            return str(count_heartbeats())

        with ThreadPoolExecutor(1) as executor:
            executor.submit(leave_a_dead_connection).result()
            assert await run_one(temporal, uses_the_database, "dead", executor) == ["0"]

    async def test_async_activities_do_not_share_one_thread(self, temporal: Client) -> None:
        async def uses_the_database() -> str:
            def query_of_its_own_thread() -> str:
                together.wait(10)
                return str(count_heartbeats())

            return await sync_to_async(query_of_its_own_thread)()

        together = threading.Barrier(6)  # broken by one that has to wait for another's end
        with ThreadPoolExecutor(6) as executor:
            assert await run_one(temporal, uses_the_database, "async", executor, times=6, at_once=6) == ["0"] * 6


class TestLog:
    async def test_lines_carry_the_ids(self, temporal: Client) -> None:
        seen: list[dict[str, Any]] = []

        def says_where_it_is() -> str:
            seen.append(get_contextvars())
            return ""

        with ThreadPoolExecutor(1) as executor:
            await run_one(temporal, says_where_it_is, "ids", executor)
        assert seen[0]["workflow_id"] == "activity-ids-0"
        assert seen[0]["activity"] == "pass_gate"
        assert seen[0]["attempt"] == 1
        assert seen[0]["run_id"]
        assert "workflow_id" not in get_contextvars()

    async def test_a_failure_is_logged_once(self, temporal: Client, caplog: pytest.LogCaptureFixture) -> None:
        def fails() -> str:
            if activity.info().attempt < 3:
                raise KeyError("try again")
            raise ApplicationError("declined", type="PermanentError", non_retryable=True)

        with ThreadPoolExecutor(1) as executor, caplog.at_level(logging.INFO), pytest.raises(WorkflowFailureError):
            await run_one(temporal, fails, "fails", executor)
        ours = [record for record in caplog.records if record.name == "temporal_worker.interceptors"]
        assert len(ours) == 1

    def test_attempts_worth_a_line(self) -> None:
        assert [n for n in range(1, 2000) if is_worth_a_line(n)] == [1, 10, 100, 1000]
