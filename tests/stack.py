"""The whole application as real processes with data of its own: Temporal, worker, web. For journeys, soak and benchmarks."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg
from django.conf import settings
from temporalio.client import Client

from dashboard.demo import HOST, Addresses, child_environment, web_command, worker_command
from dashboard.demo_users import demo_token
from dashboard.processes import Child, free_port
from temporal_worker.devserver import DevServer
from tests.eventually import eventually

# What a shell may hold and a stack must not take over.
_FOREIGN = ("DATABASE_URL", "DEBUG", "SECRET_KEY", "EMAIL_HOST", "PAYMENT_WEBHOOK_SECRETS", "ALLOWED_HOSTS", "HTTPS")


class Stack:
    """One set of processes. Each may be stopped, killed and started again on its own while the others run.

    Start it from the main thread: the children die with the thread that started them.
    """

    _prepared: bytes | None = None
    """The database of the first one on SQLite, before anything ran on it."""

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str = "",
        workers: int = 1,
        webs: int = 1,
        environment: dict[str, str] | None = None,
        worker_environment: dict[str, str] | None = None,
    ) -> None:
        """``database_url`` empty means a SQLite file in ``directory``; ``environment`` is for all of our processes."""
        self.directory = directory
        self.database_url = database_url
        self.addresses = Addresses(free_port(), free_port(), free_port())
        env = child_environment(self.addresses, directory)
        for name in _FOREIGN:
            env.pop(name, None)
        if database_url:
            env["DATABASE_URL"] = database_url
        self.environment = env | {"LOG_JSON": "0"} | (environment or {})
        self.temporal = DevServer(directory / "temporal", port=self.addresses.temporal_port, ui_port=None)
        self.web_ports = [self.addresses.web_port, *(free_port() for _ in range(webs - 1))]
        self.webs = [
            self._child(f"web-{number}", web_command(port), self.environment)
            for number, port in enumerate(self.web_ports)
        ]
        self.workers = [
            self._child(f"worker-{number}", worker_command(), self.environment | (worker_environment or {}))
            for number in range(workers)
        ]

    def _child(self, name: str, command: list[str], env: dict[str, str]) -> Child:
        return Child(name, command, log=self.directory / "logs" / f"{name}.log", env=env, cwd=settings.BASE_DIR)

    # ── Life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare()
            self.temporal.start()
            for child in (*self.workers, *self.webs):
                child.start()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _prepare(self) -> None:
        """What ``demo --prepare`` writes takes it seven seconds of a core: stacks on SQLite that come later get a copy."""
        database, prepared = self.directory / "callboard.sqlite3", Stack._prepared
        if prepared is not None and not self.database_url and not database.exists():
            database.write_bytes(prepared)
            return
        is_new = not database.exists()
        self.manage("demo", "--prepare")
        if is_new and not self.database_url:
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            Stack._prepared = database.read_bytes()

    def stop(self) -> None:
        for child in (*self.webs, *self.workers):
            child.stop(10)
        self.temporal.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def manage(self, *arguments: str, timeout: float = 120) -> str:
        """Runs ``manage.py`` on this stack's database and returns what it printed."""
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        def ready() -> bool:
            for child in (*self.webs, *self.workers):
                assert child.exit_code is None, f"{child.name} has ended:\n{child.tail()}"
            status, body = self.readyz()
            assert status == 200, body
            return True

        end = time.monotonic() + timeout
        while True:
            try:
                eventually(ready, timeout=max(0.0, end - time.monotonic()), every=0.1)
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    # ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def kill_worker(self, number: int = 0) -> None:
        """``kill -9``."""
        self.workers[number].kill()

    def stop_worker(self, number: int = 0) -> None:
        """Lets it drain."""
        self.workers[number].stop(40)

    def start_worker(self, number: int = 0) -> None:
        self.workers[number].start()

    def stop_temporal(self) -> None:
        self.temporal.stop()

    def start_temporal(self) -> None:
        self.temporal.start()

    def restart_web(self, number: int = 0) -> None:
        self.webs[number].stop(10)
        self.webs[number].start()

    # ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def base_url(self) -> str:
        return self.addresses.web_url

    @property
    def base_urls(self) -> list[str]:
        """One per web process."""
        return [f"http://{HOST}:{port}" for port in self.web_ports]

    @property
    def temporal_address(self) -> str:
        return self.addresses.temporal

    def readyz(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{self.base_url}/readyz", timeout=5)
        return answer.status_code, answer.json() if "json" in answer.headers.get("content-type", "") else {}

    def api(self, username: str = "ops", **options: Any) -> httpx.Client:
        """A client of the JSON API with the demo token of ``username``."""
        return httpx.Client(base_url=self.base_url, headers=self._bearer(username), timeout=15, **options)

    def async_api(self, username: str = "ops", **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.base_url, headers=self._bearer(username), timeout=15, **options)

    def _bearer(self, username: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {demo_token(username)}"}

    async def temporal_client(self) -> Client:
        """A client of this stack's Temporal, as a foreign program would have one."""
        return await Client.connect(self.temporal_address)

    # ── What came of it ──────────────────────────────────────────────────────────────────────────────────────────────

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of ``query`` on this stack's database. Placeholders are ``?`` on SQLite and ``%s`` on PostgreSQL."""
        if self.database_url:
            with psycopg.connect(self.database_url) as connection:
                cursor = connection.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []
        with sqlite3.connect(self.directory / "callboard.sqlite3", timeout=20) as connection:
            return connection.execute(query, parameters).fetchall()

    def memory(self, child: Child) -> int:
        """Resident bytes of a child with all its own children."""
        process = psutil.Process(child.pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))

    def log(self, name: str) -> str:
        """All that ``worker-0``, ``web-0``, … wrote."""
        return (self.directory / "logs" / f"{name}.log").read_text(errors="replace")


def leftover_children() -> list[psutil.Process]:
    """Processes that this one has started and that still run."""
    return psutil.Process(os.getpid()).children(recursive=True)
