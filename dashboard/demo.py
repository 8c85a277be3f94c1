"""The demo: Temporal, a worker and the web as children of one process, started and stopped in order."""

import fcntl
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from environs import Env

from dashboard.processes import Child, free_port, is_port_free
from temporal_worker.devserver import DevServer

HOST = "127.0.0.1"
READY_WITHIN = 90.0
"""Seconds from the start of the children within which ``/readyz`` has to answer 200."""


class DemoFailed(Exception):
    """The demo cannot start, or a part of it has ended. The message is for the person at the terminal."""


class StopRequested(Exception):
    """Somebody asked the demo to stop while it was still starting."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts listen, each on 127.0.0.1."""

    web_port: int
    temporal_port: int
    ui_port: int

    @classmethod
    def from_environment(cls) -> "Addresses":
        env = Env()
        return cls(env.int("WEB_PORT", 8000), env.int("TEMPORAL_PORT", 7233), env.int("TEMPORAL_UI_PORT", 8233))

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    @property
    def temporal(self) -> str:
        return f"{HOST}:{self.temporal_port}"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://{HOST}:{self.ui_port}"

    def check_free(self) -> None:
        """Raises :class:`DemoFailed`, naming the variable that moves each port that is taken."""
        ports = {
            "WEB_PORT": (self.web_port, "the web pages"),
            "TEMPORAL_PORT": (self.temporal_port, "Temporal"),
            "TEMPORAL_UI_PORT": (self.ui_port, "Temporal's web interface"),
        }
        taken = [
            f"Port {port}, for {what}, is taken. Choose another: {name}={free_port()} make demo"
            for name, (port, what) in ports.items()
            if not is_port_free(port)
        ]
        if taken:
            raise DemoFailed("\n".join(taken))


def child_environment(addresses: Addresses, data_dir: Path) -> dict[str, str]:
    """The environment of worker and web: ours with the demo's addresses, and without the keys of another Temporal."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")} | {
        "DEMO": "1",
        "DATA_DIR": str(data_dir),
        "BASE_URL": addresses.web_url,
        "TEMPORAL_ADDRESS": addresses.temporal,
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_UI_URL": addresses.temporal_ui_url,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "PYTHONUNBUFFERED": "1",
    }


def web_command(port: int) -> list[str]:
    """Daphne, without an access log: ours has each request already, with its ids."""
    return [sys.executable, "-m", "daphne", "-v", "0", "-b", HOST, "-p", str(port), "dashboard.asgi:application"]


def worker_command() -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "runworker"]


def requests_command() -> list[str]:
    """Asks the demo's requests and ends."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", "--requests"]


@contextmanager
def only_demo_on(data_dir: Path) -> Iterator[None]:
    """Refuses a second demo on the same data. The kernel drops the lock when its holder ends, however it ends."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed(
                f"Another demo is running on {data_dir}. Stop it, or choose other data: DATA_DIR=… make demo"
            ) from None
        yield


class Demo:
    """The parts of the demo. ``stop_requested`` is asked between all steps, so that Ctrl-C works at any of them."""

    def __init__(self, addresses: Addresses, *, say: Callable[[str], None], stop_requested: Callable[[], bool]) -> None:
        self._addresses = addresses
        self._say = say
        self._stop_requested = stop_requested
        env = child_environment(addresses, settings.DATA_DIR)
        logs = settings.DATA_DIR / "logs"
        self._temporal = DevServer(
            settings.DATA_DIR / "temporal", port=addresses.temporal_port, ui_port=addresses.ui_port
        )
        self._worker = Child("worker", worker_command(), log=logs / "worker.log", env=env, cwd=settings.BASE_DIR)
        self._web = Child(
            "web server", web_command(addresses.web_port), log=logs / "web.log", env=env, cwd=settings.BASE_DIR
        )
        self._requests = Child("demo requests", requests_command(), log=logs / "requests.log", env=env)
        self._children = (self._worker, self._web)
        self._problems = [ProblemLines(child) for child in self._children]

    def start(self) -> None:
        """Starts all parts and returns when the demo is ready for people.

        Raises:
            DemoFailed, StopRequested
        """
        try:
            self._temporal.start()
        except RuntimeError as error:
            raise DemoFailed(str(error)) from error
        for child in self._children:
            self._go_on()
            child.start()
        deadline = time.monotonic() + READY_WITHIN
        while not _is_ready(f"{self._addresses.web_url}/readyz"):
            self._go_on()
            self._check_alive()
            if time.monotonic() > deadline:
                raise DemoFailed(f"Not ready after {READY_WITHIN:.0f} s.\n{self._web.tail()}\n{self._worker.tail()}")
            time.sleep(0.25)
        for problems in self._problems:
            problems.skip()  # that it was not ready until now is none

    def fill(self) -> None:
        """Has the demo's requests asked, by a process of its own: nobody waits for it, and it may fail."""
        self._requests.start()
        problems = ProblemLines(self._requests)
        problems.skip()
        self._problems.append(problems)

    def watch(self) -> None:
        """Returns when somebody asks to stop; shows the problems that the parts log. Raises DemoFailed if one ends."""
        told = False
        while not self._stop_requested():
            self._check_alive()
            asking_ended = self._requests.exit_code  # asked each time, or it would stay behind as a zombie
            if asking_ended and not told:
                self._say(f"The demo's requests are not all there; its log is {self._requests.log}.")
                told = True
            for problems in self._problems:
                for line in problems.new():
                    self._say(line)
            time.sleep(0.2)

    def stop(self) -> None:
        """Who asks, then web, so that nobody asks what nobody answers; then the worker, which finishes; then Temporal."""
        self._requests.stop(1)
        self._web.stop(5)
        self._worker.stop(35)
        self._temporal.stop()

    def _go_on(self) -> None:
        if self._stop_requested():
            raise StopRequested

    def _check_alive(self) -> None:
        for child in self._children:
            if child.exit_code is not None:
                raise DemoFailed(
                    f"The {child.name} has ended with code {child.exit_code}. Its log ({child.log}) ends with:\n"
                    + child.tail()
                )
        if self._temporal.pid is None:
            raise DemoFailed(f"Temporal has ended. Its log is in {settings.DATA_DIR / 'temporal'}.")


class ProblemLines:
    """The warnings and errors that a child has written to its log since they were last asked for.

    Not that a card was declined or its provider did not answer: that is tried again, told on the order's page, and part of what
    the demo shows.
    """

    MARKS = ("[warning", "[error", "[critical", "Traceback (most recent call last)")
    EXPECTED = "activity=charge_payment"
    MOST = 10

    def __init__(self, child: Child) -> None:
        self._child = child
        self._position = 0

    def skip(self) -> None:
        """Leaves out what is there already."""
        self._position = self._child.log.stat().st_size

    def new(self) -> list[str]:
        """At most ten lines at a time; after that one that says how many there were."""
        with self._child.log.open("rb") as log:
            log.seek(self._position)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._position += len(whole)
        found = [
            f"{self._child.name}: {line}"
            for line in whole.decode(errors="replace").splitlines()
            if any(mark in line for mark in self.MARKS) and self.EXPECTED not in line
        ]
        if len(found) > self.MOST:
            found[self.MOST :] = [f"{self._child.name}: {len(found) - self.MOST} more in {self._child.log}"]
        return found


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - our own address
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
