import time
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from approvals.contract import TASK_QUEUE as APPROVALS
from campaigns.contract import TASK_QUEUE as CAMPAIGNS
from dashboard import health
from orders.contract import TASK_QUEUE
from temporal_worker.devserver import DevServer
from temporal_worker.models import WorkerHeartbeat
from tests.eventually import eventually

QUEUE = health.queue_check_name(TASK_QUEUE)


@pytest.mark.django_db
def test_a_probe_asks_by_the_address_of_its_process(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["callboard.example.com"]
    host = {"host": "10.1.2.3:8000"}
    assert client.get("/healthz", headers=host).status_code == 200
    assert "checks" in client.get("/readyz", headers=host).json()
    assert client.get("/accounts/login/", headers=host).status_code == 400


class TestHealthz:
    def test_asks_nothing(self, client: Client) -> None:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db(transaction=True)
class TestReadyz:
    def test_without_temporal_and_workers(self, client: Client) -> None:
        start = time.monotonic()
        answer = client.get("/readyz")
        assert time.monotonic() - start < 2.5
        assert answer.status_code == 503
        checks = answer.json()["checks"]
        assert {name: check["ok"] for name, check in checks.items()} == {
            "database": True,
            "temporal": False,
            QUEUE: False,
            health.queue_check_name(APPROVALS): False,
            health.queue_check_name(CAMPAIGNS): False,
        }

    def test_with_all_of_them(self, client: Client, temporal_server: DevServer) -> None:
        WorkerHeartbeat.beat([TASK_QUEUE, APPROVALS, CAMPAIGNS], "a worker")
        eventually(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/readyz").json()["status"] == "ready"

    def test_a_worker_that_has_left_is_missed(self, client: Client, temporal_server: DevServer) -> None:
        WorkerHeartbeat.beat([TASK_QUEUE], "a worker")
        WorkerHeartbeat.leave("a worker")
        checks = client.get("/readyz").json()["checks"]
        assert checks[QUEUE]["ok"] is False

    def test_without_the_database(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def lost() -> health.Check:
            raise OperationalError("no route to the host db-7.internal")

        monkeypatch.setattr(health, "_check_database", lost)
        answer = client.get("/readyz")
        assert answer.json()["checks"]["database"] == {"ok": False, "detail": "The database does not answer."}

    def test_a_check_that_hangs_does_not_hold_the_answer(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "_check_workers", lambda queues: time.sleep(4))
        start = time.monotonic()
        checks = client.get("/readyz").json()["checks"]
        assert time.monotonic() - start < 2.5
        assert checks[QUEUE]["ok"] is False
