"""What the docs name is there: files, links, variables, addresses; their code compiles, and their commands are taken.

A command is read by the parser of the program that it starts (``commands.py``); what a command does is tested elsewhere.
"""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import Resolver404, resolve
from pydantic import ValidationError

from tests.dashboard.commands import PROGRAMS, Refused, check, commands
from tests.markdown import Block, Document, documents, variables

ROOT = Path(settings.BASE_DIR)
AREAS = ("orders", "approvals", "campaigns", "dashboard", "temporal_worker")
DOCUMENTS = documents()
# What guides let their reader make.
MADE = {block.file for document in DOCUMENTS for block in document.blocks if block.file and block.language != "diff"}

# Sockets, and what a machine has.
NO_PAGES = ("/ws/", "/var/", "/etc/", "/opt/", "/run/", "/srv/", "/usr/", "/dev/", "/tmp/", "/metrics")

OTHERS = (ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "docs" / "operate" / "alerts.yaml")
# Of other programs, and what a guide's reader would write by its words.
NAMES_ABROAD = {"axes_reset_username", "max_per_week", "pg_dump"}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


@cache
def sources() -> str:
    """All that is ours and no documentation, and not this file: where a name has to stand."""
    files = [path for area in (*AREAS, "tests") for path in (ROOT / area).rglob("*.py") if path != Path(__file__)]
    return "\n".join(path.read_text(encoding="utf-8") for path in [*files, *OTHERS])


@cache
def words() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", sources()))


def python_blocks() -> list[Block]:
    return [block for document in DOCUMENTS for block in document.blocks if block.language == "python"]


@pytest.mark.parametrize("block", python_blocks(), ids=str)
def test_code_compiles_and_finds_what_it_imports(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text, filename=str(block))):
        if isinstance(node, ast.ImportFrom) and node.module and not _is_made(node.module):
            module = importlib.import_module(node.module)
            for name in node.names:
                found = hasattr(module, name.name) or _is_made(f"{node.module}.{name.name}")
                assert found or importlib.util.find_spec(f"{node.module}.{name.name}"), (node.module, name.name)
        elif isinstance(node, ast.Import):
            for name in node.names:
                importlib.import_module(name.name)


def _is_made(module: str) -> bool:
    path = module.replace(".", "/")
    return f"{path}.py" in MADE or any(name.startswith(f"{path}/") for name in MADE)


@pytest.mark.parametrize("block", [b for d in DOCUMENTS for b in d.blocks if b.language == "diff"], ids=str)
def test_lines_that_are_changed_stand_where_they_are_said_to(block: Block) -> None:
    before = "".join(line[1:] for line in block.text.splitlines(keepends=True) if not line.startswith("+"))
    assert (ROOT / block.file).read_text(encoding="utf-8").count(before) == 1, block.file


@each_document
def test_links_lead_somewhere(document: Document) -> None:
    for link in document.links():
        if re.match(r"[a-z]+:", link):
            assert link.startswith(("https://", "http://127.0.0.1:8000")), link
            continue
        name, _, anchor = link.partition("#")
        target = (document.path.parent / name).resolve() if name else document.path
        assert target.exists(), link
        if anchor:
            assert anchor in Document(target).anchors, f"{link}: there are {sorted(Document(target).anchors)}"


@each_document
def test_files_that_are_named_are_there(document: Document) -> None:
    for code in document.code():
        for name in re.findall(r"(?<![\w./<…-])[\w.@-]+(?:/[\w.@-]+)+/?(?![\w<…*{-])", code):
            first = name.partition("/")[0]
            if first in ("var", ".venv", ".ci") or name.startswith("1/") or _is_abroad(name):
                continue
            if Path(name).name == "__init__.py" and _is_in(MADE, f"{Path(name).parent}"):
                continue
            places = [ROOT / name, *(ROOT / area / name for area in AREAS), document.path.parent / name]
            assert any(place.exists() for place in places) or _is_in(MADE, name), name


def _is_abroad(name: str) -> bool:
    """No file of ours: another project, a media type, a time zone, what lies outside of the project."""
    return name.partition("/")[0] not in {path.name for path in ROOT.iterdir()} and not name.endswith((".py", ".md"))


def _is_in(made: set[str], name: str) -> bool:
    return any(each == name or each.startswith(name.rstrip("/") + "/") for each in made)


@each_document
def test_names_of_code_stand_in_the_code(document: Document) -> None:
    shown = "".join(block.text for block in document.blocks)
    for inline in document.inlines():
        for code in [child.content for child in inline.children or [] if child.type == "code_inline"]:
            for name in re.findall(r"(?<![\w./-])[A-Za-z]+(?:_[a-z]+)+\b(?!\.py)|\b[A-Z][a-z]+[A-Z]\w+\b", code):
                assert name in words() or name in NAMES_ABROAD or re.search(rf"\b{name}\b", shown), f"{name} in {code}"


def shell() -> list[Block]:
    return [block for document in DOCUMENTS for block in document.blocks if block.language in ("", "sh")]


@pytest.mark.parametrize("block", shell(), ids=str)
def test_commands_are_taken_by_the_programs_that_they_start(block: Block) -> None:
    check(block.text)


@each_document
def test_commands_in_the_text_are_taken_too(document: Document) -> None:
    for inline in document.inlines():
        for child in inline.children or []:
            if child.type == "code_inline":
                text = re.sub(r"<(\w+)[^>]*>", r"\1", child.content)
                if any(is_command(words) for words in commands(text)):
                    check(text)


def is_command(words: list[str]) -> bool:
    named = [word for word in words if not re.match("[A-Z_]+=", word)]
    return len(named) > 1 and Path(named[0]).name in PROGRAMS


@pytest.mark.parametrize(
    "text",
    [
        "make everything",
        "make bench BENCH=nothing",
        "BENCH=nothing make bench",
        "NOBODY_READS_IT=1 make demo",
        "python manage.py runwork",
        ".venv/bin/python manage.py runworker --builds 7f3a91c",
        "cd x && python manage.py migrate --no-such # and so on",
        "daphne -v 0 --behind-a-proxy dashboard.asgi:application",
        "uv sync --frozen --extra oracle",
        "uv sync --quite-frozen",
        "temporal workflow ask -w order-1",
        "temporal workflow query -w order-1 --kind get_status",
        "temporal workflow query -w order-1 --type get_nothing",
        "temporal workflow signal -w order-1 --name process_payment",
        "curl http://127.0.0.1:8000/nothing/here",
        "curl -X DELETE http://127.0.0.1:8000/api/orders",
        "for n in 1 2; do\n curl --no-such http://127.0.0.1:8000/readyz; done",
        "systemctl restart callboard-batch",
        "cp docs/deploy/nothing.service /etc/systemd/system/",
        "psequel callboard",
    ],
)
def test_a_command_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        check(text)


def test_a_body_that_the_api_would_not_take_is_refused() -> None:
    with pytest.raises(ValidationError):
        check("""curl http://127.0.0.1:8000/api/users/U/send-requests -d '{"channel": "pigeon"}'""")


@each_document
def test_names_in_capitals_are_names_of_ours(document: Document) -> None:
    for code in document.code():
        for name in re.findall(r"(?<![\w$./-])([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?![\w(])", code):
            known = name in variables() or name.startswith("TEMPORAL_") or re.search(rf"\b{name}\b", sources())
            assert known or any(name in block.text for block in document.blocks if block.file), f"{name} in {code}"


def test_every_variable_stands_in_the_table_of_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    # A name that begins another one's does not stand there by it.
    missing = {name for name in variables() if not re.search(rf"(?<![A-Z_]){name}(?![A-Z_])", table)}
    assert not missing


@each_document
def test_addresses_are_answered(document: Document) -> None:
    for code in document.code():
        alone = re.findall(r"^(/[a-z][\w/-]*)(?:\?.*)?$", code)
        whole = re.findall(r"(?:http://127\.0\.0\.1:8000|https://<your host>)(/[a-z][\w/-]*)(?=$|[\s?'\"])", code)
        for path in alone + whole:
            if path.startswith(NO_PAGES):
                continue
            try:
                resolve(path)
            except Resolver404:
                resolve(f"{path.rstrip('/')}/")
