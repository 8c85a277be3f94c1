"""Stacks of real processes for the soak: one that is shared and left whole, one on PostgreSQL, and those that are broken."""

from collections.abc import Callable, Iterator

import pytest

from tests.postgres import Postgres
from tests.soak.logs import LogWatch
from tests.stack import Stack

_running: list[Stack] = []


def started(stack: Stack) -> Iterator[Stack]:
    """The life of a stack whose logs are watched by every test that runs meanwhile."""
    with stack:
        _running.append(stack)
        yield stack
        _running.remove(stack)


@pytest.fixture(scope="package")
def sqlite_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """On SQLite, shared by the tests that break nothing."""
    yield from started(Stack(tmp_path_factory.mktemp("soak")))


@pytest.fixture(scope="package")
def postgres_stack(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Stack]:
    """The same on PostgreSQL."""
    directory = tmp_path_factory.mktemp("soak-postgres")
    yield from started(Stack(directory, database_url=postgres.create_database()))


@pytest.fixture(autouse=True)
def quiet_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which a worker or the web wrote a traceback, a panic or a word of nondeterminism."""
    # Stacks first, so that what a start writes is not this test's.
    for name in ("sqlite_stack", "postgres_stack", "own_stack"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
    watches = [LogWatch(stack) for stack in _running]
    yield
    problems = [problem for watch in watches for problem in watch.problems()]
    assert not problems, "In the logs:\n" + "\n\n".join(problems)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure to the terminal, past pytest's capture: what a soak measured is worth reading when it passes."""

    def speak(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text}", flush=True)

    return speak
