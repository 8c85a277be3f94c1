"""docs/operate.md: its drill is run, and its rules ask for figures that there are."""

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import temporalio
import yaml
from django.conf import settings
from django.db import connection

from tests.markdown import Document

DOCS = Path(settings.BASE_DIR) / "docs"


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


def test_the_rules_ask_for_figures_of_the_sdk() -> None:
    rules = yaml.safe_load((DOCS / "operate" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    [library] = (Path(temporalio.__file__).parent / "bridge").glob("*.so")
    known = library.read_bytes()
    for rule in rules:
        for name in re.findall(r"temporal_(\w+)", rule["expr"]):
            bare = re.sub(r"(_seconds)?(_bucket|_total)?$", "", name)
            assert bare.encode() in known, name
    table = (DOCS / "operate.md").read_text(encoding="utf-8")
    assert {rule["alert"] for rule in rules} == set(re.findall(r"^\| `(Callboard\w+)`", table, re.MULTILINE))
