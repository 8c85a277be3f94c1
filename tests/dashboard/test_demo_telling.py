"""How the demo's processes come to be told: in order, once, again where nobody listened, on where somebody said no."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dashboard import demo_telling
from dashboard.demo_telling import TRIES, at_once, tell
from temporal_worker.problems import NotFound, Problem, Refused, Unavailable


@dataclass(frozen=True)
class Story:
    name: str


STORIES = [Story("first"), Story("second"), Story("third")]


@pytest.fixture(autouse=True)
def at_once_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_telling, "AGAIN_AFTER", 0.0)


class Shop:
    """Answers the second story with the given problems, one after the other, and then takes it."""

    def __init__(self, *problems: Problem) -> None:
        self.told: list[str] = []
        self._problems = list(problems)

    def begin(self, story: Story) -> None:
        self.told.append(story.name)
        if story.name == "second" and self._problems:
            raise self._problems.pop(0)


def test_what_is_refused_is_left_and_the_others_are_told() -> None:
    shop = Shop(Refused("no", "No."))
    tell(STORIES, shop.begin)
    assert shop.told == ["first", "second", "third"]


def test_what_was_not_heard_is_told_again() -> None:
    shop = Shop(NotFound("There is none."), Unavailable("Busy."))
    tell(STORIES, shop.begin)
    assert shop.told == ["first", "second", "second", "second", "third"]


def test_nothing_further_is_told_to_nobody() -> None:
    shop = Shop(*[Unavailable("Away.")] * TRIES)
    with pytest.raises(Unavailable):
        tell(STORIES, shop.begin)
    assert shop.told == ["first", *["second"] * TRIES]


@pytest.mark.django_db
def test_tellers_do_not_wait_for_one_another_and_one_that_fails_is_heard_of() -> None:
    heard: list[str] = []

    def teller(name: str, *, fails: bool = False) -> Callable[[], None]:
        def told() -> None:
            heard.append(name)
            if fails:
                raise Unavailable("Away.")

        return told

    with pytest.raises(Unavailable):
        at_once((teller("orders", fails=True), teller("requests")))
    assert sorted(heard) == ["orders", "requests"]
