"""What stands beside the stack for the campaigns' figures: a mail server, and the worker of the naive design."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from dashboard.processes import Child, free_port, is_port_free
from tests.eventually import eventually
from tests.stack import Stack


class Mails:
    """The lines ``<to> <subject>`` of all mails that the server took."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []


@contextmanager
def mails_and_naive_worker(stack: Stack) -> Iterator[Mails]:
    """Beside the stack, whose workers are started anew and send to that server; of the naive design as many."""
    port, path = free_port(), stack.directory / "mails.txt"
    environment = stack.environment | {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port)}
    with ExitStack() as running:

        def child(name: str, *words: str) -> None:
            log = stack.directory / "logs" / f"{name}.log"
            process = Child(name, [sys.executable, "-m", *words], log=log, env=environment, cwd=settings.BASE_DIR)
            process.start()
            running.callback(process.stop)

        child("mail-sink", "tests.benchmarks.mail_sink", str(port), str(path))
        eventually(lambda: not is_port_free(port), timeout=30)
        for number, worker in enumerate(stack.workers):
            child(f"naive-{number}", "tests.benchmarks.naive_worker")
            stack.stop_worker(number)
            worker.env = environment
            stack.start_worker(number)
        stack.wait_until_ready()
        yield Mails(path)
