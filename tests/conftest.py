"""Fixtures for all: real servers, started once for the run when a test first asks, on ports that nobody has."""

import asyncio
import gc
import logging
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client as DjangoClient
from playwright.async_api import Browser, async_playwright, expect
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from dashboard.processes import free_port
from temporal_worker.client import forget_client
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from temporal_worker.registry import area_workers
from temporal_worker.testing import running_worker
from tests import flushing
from tests.browser import Tabs, launch_chromium
from tests.postgres import Postgres
from tests.servers import start_time_skipping_server
from tests.sharing import Sharing, order_of
from tests.slack_standin import SlackStandIn
from tests.soak.mailserver import MailServer
from tests.stack import Stack

# No test may find the Temporal that a developer has running: nothing listens on port 1.
for _name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
    del os.environ[_name]
os.environ["TEMPORAL_ADDRESS"] = "127.0.0.1:1"

# A line for each request, otherwise: one in nine seconds of the tests that ask for little, and nobody reads them.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("django_structlog").setLevel(logging.ERROR)

# A machine that is busy draws a page in more than Playwright's five seconds; what is promised to be quicker says so itself.
expect.set_options(timeout=15_000)
# Nor does anybody promise how long one example takes; CI's own settings stay what they are beside that.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

gc.set_threshold(50_000, 20, 20)  # a fifth of the run went into looking for cycles


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=order_of)


def pytest_collection_finish() -> None:
    """All that is there by now is there for good: nobody looks for cycles in it again."""
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    return Sharing(config, log)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Lets fixtures see in their teardown how the test went."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.stash[REPORT] = report


REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database file of this run's own, so that two runs at once do not meet."""
    database = connections["default"].settings_dict
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True, scope="session")
def _fast_passwords() -> None:
    """The real hash is slow on purpose: a tenth of a second for each log-in of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True, scope="session")
def _unthrottled() -> None:
    """Five queries for each log-in of a test; ``tests/dashboard/test_throttle.py`` turns them on again."""
    settings.AXES_ENABLED = False


@pytest.fixture(autouse=True)
def _uncounted() -> None:
    """Calls and wrong tokens are counted for a minute in each process, and a process runs many tests in a minute."""
    from dashboard.accounts import throttle

    for window in (throttle.calls, throttle.bad_tokens, throttle.mails):
        window.clear()


@pytest.fixture(autouse=True, scope="session")
def _home_waits() -> None:
    """A page of a test shows what the test has just written: none is drawn while another thread reads that anew."""
    from dashboard.home import snapshots

    snapshots.SHOWN_FOR = 0.0


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> None:
    flushing.install()


@pytest.fixture(autouse=True, scope="session")
def _quick_workers() -> None:
    """Each worker that starts loads all its workflows once into a sandbox and throws that away, to see whether it can be
    done: a sixth of a test with a worker. Here it is seen once."""
    prepare, seen = SandboxedWorkflowRunner.prepare_workflow, set()

    def prepare_once(runner: SandboxedWorkflowRunner, definition: Any) -> None:
        key = (definition.cls, frozenset(runner.restrictions.passthrough_modules))
        if key not in seen:
            prepare(runner, definition)
            seen.add(key)

    SandboxedWorkflowRunner.prepare_workflow = prepare_once  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the code under test writes beside the database goes away with the run."""
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    return settings.DATA_DIR


@pytest.fixture(scope="session")
def schema(django_db_setup: None, django_db_blocker: Any) -> Any:
    """What the API says of itself, asked once: it takes a second to write."""
    with django_db_blocker.unblock():
        answer = DjangoClient().get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.json()


# ── Temporal, in this process ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def _temporal_server() -> Iterator[DevServer]:
    # A workflow whose code breaks is marked with its first failed task; the server's own five take a minute.
    at_once = {"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1"}
    with DevServer(None, port=free_port(), ui_port=None, dynamic_config=at_once) as server:
        yield server


@pytest.fixture
def temporal_server(_temporal_server: DevServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[DevServer]:
    """A real server, in memory, to which this process's client connects. ``TimeSkipper`` works on it."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", _temporal_server.address)
    forget_client()
    yield _temporal_server
    forget_client()


@pytest.fixture(scope="session")
async def time_skipping_env() -> AsyncIterator[WorkflowEnvironment]:
    """The server that skips hours in milliseconds, shared by all tests that do not lead its clock themselves."""
    async with await start_time_skipping_server() as env:
        yield env


@pytest.fixture
def worker(temporal_server: DevServer, transactional_db: None) -> Iterator[None]:
    """A worker for all areas in this process, on the test's database. No workflow outlives its test."""
    with WorkerThread():
        yield


class WorkerThread:
    """Runs the workers on a loop of their own, so that sync tests and the code they call may block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-worker", daemon=True)

    def __enter__(self) -> "WorkerThread":
        self._thread.start()
        self._client = self._run(connect())
        self._workers = running_worker(self._client, *area_workers())
        self._run(self._workers.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._run(_terminate_all(self._client))
        self._run(self._workers.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


async def _terminate_all(client: Client) -> None:
    async for running in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):  # it has ended by itself meanwhile
            await client.get_workflow_handle(running.id, run_id=running.run_id).terminate("the test is over")


# ── Everything as real processes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def slack() -> Iterator[SlackStandIn]:
    """What the shared stack takes for Slack. It hears of requests only where a policy says so: the demo's do not."""
    with SlackStandIn() as running:
        yield running


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    """Where the shared stack sends its mails: leave it open."""
    with MailServer() as running:
        yield running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, slack: SlackStandIn, mails: MailServer) -> Iterator[Stack]:
    """Temporal, a worker and the web, shared by the run: leave it whole."""
    environment = slack.settings() | mails.settings()
    with Stack(tmp_path_factory.mktemp("stack"), environment=environment) as running:
        yield running


@pytest.fixture(scope="session")
def live_server_url(stack: Stack) -> str:
    """Where the shared stack's Daphne listens."""
    return stack.base_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; make a database in it for each purpose."""
    server = Postgres()
    yield server
    server.stop()


# ── The browser ──────────────────────────────────────────────────────────────────────────────────────────────────────
# Playwright's async interface: its sync one keeps a loop running in this thread, which async tests cannot bear.


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The whole browser in the soak, of which CI runs the short one; its headless shell, where there is one, in the suite."""
    async with async_playwright() as playwright:
        chromium = await launch_chromium(playwright, whole="SOAK" in os.environ)
        yield chromium
        await chromium.close()


@pytest.fixture
async def tabs(browser: Browser, stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Tabs]:
    """Pages of the shared stack. A script error, a console error or a breach of the CSP in any of them fails the test."""
    async for opened in open_tabs(browser, stack.base_url, request):
        yield opened


async def open_tabs(browser: Browser, base_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Tabs]:
    """The life of a ``tabs`` fixture, for stacks that a test does not share."""
    opened = Tabs(browser, base_url)
    yield opened
    report = request.node.stash.get(REPORT, None)
    failed = report is None or report.failed
    pictures = settings.BASE_DIR / "var" / "failures" / re.sub(r"\W+", "-", request.node.name) if failed else None
    await opened.close(pictures)
    assert not opened.surprises, "Went wrong in the browser:\n" + "\n".join(opened.surprises)
