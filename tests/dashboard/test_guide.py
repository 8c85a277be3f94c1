"""docs/how-to/add-a-process.md, followed to the letter in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.markdown import Block, Document

ROOT = Path(settings.BASE_DIR)
GUIDE = Document(ROOT / "docs" / "how-to" / "add-a-process.md")
COPIED = ("dashboard", "orders", "approvals", "campaigns", "temporal_worker", "templates", "static")
# What tests/conftest.py is made of.
TESTS = ("__init__", "conftest", "browser", "eventually", "flushing", "postgres", "servers", "sharing", "slack_standin")
TESTS_TOO = ("stack", "soak/__init__", "soak/mailserver")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without its tests, but for what their fixtures are made of. With bytecode: it starts sooner."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("manage.py", "pyproject.toml", *(f"tests/{each}.py" for each in (*TESTS, *TESTS_TOO))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def run(project: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DATABASE"))}
    environment |= {"DATA_DIR": str(project / "var"), "DEBUG": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def write(project: Path, block: Block) -> None:
    """What a reader's editor does with a block: a new file, or lines in one that is there."""
    path = project / block.file
    if block.language == "diff":
        lines = block.text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if not line.startswith("+"))
        after = "".join(line[1:] for line in lines if not line.startswith("-"))
        text = path.read_text()
        assert text.count(before) == 1, f"{block}: {block.file} has this {text.count(before)} times:\n{before}"
        path.write_text(text.replace(before, after))
    elif block.language in ("python", "html"):
        assert block.file, f"{block}: which file is it?"
        assert not path.exists(), f"{block}: {block.file} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)


def written(ending: str) -> list[str]:
    return sorted(block.file for block in GUIDE.blocks if block.file.endswith(ending) and block.language != "diff")


def test_the_code_of_the_guide_is_in_the_style_of_the_house(project: Path) -> None:
    for block in GUIDE.blocks:
        write(project, block)
    assert {"devices/contract.py", "devices/workflows.py", "devices/gateway.py"} <= set(written(".py"))
    ruff = str(Path(sys.executable).with_name("ruff"))
    run(project, ruff, "check", "--no-cache", *written(".py"))
    run(project, ruff, "format", "--no-cache", "--diff", *written(".py"))


@pytest.mark.soak
def test_who_follows_the_guide_has_a_process_that_works(project: Path) -> None:
    for block in GUIDE.blocks:
        write(project, block)
        if block.language == "sh":
            run(project, "sh", "-ec", block.text)
    told = run(project, sys.executable, "-X", "utf8", "-m", "pytest", "-n0", "-p", "no:cacheprovider", "tests/devices")
    tests = "".join(block.text for block in GUIDE.blocks if block.file.startswith("tests/"))
    promised = len(re.findall(r"^    (?:async )?def test_", tests, re.MULTILINE))
    assert promised >= 6
    assert f"{promised} passed" in told, told
