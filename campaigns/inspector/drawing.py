"""The parts of a line of time: x in per cent of the time shown, y in pixels, so that text keeps its size at any width."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Mark:
    """Something at one place: ``kind`` is its class."""

    x: str
    y: int
    kind: str
    title: str


@dataclass(frozen=True)
class Label:
    x: str
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Bar:
    """From ``x`` on, ``width`` wide; ``end`` is where its text ends."""

    x: str
    width: str
    y: int = 0
    end: str = ""
    text: str = ""
    is_free: bool = False

    @property
    def text_y(self) -> int:
        return self.y + 13


@dataclass(frozen=True)
class Lane:
    """A channel: open from ``x`` to ``until``, or – with no ``x`` – ``wait`` says when or why not."""

    channel: str
    word: str
    icon: str
    y: int
    x: str = ""
    until: str = ""
    text: str = ""
    text_kind: str = ""
    wait: str = ""


@dataclass(frozen=True)
class Scale:
    """The time that is shown, and where an instant stands in it."""

    start: datetime
    end: datetime

    def share(self, at: datetime) -> float:
        """0 to 100, also for what lies outside."""
        return min(100.0, max(0.0, 100 * ((at - self.start) / (self.end - self.start))))

    def x(self, at: datetime) -> str:
        return f"{self.share(at):.2f}%"

    def width(self, start: datetime, end: datetime) -> str:
        return f"{max(0.0, self.share(end) - self.share(start)):.2f}%"

    def has(self, at: datetime) -> bool:
        return self.start <= at <= self.end


@dataclass(frozen=True)
class Refusal:
    """A message that was refused, as the send log has it."""

    channel: str
    at: datetime
    why: str
