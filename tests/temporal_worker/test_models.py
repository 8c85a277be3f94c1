"""Heartbeats, and the change counter – on SQLite and on a real PostgreSQL."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models.functions import Now

from temporal_worker.heartbeat import live_queues
from temporal_worker.models import ChangeCounter, WorkerHeartbeat


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    def closing() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    return closing


def bump(name: str, using: str) -> int:
    with transaction.atomic(using=using):
        return ChangeCounter.bump(name)


def bump_from_threads(name: str, using: str, threads: int, times: int) -> list[int]:
    barrier = threading.Barrier(threads)

    def work() -> list[int]:
        barrier.wait()
        return [bump(name, using) for _ in range(times)]

    with ThreadPoolExecutor(threads) as pool:
        return sorted(
            value for future in [pool.submit(in_thread(work)) for _ in range(threads)] for value in future.result()
        )


class TestChangeCounterOnPostgres:
    pytestmark = pytest.mark.usefixtures("counters_on_postgres")

    def test_no_value_is_lost_or_given_twice(self) -> None:
        assert bump_from_threads("orders", "postgres", 8, 10) == list(range(1, 81))

    def test_first_bumps_of_all_at_once(self) -> None:
        for attempt in range(5):
            assert bump_from_threads(f"new-{attempt}", "postgres", 6, 1) == list(range(1, 7))

    def test_values_become_visible_in_their_order(self) -> None:
        bump("order", "postgres")
        bumped, may_commit, second_done = threading.Event(), threading.Event(), threading.Event()

        def first() -> int:
            with transaction.atomic(using="postgres"):
                value = ChangeCounter.bump("order")
                bumped.set()
                assert may_commit.wait(10)
            return value

        def second() -> int:
            assert bumped.wait(10)
            value = bump("order", "postgres")
            second_done.set()
            return value

        with ThreadPoolExecutor(2) as pool:
            one, two = pool.submit(in_thread(first)), pool.submit(in_thread(second))
            assert bumped.wait(10)
            assert ChangeCounter.read()["order"] == 1  # not committed, not seen
            assert not second_done.wait(0.3)  # waits for the first one's commit, so it cannot be seen before it
            may_commit.set()
            assert (one.result(), two.result()) == (2, 3)
        assert ChangeCounter.read()["order"] == 3

    def test_a_rolled_back_change_counts_nothing(self) -> None:
        with transaction.atomic(using="postgres"):
            ChangeCounter.bump("rollback")
            transaction.set_rollback(True, using="postgres")
        assert "rollback" not in ChangeCounter.read()
        assert bump("rollback", "postgres") == 1


@pytest.mark.django_db(transaction=True)
class TestChangeCounterOnSqlite:
    def test_no_value_is_lost_or_given_twice(self) -> None:
        assert bump_from_threads("orders", "default", 4, 5) == list(range(1, 21))

    def test_outside_a_transaction_is_refused(self) -> None:
        with pytest.raises(transaction.TransactionManagementError):
            ChangeCounter.bump("orders")


@pytest.mark.django_db
class TestWorkerHeartbeat:
    def test_counts_the_living_by_queue(self) -> None:
        WorkerHeartbeat.beat(["orders", "approvals"], "1@a")
        WorkerHeartbeat.beat(["orders"], "2@b")
        assert live_queues() == {"orders": 2, "approvals": 1}

    def test_beats_again_in_the_same_row(self) -> None:
        WorkerHeartbeat.beat(["orders"], "1@a")
        first = WorkerHeartbeat.objects.get()
        WorkerHeartbeat.beat(["orders"], "1@a")
        second = WorkerHeartbeat.objects.get()
        assert (second.pk, second.started_at) == (first.pk, first.started_at)
        assert second.seen_at >= first.seen_at
        assert str(second) == "1@a on orders"

    def test_the_silent_are_not_counted(self) -> None:
        WorkerHeartbeat.beat(["orders"], "1@a")
        WorkerHeartbeat.objects.update(seen_at=Now() - timedelta(seconds=7))
        assert live_queues() == {}

    def test_who_leaves_takes_old_rows_of_the_dead_along(self) -> None:
        for identity in ("1@a", "2@b", "3@c"):
            WorkerHeartbeat.beat(["orders"], identity)
        WorkerHeartbeat.objects.filter(identity="3@c").update(seen_at=Now() - timedelta(days=1))
        WorkerHeartbeat.leave("1@a")
        assert [row.identity for row in WorkerHeartbeat.objects.all()] == ["2@b"]
