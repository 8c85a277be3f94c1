"""docs/operate.md: its drill is run, and its rules ask for figures that there are."""

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.db import connection

from tests.markdown import Document

DOCS = Path(settings.BASE_DIR) / "docs"


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_the_drill_brings_back_what_was_lost(tmp_path: Path) -> None:
    backup, restore = [block.text for block in Document(DOCS / "operate.md").blocks if block.language == "sh"]
    database = tmp_path / "callboard.sqlite3"
    connection.ensure_connection()
    with sqlite3.connect(database) as copy:
        connection.connection.backup(copy)
    running = sqlite3.connect(database)
    running.execute("PRAGMA journal_mode=WAL")
    running.execute("CREATE TABLE drill (words TEXT)")
    running.execute("INSERT INTO drill VALUES ('before')")
    running.commit()  # in the log, not in the file yet

    environment = os.environ | {"DATA_DIR": str(tmp_path), "BACKUP": str(tmp_path / "backup"), "DEBUG": "1"}
    environment.pop("DATABASE_URL", None)
    python = f"{Path(sys.prefix) / 'bin' / 'python'}"

    def run(text: str) -> None:
        command = ["sh", "-euc", text.replace(".venv/bin/python", python)]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    run(backup)
    running.execute("INSERT INTO drill VALUES ('after')")
    running.commit()
    running.close()
    database.write_bytes(b"lost")
    run(restore)
    with sqlite3.connect(database) as restored:
        assert restored.execute("SELECT words FROM drill").fetchall() == [("before",)]


RULES = yaml.safe_load((DOCS / "operate" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]


def test_each_rule_is_explained() -> None:
    """That the worker tells what they ask for: tests/temporal_worker/test_operations.py."""
    table = (DOCS / "operate.md").read_text(encoding="utf-8")
    assert {rule["alert"] for rule in RULES} == set(re.findall(r"^\| `(Callboard\w+)`", table, re.MULTILINE))


def test_no_rule_waits_for_a_worker_that_is_gone_to_say_nought() -> None:
    """Its series end instead, and a comparison of what is not there is never true."""
    for rule in RULES:
        if "temporal_" in rule["expr"]:
            assert not re.search(r"(==|<=?)\s*[\d.]+\s*$", rule["expr"]), rule["alert"]
