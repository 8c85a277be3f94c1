"""What is asked and what is found: the words between the search box and the areas."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST = 200
"""Characters that are looked at. Nothing that can be found is longer."""
MOST_WORDS = 5
SHORTEST = 3
"""Characters that stand together in at least one of the words: an index on three can be asked, one on less cannot."""

_LOOKED_UP = re.compile(rf"[^\W_]{{{SHORTEST},}}")


@dataclass(frozen=True)
class Asked:
    """What somebody typed, cut to what is looked at. Any text is one."""

    text: str

    @classmethod
    def read(cls, typed: str) -> "Asked":
        """PostgreSQL takes no NUL in a text, and a surrogate is no text at all."""
        clean = typed[: 10 * LONGEST].encode("utf-8", "ignore").decode().replace("\0", " ")
        return cls(" ".join(clean.split())[:LONGEST].strip())

    @property
    def words(self) -> list[str]:
        return self.text.split()[:MOST_WORDS]

    @property
    def is_enough(self) -> bool:
        """Whether it names so little of everything that it can be looked for."""
        return any(_LOOKED_UP.search(word) for word in self.words)


@dataclass(frozen=True)
class Finding:
    """One thing with a page of its own. ``mark`` and ``word`` are its status: see ``.status--…`` in components.css."""

    title: str
    detail: str
    url: str
    mark: str = ""
    word: str = ""


@dataclass(frozen=True)
class Group:
    """What was found of one kind. ``more`` is the list with the same search; empty where there is none, or no more."""

    name: str
    icon: str
    findings: Sequence[Finding] = field(default_factory=tuple)
    more: str = ""
