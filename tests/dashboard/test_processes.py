import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from dashboard import processes
from dashboard.processes import Child, free_port
from tests.eventually import eventually

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""

# Starts a child as the demo does, and waits to be killed.
STARTER = """
import os, pathlib, sys, time
from dashboard.processes import Child
child = Child("it", [sys.executable, "-c", "import time; time.sleep(60)"], log=pathlib.Path(sys.argv[1]), env=dict(os.environ))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def child(tmp_path: Path, code: str) -> Child:
    return Child("it", [sys.executable, "-c", code], log=tmp_path / "it.log", env=dict(os.environ))


class TestChild:
    def test_is_ended_when_it_does_not_go_by_itself(self, tmp_path: Path) -> None:
        stubborn = child(tmp_path, STUBBORN)
        stubborn.start()
        eventually(lambda: "up" in stubborn.tail())
        assert stubborn.stop(timeout=0.2) is False
        assert stubborn.exit_code == -signal.SIGKILL

    def test_takes_its_own_children_with_it(self, tmp_path: Path) -> None:
        parent = child(tmp_path, PARENT)
        parent.start()
        eventually(lambda: "up" in parent.tail())
        [grandchild] = psutil.Process(parent.pid).children()
        assert parent.stop() is True
        eventually(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)

    def test_tells_what_it_said_since_its_start(self, tmp_path: Path) -> None:
        talker = child(tmp_path, "print('first words')")
        for _ in range(2):
            talker.start()
            eventually(lambda: talker.exit_code == 0)
        assert talker.tail() == "first words"
        assert not talker.is_running

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
    def test_does_not_outlive_a_killed_parent(self, tmp_path: Path) -> None:
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(tmp_path / "it.log")],
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
        )
        with starter:
            assert starter.stdout is not None
            started = psutil.Process(int(starter.stdout.readline()))
            starter.kill()
        eventually(lambda: not started.is_running() or started.status() == psutil.STATUS_ZOMBIE)


class TestFreePort:
    @pytest.mark.parametrize(
        ("given", "lowest", "end"),
        [
            ("32768\t60999\n", 20_000, 32_000),
            ("20000\t65535\n", 8_000, 20_000),
            ("9000\t65000\n", 2_000, 9_000),
            ("1024\t65535\n", 20_000, 32_000),  # no room
            ("", 20_000, 32_000),
            (None, 20_000, 32_000),  # not Linux
        ],
    )
    def test_no_connection_gets_a_port_that_was_handed_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, lowest: int, end: int
    ) -> None:
        """The kernel chooses those of outgoing connections; a server may be started again on its own a minute later."""
        if given is not None:
            (tmp_path / "range").write_text(given)
        monkeypatch.setattr(processes, "_GIVEN_TO_CONNECTIONS", tmp_path / "range")
        ports = [free_port() for _ in range(20)]
        assert len(set(ports)) == 20
        assert all(lowest <= port < end for port in ports)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which ones they are")
    def test_is_none_of_those_of_this_kernel(self) -> None:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        if first < 2_800:
            pytest.skip("It leaves no room below them.")
        assert max(free_port() for _ in range(20)) < first
