"""Saves that are being tried again are known for as long as they are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone
from temporalio import activity
from temporalio.client import Client

from temporal_worker import delays
from temporal_worker.delays import delayed_since
from temporal_worker.models import DelayedSave
from temporal_worker.registry import AreaWorker
from temporal_worker.workers import build_worker
from tests.temporal_worker.workflows import GateWorkflow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gates_are_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "SAVES", "pass_")


async def _run(temporal: Client, name: str, attempts: list[list[tuple[str, float]]], fails: int) -> None:
    """A save that fails so often; ``attempts`` gets what was known in each of them."""

    def pass_gate() -> str:
        now = timezone.now()
        rows = DelayedSave.objects.values_list("activity", "since")
        attempts.append([(kind, (now - since).total_seconds()) for kind, since in rows])
        if len(attempts) <= fails:
            raise DatabaseError("the disk is full")
        return "saved"

    area = AreaWorker(f"delays-{name}", [GateWorkflow], [activity.defn(name="pass_gate")(pass_gate)])
    with ThreadPoolExecutor(1) as executor:
        async with build_worker(temporal, area, executor, grace=timedelta(seconds=1)):
            await temporal.execute_workflow("GateWorkflow", id=f"delays-{name}", task_queue=area.task_queue)


class TestDelayedSaves:
    async def test_is_noted_while_it_is_tried_again_and_forgotten_when_it_is_done(self, temporal: Client) -> None:
        attempts: list[list[tuple[str, float]]] = []
        await _run(temporal, "noted", attempts, fails=2)
        assert attempts[0] == []
        assert [kind for kind, _ in attempts[1]] == ["pass_gate"]
        # Counted from when it was first asked for, whatever attempt it is.
        assert len(attempts[2]) == 1
        assert attempts[2][0][1] > attempts[1][0][1] > 0
        assert not await DelayedSave.objects.aexists()

    async def test_no_save_fails_because_it_could_not_be_noted(
        self, temporal: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def note(task: str, activity: str, since: object) -> None:
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(DelayedSave, "note", note)
        attempts: list[list[tuple[str, float]]] = []
        await _run(temporal, "full", attempts, fails=1)
        assert attempts == [[], []]


class TestDelayedSince:
    def test_is_the_oldest_of_its_kinds(self) -> None:
        now = timezone.now()
        DelayedSave.note("run:1", "save_campaign", now - timedelta(minutes=2))
        DelayedSave.note("run:2", "save_import", now - timedelta(minutes=3))
        DelayedSave.note("run:3", "save_order", now - timedelta(minutes=9))
        assert delayed_since("save_campaign", "save_import", now=now) == now - timedelta(minutes=3)
        assert delayed_since("save_request", now=now) is None

    def test_keeps_what_is_tried_and_forgets_what_nobody_tries(self) -> None:
        for task in ("run:1", "run:2", "run:3"):
            DelayedSave.note(task, "save_order", timezone.now())
        DelayedSave.objects.filter(task="run:2").update(seen_at=timezone.now() - timedelta(hours=2))
        DelayedSave.forget("run:1")
        assert list(DelayedSave.objects.values_list("task", flat=True)) == ["run:3"]
