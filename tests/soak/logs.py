"""What the processes wrote while a test ran. A traceback that nobody has explained fails the test, whatever it found."""

import re

from tests.stack import Stack

BAD = re.compile(r"Traceback|panicked|panic:|nondeterminis|non-determinis", re.IGNORECASE)
AROUND = 40
"""Lines that are shown after a finding."""


class LogWatch:
    """The logs of all workers and web processes of a stack, from now on."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._starts = {name: len(stack.log(name)) for name in self._names()}

    def _names(self) -> list[str]:
        return [child.name for child in (*self._stack.workers, *self._stack.webs) if child.log.exists()]

    def news(self) -> dict[str, str]:
        return {name: self._stack.log(name)[self._starts.get(name, 0) :] for name in self._names()}

    def problems(self) -> list[str]:
        """Each finding with what stands around it."""
        found = []
        for name, text in self.news().items():
            lines = text.splitlines()
            shown_until = 0
            for number, line in enumerate(lines):
                if number >= shown_until and BAD.search(line):
                    shown_until = number + AROUND
                    found.append(f"── {name}\n" + "\n".join(lines[max(0, number - 3) : shown_until]))
        return found
