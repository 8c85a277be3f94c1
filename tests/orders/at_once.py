"""Many threads doing one thing at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def at_once(count: int, do: Callable[[int], Any], *, workers: int | None = None) -> list[Any]:
    """Call ``do(0)`` … ``do(count - 1)`` together and return what each answered, or the exception it raised."""
    workers = workers or count
    start = threading.Barrier(workers)

    def run(number: int) -> Any:
        try:
            if number < workers:
                start.wait(30)
            return do(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(count)))
