"""What the docs name is there: files, links, commands with their options, variables, addresses; and their code compiles."""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from tests.markdown import Block, Document, documents

ROOT = Path(settings.BASE_DIR)
AREAS = ("orders", "approvals", "campaigns", "dashboard", "temporal_worker")
DOCUMENTS = documents()
# What guides let their reader make.
MADE = {block.file for document in DOCUMENTS for block in document.blocks if block.file and block.language != "diff"}

# Sockets, and what a machine has.
NO_PAGES = ("/ws/", "/var/", "/etc/", "/opt/", "/run/", "/srv/", "/usr/", "/dev/", "/tmp/", "/metrics")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


@cache
def sources() -> str:
    """All that is ours and no documentation: where a name has to stand."""
    files = [path for area in (*AREAS, "tests") for path in (ROOT / area).rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in [*files, ROOT / "Makefile", ROOT / "pyproject.toml"])


def variables() -> set[str]:
    """What ``settings.py`` reads from the environment."""
    text = (ROOT / "dashboard" / "settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'(?:env\.\w+|_secret)\(\s*"([A-Z_]+)"', text))


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
        for name in re.findall(r"(?<![\w./<…-])[\w.-]+(?:/[\w.-]+)+/?(?![\w<…*{-])", code):
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
def test_targets_of_make_are_there(document: Document) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for code in document.code():
        for target in re.findall(r"(?:^|[\s(])make ([a-z]+)", code):
            assert target in targets, code


@each_document
def test_commands_are_there_with_their_options(document: Document) -> None:
    for code in document.code():
        for name, rest in re.findall(r"manage\.py ([a-z_]+)([^|;&#]*)", code):
            commands = get_commands()
            assert name in commands, code
            parser = load_command_class(commands[name], name).create_parser("manage.py", name)
            known = {option for action in parser._actions for option in action.option_strings}
            for option in re.findall(r"(?<!\S)(--[a-z][a-z-]*)", rest):
                assert option in known, f"{code}: {name} has {sorted(known)}"


@each_document
def test_names_in_capitals_are_names_of_ours(document: Document) -> None:
    for code in document.code():
        for name in re.findall(r"(?<![\w$./-])([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?![\w(])", code):
            known = name in variables() or name.startswith("TEMPORAL_") or re.search(rf"\b{name}\b", sources())
            assert known or any(name in block.text for block in document.blocks if block.file), f"{name} in {code}"


@each_document
def test_variables_that_are_set_are_read(document: Document) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for code in document.code():
        if match := re.match(r"\s*(?:export )?((?:[A-Z][A-Z_]+=\S*\s+)+)\S", code):
            for name in re.findall(r"([A-Z][A-Z_]+)=", match[1]):
                assert name in variables() or name.startswith("TEMPORAL_") or name in makefile, code


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
