"""The embedded server: its promises to a demo on somebody's machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from dashboard.processes import free_port
from temporal_worker.devserver import DevServer, temporal_binary
from tests.temporal_worker.conftest import eventually
from tests.temporal_worker.contract import QUEUE, ParcelInput


@pytest.mark.soak
class TestDevServer:
    async def test_keeps_its_state_for_thirty_days_and_over_a_restart(self, tmp_path: Path) -> None:
        server = DevServer(tmp_path, port=free_port(), ui_port=free_port())
        for _ in range(2):
            with server:
                client = await Client.connect(server.address)
                try:
                    await client.start_workflow("ParcelWorkflow", ParcelInput("p"), id="kept", task_queue=QUEUE)
                    started = True
                except Exception:
                    started = False
                namespace = await client.workflow_service.describe_namespace(
                    DescribeNamespaceRequest(namespace="default")
                )
                assert namespace.config.workflow_execution_retention_ttl.ToTimedelta().days == 30
                assert listening_addresses(server.pid) == {"127.0.0.1"}
            assert server.pid is None
        assert not started
        assert (tmp_path / "temporal.log").exists()

    def test_says_that_its_port_is_taken(self, dev_server: DevServer) -> None:
        with pytest.raises(RuntimeError, match=f"port {dev_server.port}"):
            DevServer(None, port=dev_server.port, ui_port=None).start()

    def test_says_why_it_stopped(self, tmp_path: Path) -> None:
        (tmp_path / "temporal.sqlite3").write_bytes(b"not a database" * 100)
        with pytest.raises(RuntimeError, match=r"stopped with code \d+\. Its log ends with"):
            DevServer(tmp_path, port=free_port(), ui_port=None).start()

    def test_stopping_twice_is_no_error(self) -> None:
        server = DevServer(None, port=free_port(), ui_port=None)
        server.stop()
        server.start()
        server.stop()
        server.stop()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has ended")
    async def test_ends_with_a_killed_parent(self) -> None:
        program = (
            "import os; from temporal_worker.devserver import DevServer; "
            f"s = DevServer(None, port={free_port()}, ui_port=None); s.start(); print('pid', s.pid, flush=True); "
            "os.kill(os.getpid(), 9)"
        )
        root = Path(__file__).resolve().parents[2]
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
        found = re.search(r"pid (\d+)", ended.stdout)
        assert found, ended.stderr
        await eventually(lambda: not alive(int(found.group(1))))

    def test_uses_the_binary_beside_this_python(self) -> None:
        assert os.access(temporal_binary(), os.X_OK)


def listening_addresses(pid: int | None) -> set[str]:
    found = psutil.Process(pid).net_connections("inet")
    return {connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN}


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
