"""Reads a command line of the docs as the program that it starts would, and says what it would refuse."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from daphne.cli import CommandLineInterface
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string
from pydantic import TypeAdapter
from temporalio import workflow

from dashboard.api import api
from temporal_worker.registry import area_workers
from tests.markdown import documents, variables

ROOT = Path(settings.BASE_DIR)

FOREIGN = {
    *(
        "cd",
        "chown",
        "cp",
        "curl",
        "echo",
        "export",
        "install",
        "kill",
        "mkdir",
        "pg_isready",
        "pip",
        "podman",
        "rm",
        "set",
        ".",
    ),
    *("systemctl", "touch", "useradd"),
}
"""Programs of the machine. Of those without a reader below only the files of ours that they name are looked at."""

_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)


class Refused(Exception):
    """What a program would say to its command line."""


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command in a piece of shell, without comments, here-documents and what it redirects to."""
    text = re.sub(r"<<'?(\w+)'?(.*)\n(?:.*\n)*?\1$", r"\2", text, flags=re.MULTILINE)
    text = re.sub(r"(^|\s)#\s.*$", r"\1", text.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();&|<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if not set(word) <= set("();&|<>\n"):
            words.append(word)
            continue
        words = words[1:] if words[:1] in (["do"], ["then"], ["else"]) else words
        if words and words[0] not in ("for", "done", "fi", "if"):
            yield words
        words = []


def check(text: str) -> None:
    """Raises Refused for the first command of ``text`` that names what is not there."""
    for words in commands(text):
        check_words(words)


def check_words(words: list[str]) -> None:
    while words and (match := _ASSIGNMENT.fullmatch(words[0])):
        _check_variable(match[1], match[2])
        words = words[1:]
    if not words:
        return
    program, rest = words[0].rpartition("/")[2], words[1:]
    for word in rest if program not in ("mkdir", "touch") else []:
        if word.startswith(("docs/", "tests/")) and not list(ROOT.glob(word)):
            raise Refused(f"{word} is not there")
    if reader := _READERS.get(program):
        reader(rest)
    elif program not in FOREIGN:
        raise Refused(f"nobody here has {program}")


def _check_variable(name: str, value: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    if name not in variables() and not name.startswith("TEMPORAL_") and f"$({name})" not in makefile:
        raise Refused(f"nothing reads {name}")
    if name == "BENCH":
        # The groups stand in a function, beside what they import.
        groups = (ROOT / "tests/benchmarks/__main__.py").read_text(encoding="utf-8")
        for group in value.split(","):
            if f'"{group}": ' not in groups:
                raise Refused(f"make bench has no group {group}")
    if name == "SOAK" and value not in ("short", "full"):
        raise Refused(f"make soak is short or full, not {value}")


def _make(words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for word in words:
        if match := _ASSIGNMENT.fullmatch(word):
            _check_variable(match[1], match[2])
        elif word not in targets:
            raise Refused(f"the Makefile has no {word}")


def _python(words: list[str]) -> None:
    if words[0] == "manage.py":
        _manage(words[1:])
    elif words[0] != "-":  # what follows came in a here-document
        raise Refused(f"python {words[0]}")


def _manage(words: list[str]) -> None:
    known, (name, *rest) = get_commands(), words
    if name not in known:
        raise Refused(f"manage.py has no {name}")
    parser = load_command_class(known[name], name).create_parser("manage.py", name)
    _parse(parser, rest)


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    def refuse(message: str) -> Any:
        raise Refused(f"{parser.prog}: {message}")

    parser.error = refuse  # type: ignore[method-assign]
    return parser.parse_args(words)


def _daphne(words: list[str]) -> None:
    # systemd's %i, which is a port.
    found = _parse(CommandLineInterface().parser, [re.sub("^%i$", "8000", word) for word in words])
    import_string(found.application.replace(":", "."))


def _uv(words: list[str]) -> None:
    program = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")  # as in the Makefile
    _check_options(_help(program, words[0]), words)
    extras = set(re.findall(r"^(\w+) = \[", _section("project.optional-dependencies"), re.MULTILINE))
    for option, value in pairwise(words):
        if option == "--extra" and value not in extras:
            raise Refused(f"there is no extra {value}")


def _section(name: str) -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return text.partition(f"[{name}]")[2].partition("\n[")[0]


def _temporal(words: list[str]) -> None:
    program = str(Path(sys.prefix) / "bin" / "temporal")
    subcommands = list(takewhile(lambda word: not word.startswith("-"), words))
    told = _help(program, *subcommands)
    if f"temporal {' '.join(subcommands)} [flags]" not in told:
        raise Refused(f"temporal has no {' '.join(subcommands)}")
    _check_options(told, words)
    options = dict(pairwise(words))
    if name := options.get("--type") or options.get("--name"):
        verb = subcommands[1] if len(subcommands) > 1 else ""
        if verb in _HANDLERS and name not in _handlers(verb) and f"def {name}(" not in _written_by_readers():
            raise Refused(f"no workflow of ours has the {verb} {name}")
    json.loads(options.get("--input", "{}"))


_HANDLERS: dict[str, Callable[[Any], Any]] = {
    "query": lambda known: known.queries,
    "signal": lambda known: known.signals,
    "update": lambda known: known.updates,
}


@cache
def _handlers(verb: str) -> set[str]:
    known = [workflow._Definition.must_from_class(each) for area in area_workers() for each in area.workflows]
    return {name for each in known for name in _HANDLERS[verb](each) if name}


@cache
def _written_by_readers() -> str:
    """The program text that guides let their reader write."""
    return "".join(block.text for each in documents() for block in each.blocks if block.language == "python")


@cache
def _help(program: str, *words: str) -> str:
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def _check_options(told: str, words: list[str]) -> None:
    for word in words:
        option = word.partition("=")[0]
        if re.fullmatch(r"--?[a-z][a-z-]*", option) and not re.search(rf"(?<![\w-]){option}(?![\w-])", told):
            raise Refused(f"no option {option}")


def _curl(words: list[str]) -> None:
    parser = argparse.ArgumentParser("curl", add_help=False)
    for option in ("-f", "-s", "-S"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    parser.add_argument("-X")
    parser.add_argument("url")
    asked = _parse(parser, words)
    path = re.sub(r"^https?://[^/]+", "", asked.url).partition("?")[0]
    try:
        resolve(path)
    except Resolver404:
        raise Refused(f"nothing answers {path}") from None
    if path.startswith("/api/"):
        _check_call(asked.X or ("POST" if asked.d else "GET"), path, asked.d)


def _check_call(method: str, path: str, body: str | None) -> None:
    """As our API would: there is such an operation, and it takes such a body."""
    for prefix, router in api._routers:
        for template, view in router.path_operations.items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", f"/api{prefix}{template}")
            for operation in view.operations if re.fullmatch(pattern, path) else []:
                if method in operation.methods:
                    for model in operation.models if body else []:
                        if model.__ninja_param_source__ == "body":
                            TypeAdapter(model.model_fields["body"].annotation).validate_json(body)
                    return
    raise Refused(f"the API has no {method} {path}")


def _systemctl(words: list[str]) -> None:
    for unit in [word for word in words[1:] if word.startswith("callboard")]:
        name, at, _ = unit.removesuffix(".service").partition("@")
        if not (ROOT / "docs" / "deploy" / f"{name}{at}.service").exists():
            raise Refused(f"there is no unit {unit}")


def _sh(words: list[str]) -> None:
    if words[0] != "-c":
        raise Refused(f"sh {words[0]}")
    check(words[1])


_READERS: dict[str, Callable[[list[str]], None]] = {
    "curl": _curl,
    "daphne": _daphne,
    "make": _make,
    "manage.py": _manage,
    "python": _python,
    "sh": _sh,
    "systemctl": _systemctl,
    "temporal": _temporal,
    "uv": _uv,
}
PROGRAMS = frozenset(_READERS)
"""Whose command lines are read."""
