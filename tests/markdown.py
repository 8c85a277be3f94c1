"""The docs as Markdown is meant: their code blocks, each with the file that it is, their links and their headings.

And the variables that the settings read, against which the docs are held.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.conf import settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

_FILE_NAME = re.compile(r"`([\w./-]+)`")


@dataclass(frozen=True)
class Block:
    """A block of code. ``file`` is the name that stands alone in the paragraph above it, or above the block before."""

    path: Path
    line: int
    language: str
    text: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.path.relative_to(settings.BASE_DIR)}:{self.line}"


@dataclass(frozen=True)
class Document:
    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(settings.BASE_DIR))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        found: list[Block] = []
        name = ""
        for token in self._tokens:
            if token.type == "inline":
                alone = _FILE_NAME.fullmatch(token.content)
                name = alone[1] if alone else ""
            elif token.type == "fence" and token.map:
                found.append(Block(self.path, token.map[0] + 1, token.info.strip(), token.content, name))
        return found

    def inlines(self) -> Iterator[Token]:
        """Every run of text, with its code, links and pictures as children."""
        return (token for token in self._tokens if token.type == "inline")

    def code(self) -> Iterator[str]:
        """What stands in backticks, and each line of the blocks that are no program text."""
        for inline in self.inlines():
            yield from (child.content for child in inline.children or [] if child.type == "code_inline")
        for block in self.blocks:
            if block.language in ("", "sh", "text"):
                yield from block.text.replace("\\\n", " ").splitlines()

    def links(self) -> Iterator[str]:
        for inline in self.inlines():
            for child in inline.children or []:
                target = child.attrGet("href") or child.attrGet("src")
                if target:
                    yield str(target)
        yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', self.text) if "<img" in self.text else []

    @cached_property
    def anchors(self) -> set[str]:
        """What ``#…`` may name, as GitHub makes it of the headings."""
        titles = [
            following.content
            for token, following in zip(self._tokens, self._tokens[1:], strict=False)
            if token.type == "heading_open"
        ]
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def variables() -> set[str]:
    """What the settings read from the environment."""
    shell = Path(settings.BASE_DIR) / "dashboard"
    text = "".join((shell / name).read_text(encoding="utf-8") for name in ("environment.py", "settings.py"))
    return set(re.findall(r'(?:\benv\.\w+|\bsecret)\(\s*"([A-Z_]+)"', text))


def documents() -> list[Document]:
    root = Path(settings.BASE_DIR)
    return [
        Document(path) for path in (root / "README.md", root / "CONTRIBUTING.md", *sorted(root.glob("docs/**/*.md")))
    ]
