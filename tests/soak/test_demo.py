"""``manage.py demo`` as a person runs it: a process of its own, ended as people and accidents end it, and started again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from django.conf import settings

from dashboard.processes import free_port
from tests.dashboard.test_demo import demo_environment
from tests.eventually import eventually

BEARER = {"Authorization": "Bearer demo-ops"}


class RunningDemo:
    def __init__(self, data_dir: Path) -> None:
        self.web = free_port()
        self.url = f"http://127.0.0.1:{self.web}"
        self._said = data_dir.parent / "said.txt"
        self._output = self._said.open("w")
        self.process = psutil.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"],
            env=demo_environment(data_dir, WEB_PORT=str(self.web)),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def said(self) -> str:
        return self._said.read_text()

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.said()
            return "\nready" in self.said()

        eventually(ready, timeout=90, every=0.2)

    def children(self) -> list[psutil.Process]:
        return self.process.children(recursive=True)

    def waiting_for(self, username: str) -> int:
        """How many requests this person can decide."""
        bearer = {"Authorization": f"Bearer demo-{username}"}
        return len(httpx.get(f"{self.url}/api/approvals?inbox=mine", headers=bearer, timeout=15).json()["items"])

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        key = {"Idempotency-Key": path} if method == "POST" else {}
        answer = httpx.request(method, self.url + path, json=body, headers=BEARER | key, timeout=15)
        assert answer.is_success, answer.text
        return answer.json()


@contextmanager
def running_demo(data_dir: Path) -> Iterator[RunningDemo]:
    demo = RunningDemo(data_dir)
    try:
        demo.wait_until_ready()
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def gone(processes: list[psutil.Process]) -> bool:
    return not [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


class TestDemo:
    @pytest.mark.timeout(300)
    def test_goes_on_with_its_data_and_leaves_no_process(self, tmp_path: Path) -> None:
        data_dir = tmp_path / "data"
        with running_demo(data_dir) as demo:
            assert demo.url in demo.said()
            assert httpx.get(f"{demo.url}/readyz", timeout=5).status_code == 200
            order = demo.api(
                "POST",
                "/api/orders",
                {
                    "customer_id": "CUST-001",
                    "customer_email": "amara.okafor@example.com",
                    "items": [{"sku": "LIMITED-010", "quantity": 1}],
                },
            )
            path = f"/api/orders/{order['order_id']}"
            eventually(lambda: demo.api("GET", path)["stage"] == "awaiting_payment", timeout=90)
            # The requests come while people look already; who asks them leaves when that is done.
            eventually(lambda: demo.waiting_for("manager") > 1 and demo.waiting_for("hr") > 0, timeout=90)
            eventually(lambda: len(demo.children()) == 3, timeout=90)
            children = demo.children()
            demo.process.send_signal(signal.SIGINT)
            assert demo.process.wait(60) == 0, demo.said()
            assert gone(children)

        with running_demo(data_dir) as demo:
            card = {"payment_method": "card", "card_token": "tok_visa", "amount_cents": order["total_cents"]}
            demo.api("POST", f"{path}/payment", card)
            eventually(lambda: demo.api("GET", path)["status"] == "paid", timeout=90)
            children = demo.children()
            # A child that ends takes the demo with it, which says who it was.
            worker = next(each for each in children if "runworker" in each.cmdline())
            worker.kill()
            assert demo.process.wait(60) == 1
            assert "The worker has ended" in demo.said()
            assert gone(children)
