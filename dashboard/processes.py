"""Child processes that are stopped in order, and that never outlive the process that started them."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal a process gets when its parent dies, even by kill -9
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_GIVEN_TO_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_PORTS, _LOWEST_PORT, _PORTS_OF_ONE = range(20_000, 32_000), 2_000, 400
_handed_out = count()


def _die_with_parent() -> None:
    """Runs in the child between fork and exec, so it does nothing but one system call."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One child process in a process group of its own, so that Ctrl-C at the terminal reaches it only through us.

    Start it from a thread that lives as long as the child should: Linux counts the thread that forked as the parent.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.env = dict(env)
        self.cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._group_ended = False

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or before it was started."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            self._end_group()
        return code

    @property
    def is_running(self) -> bool:
        return self._process is not None and self.exit_code is None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._group_ended = False
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def stop(self, timeout: float = 15.0) -> bool:
        """Ask it to end with SIGTERM, and end it with its whole group when it has not after ``timeout`` seconds.

        Returns whether it went by itself.
        """
        if self._process is None or self.exit_code is not None:
            return True
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        else:
            return True
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process and what is left of its group with SIGKILL."""
        if self._process is not None:
            self._end_group()
            self._process.wait()

    def _end_group(self) -> None:
        """Once only: later the number may be another process's."""
        if self._process is None or self._group_ended:
            return
        self._group_ended = True
        with suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(self._process.pid, signal.SIGKILL)

    def tail(self, lines: int = 25) -> str:
        """The last lines that it wrote since it was started."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on at this moment, and which this process has not handed out before.

    Below those that the kernel gives to outgoing connections by itself: one of them could take it before its server has
    begun to listen, or while that is started again. Each process begins at another place.
    """
    ports, first = _ports(), os.getpid() * _PORTS_OF_ONE
    for number in islice(_handed_out, len(ports)):
        port = ports[(first + number) % len(ports)]
        if is_port_free(port, host):
            return port
    raise OSError(f"No port from {ports[0]} to {ports[-1]} is free on {host}.")


def _ports() -> range:
    """Those to choose from. Linux says from where on it gives them to connections (32768, unless a host has set it lower);
    where it leaves no room below, and elsewhere, where they begin at 49152, they are the usual ones.
    """
    try:
        end = min(_PORTS.stop, int(_GIVEN_TO_CONNECTIONS.read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        return _PORTS
    below = range(max(_LOWEST_PORT, end - len(_PORTS)), end)
    return below if len(below) >= 2 * _PORTS_OF_ONE else _PORTS


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now. Ports that a stopped server has just left count as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
