"""Stacks of real processes for the soak: one that is shared and left whole, one on PostgreSQL, and those that are broken."""

from collections.abc import Callable, Iterator

import pytest

from tests.postgres import Postgres
from tests.slack_standin import SlackStandIn
from tests.soak.logs import LogWatch
from tests.soak.mailserver import MailServer
from tests.soak.office import Office
from tests.stack import Stack

_running: list[Stack] = []


def started(stack: Stack) -> Iterator[Stack]:
    """The life of a stack whose logs are watched by every test that runs meanwhile."""
    with stack:
        _running.append(stack)
        yield stack
        _running.remove(stack)


@pytest.fixture(scope="package")
def slack() -> Iterator[SlackStandIn]:
    """What the stacks take for Slack. A test that takes it away brings it back."""
    with SlackStandIn() as slack:
        slack.page_size = 200
        yield slack


@pytest.fixture(scope="package")
def mail_server() -> Iterator[MailServer]:
    """Likewise for mails."""
    with MailServer() as server:
        yield server


@pytest.fixture(scope="package")
def sqlite_stack(
    tmp_path_factory: pytest.TempPathFactory, slack: SlackStandIn, mail_server: MailServer
) -> Iterator[Stack]:
    """On SQLite, shared by the tests that break nothing of it. Its web process counts its SQL."""
    stack = Stack(tmp_path_factory.mktemp("soak"), environment=slack.settings() | mail_server.settings())
    stack.webs[0].command[-1] = "tests.soak.counting:application"
    yield from started(stack)


@pytest.fixture(scope="package")
def postgres_stack(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, slack: SlackStandIn, mail_server: MailServer
) -> Iterator[Stack]:
    """The same on PostgreSQL."""
    directory = tmp_path_factory.mktemp("soak-postgres")
    environment = slack.settings() | mail_server.settings()
    yield from started(Stack(directory, database_url=postgres.create_database(), environment=environment))


@pytest.fixture(scope="package")
def sqlite_office(sqlite_stack: Stack, slack: SlackStandIn, mail_server: MailServer) -> Office:
    """The shared stack with people who ask and decide."""
    return Office(sqlite_stack, slack, mail_server)


@pytest.fixture(scope="package")
def postgres_office(postgres_stack: Stack, slack: SlackStandIn, mail_server: MailServer) -> Office:
    return Office(postgres_stack, slack, mail_server)


@pytest.fixture(autouse=True)
def quiet_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which a worker or the web wrote a traceback, a panic or a word of nondeterminism."""
    # Stacks first, so that what a start writes is not this test's.
    for name in ("sqlite_stack", "postgres_stack", "own_stack", "sqlite_office", "postgres_office"):
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
