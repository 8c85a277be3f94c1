"""What happens before a campaign's first message: who it is for is written down, and everybody's letter is looked at.

On SQLite and on PostgreSQL, a small audience and one ten times as large, each in a process of its own: its memory is not to
grow with the audience.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from typing import Any

from django.conf import settings

from tests.benchmarks.figures import Figure, at_most
from tests.postgres import Postgres
from tests.stack import Stack

FEW, MANY = 10_000, 100_000


async def measure(stack: Stack) -> list[Figure]:
    return await asyncio.to_thread(_on_both, stack.environment)


def _on_both(environment: dict[str, str]) -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        figures = _on("SQLite", environment | {"DATA_DIR": directory})
        server = Postgres()
        try:
            return figures + _on(
                "PostgreSQL", environment | {"DATA_DIR": directory, "DATABASE_URL": server.create_database()}
            )
        finally:
            server.stop()


def _on(database: str, environment: dict[str, str]) -> list[Figure]:
    _manage(environment, "migrate", "-v", "0")
    few, many = _measured(environment, "FEW", FEW), _measured(environment, "MANY", MANY)
    figures = []
    for step, words in (("fixed", "recipients written down"), ("looked", "letters looked at")):
        name = f"{MANY:,} {words}, {database}"
        figures += [
            Figure(f"{name} (baseline: {FEW:,})", many[step]["seconds"], "s", few[step]["seconds"], None, "", None),
            at_most(f"{name}: memory beyond {FEW:,}'s", many[step]["mib"] - few[step]["mib"], "MiB", 10),
        ]
    return figures


def _measured(environment: dict[str, str], group: str, people: int) -> dict[str, Any]:
    _shell(environment, f"from tests.soak import mailings; mailings.people({group!r}, {people})")
    printed = _shell(environment, f"from tests.benchmarks import audience_process; audience_process.measure({group!r})")
    measured: dict[str, Any] = json.loads(printed.splitlines()[-1])
    assert measured["people"] == people, printed
    return measured


def _shell(environment: dict[str, str], code: str) -> str:
    return _manage(environment, "shell", "-v", "0", "-c", code)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    done = subprocess.run(
        command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=1_800
    )
    assert done.returncode == 0, f"manage.py {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
