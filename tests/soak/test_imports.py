"""A file as large as one may be, through a real Daphne and a real worker: in full, and never in memory as a whole."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import httpx
import pytest

from dashboard.auth import DEMO_PASSWORD
from tests.eventually import eventually
from tests.soak.sizes import pick
from tests.stack import Stack

MB = 1024 * 1024
SIZE = pick(short=10, full=100) * MB
ROW = 1_000
"""Bytes of a row, about."""
MOST_MORE = 48 * MB
"""What a process may take up beyond what it had: pieces, parsed rows, caches, but not the file."""
IN_TIME = pick(short=180.0, full=1_500.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    rows = SIZE // ROW
    with path.open("w") as lines:
        lines.write("id,email,name,note,other\n")
        for number in range(rows):
            email = "nonsense" if number % 100 == 7 else f"bulk-{number}@example.com"
            lines.write(f"BULK-{number:07},{email},Bulk {number},{'x' * 470},{'y' * 450}\n")
    return path


@contextmanager
def logged_in(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.base_url, timeout=120, follow_redirects=False) as client:
        token = token_in(client.get("/accounts/login/").text)
        form = {"csrfmiddlewaretoken": token, "username": "marketer", "password": DEMO_PASSWORD}
        assert client.post("/accounts/login/", data=form).status_code == 302
        yield client


def upload(client: httpx.Client, content: IO[bytes]) -> str:
    """Hands a file in that goes through by itself, its columns as their headings say; the path of its page."""
    token = token_in(client.get("/campaigns/imports/new/").text)
    answer = client.post(
        "/campaigns/imports/new/",
        data={"csrfmiddlewaretoken": token},
        files={"file": ("people.csv", content, "text/csv")},
    )
    assert answer.status_code == 302, answer.text[:500]
    columns = answer.headers["location"]
    html = client.get(columns).text
    said = {"csrfmiddlewaretoken": token_in(html), "unattended": "on", **said_of(html)}
    answer = client.post(columns, data=said)
    assert answer.status_code == 302, answer.text[:500]
    return answer.headers["location"]


def is_over(stack: Stack) -> bool:
    """Whether the newest import has ended."""
    rows = stack.sql("SELECT status FROM campaigns_audienceimport ORDER BY id DESC LIMIT 1")
    return bool(rows) and rows[0][0] not in ("starting", "running")


def said_of(html: str) -> dict[str, str]:
    """What the form of the columns says when nothing is changed in it."""
    said = dict(re.findall(r'<input type="text" name="(attribute-\d+)" value="([^"]*)"', html))
    for name, options in re.findall(r'<select name="(meaning-\d+)".*?>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        said[name] = chosen[1] if chosen else ""
    return said


def token_in(html: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert found
    return found[1]


class Memory:
    """The most that web and worker took up while it was watched, in bytes."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = self._now()
        self.most = dict(self.before)

    def _now(self) -> dict[str, int]:
        return {"web": self._stack.memory(self._stack.webs[0]), "worker": self._stack.memory(self._stack.workers[0])}

    def _watch(self) -> None:
        while not self._ends.wait(0.1):
            now = self._now()
            self.most = {name: max(most, now[name]) for name, most in self.most.items()}

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._thread.join()

    def grown(self, name: str) -> int:
        return self.most[name] - self.before[name]


@pytest.mark.timeout(IN_TIME + 120)
def test_a_large_file_is_taken_with_bounded_memory(sqlite_stack: Stack, file: Path, say: Callable[[str], None]) -> None:
    stack = sqlite_stack
    with logged_in(stack) as client:
        # What is loaded once, by the first import of all – the Temporal client, for one –, is loaded before.
        upload(client, BytesIO(b"id,email\nSMALL-1,small@example.com\n"))
        eventually(lambda: is_over(stack), timeout=60, every=0.5)
        with Memory(stack) as memory:
            began = time.monotonic()
            with file.open("rb") as content:
                path = upload(client, content)
            taken = time.monotonic() - began
            eventually(lambda: is_over(stack), timeout=IN_TIME, every=0.5)
        html = client.get(path).text
        assert "status--ok status--pill" in html
        rows = stack.sql(
            "SELECT rows_total, rows_rejected, rows_done FROM campaigns_audienceimport ORDER BY id DESC LIMIT 1"
        )
        total = SIZE // ROW
        rejected = len(range(7, total, 100))
        assert rows[0] == (total, rejected, total - rejected)
        known = stack.sql("SELECT COUNT(*) FROM campaigns_contact WHERE user_id LIKE 'BULK-%'")
        assert known[0][0] == total - rejected
        lines = client.get(f"{path}problems.csv").text.splitlines()
        assert len(lines) == rejected + 1
    say(
        f"{SIZE // MB} MB, {total:,} rows: uploaded in {taken:.1f} s, through in {time.monotonic() - began:.0f} s; "
        f"web +{memory.grown('web') // MB} MB, worker +{memory.grown('worker') // MB} MB"
    )
    assert memory.grown("web") < MOST_MORE
    assert memory.grown("worker") < MOST_MORE


def test_a_strangers_large_file_is_refused_without_being_read(sqlite_stack: Stack, file: Path) -> None:
    with Memory(sqlite_stack) as memory, file.open("rb") as content:
        answer = httpx.post(f"{sqlite_stack.base_url}/campaigns/imports/new/", files={"file": content}, timeout=120)
    assert answer.status_code == 413
    assert memory.grown("web") < MOST_MORE
