"""What the messages of all areas share: who sent one, by which door, and how a field is checked. Standard library only."""

from dataclasses import dataclass
from enum import StrEnum

MAX_TEXT = 500
"""Characters in a short text, unless its field says otherwise."""


class Door(StrEnum):
    """By which way a person's message came in."""

    WEB = "web"
    API = "api"
    SLACK = "slack"
    MAIL = "mail"
    WEBHOOK = "webhook"
    CLI = "cli"
    SYSTEM = "system"


class InvalidField(ValueError):
    """A message's field holds something that cannot be meant. ``field`` names it, the text says what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def check_text(name: str, value: str, *, most: int = MAX_TEXT, required: bool = False) -> None:
    if required and not value.strip():
        raise InvalidField(name, "must not be empty")
    if len(value) > most:
        raise InvalidField(name, f"must have {most} characters at most, has {len(value)}")
    # CR too: browsers end the lines of a text area with CR LF.
    if any(ord(char) < 32 and char not in "\r\n\t" for char in value):
        raise InvalidField(name, "must not contain control characters")


def check_number(name: str, value: int, *, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidField(name, f"must be from {least} to {most}, is {value}")


@dataclass(frozen=True)
class By:
    """Who sent a message, and by which door. A message without it counts as the Temporal CLI's."""

    username: str = ""
    door: str = Door.CLI

    def check(self) -> None:
        check_text("by.username", self.username, most=150)
        if self.door not in set(Door):
            raise InvalidField("by.door", f"must be one of {', '.join(Door)}")


SYSTEM = By("", Door.SYSTEM)
