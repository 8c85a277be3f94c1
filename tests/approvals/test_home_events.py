"""What the home page tells of requests: each thing once."""

import pytest
from django.contrib.auth.models import User

from approvals.contract import By, Door
from approvals.home_events import latest_events
from tests.approvals.requests_of import NAMES, NOON, Desk, cover

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str]]:
    """Who did it and what, the newest first."""
    return [(event.who, event.text) for event in latest_events()]


@pytest.fixture
def people() -> None:
    for username, name in NAMES.items():
        first, last = name.split(" ", 1)
        User.objects.update_or_create(username=username, defaults={"first_name": first, "last_name": last})


@pytest.mark.usefixtures("people")
class TestWhoAndWhat:
    def test_are_said_once(self) -> None:
        Desk(at=NOON).want_changes("manager").ask_again().decide("manager").save()
        assert told() == [
            ("Marta Kovács", "approved Manager"),
            ("Emil Novak", "asked again; round 2 opened"),
            ("Marta Kovács", "asked for changes"),
            ("Emil Novak", "asked"),
        ]

    def test_whoever_acts_for_somebody_is_told_with_them(self) -> None:
        desk = Desk(at=NOON, covers=[cover("manager", "bo")])
        desk.state.decide(By("bo", Door.WEB), True, "", "manager", escalated=False)
        desk.save()
        assert told()[0] == ("Bo Nyman", "for Marta Kovács, approved Manager")

    def test_somebody_else_in_the_words_stays(self) -> None:
        """Whoever asked in another's name, as a program does, is not the one of whom the words are."""
        Desk(at=NOON, by=By("bo", Door.WEB)).save()
        assert told() == [("Bo Nyman", "Emil Novak asked")]


def test_who_has_no_name_here_is_called_by_their_log_in() -> None:
    """The request remembers the name that they had."""
    Desk(at=NOON, names={}).save()
    assert told() == [("employee", "asked")]
