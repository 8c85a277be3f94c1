"""Out of office: entering it, what is refused, coming back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertRedirects

from approvals.models import Absence


def entered(**changes: Any) -> dict[str, str]:
    start = timezone.now() + timedelta(days=1)
    fields = {
        "delegate": "bo",
        "starts_at": f"{start:%Y-%m-%dT%H:%M}",
        "until": f"{start + timedelta(days=5):%Y-%m-%dT%H:%M}",
        "kind": "",
        "reason": "Holiday",
        "zone": "UTC",
    }
    return {**fields, **changes}


@pytest.fixture
def manager(people: dict[str, User]) -> Client:
    client = Client()
    client.force_login(people["manager"])
    return client


class TestAway:
    def test_is_entered_and_listed(self, manager: Client) -> None:
        assertRedirects(manager.post("/approvals/away/new/", entered()), "/approvals/away/")
        absence = Absence.objects.get()
        assert (absence.person.username, absence.delegate.username, absence.reason) == ("manager", "bo", "Holiday")
        assertContains(manager.get("/approvals/away/"), "Bo Nyman decides")

    def test_pressing_twice_is_one_absence(self, manager: Client) -> None:
        for _ in range(2):
            manager.post("/approvals/away/new/", entered())
        assert Absence.objects.count() == 1

    def test_moments_are_in_the_zone_of_the_browser(self, manager: Client) -> None:
        year = timezone.now().year + 1
        times = {"starts_at": f"{year}-01-10T09:00", "until": f"{year}-01-12T17:00", "zone": "America/New_York"}
        manager.post("/approvals/away/new/", entered(**times))
        assert Absence.objects.get().starts_at == datetime(year, 1, 10, 14, 0, tzinfo=UTC)

    def test_an_unknown_zone_is_utc(self, manager: Client) -> None:
        year = timezone.now().year + 1
        times = {"starts_at": f"{year}-01-10T09:00", "until": f"{year}-01-12T17:00", "zone": "../../etc/passwd"}
        manager.post("/approvals/away/new/", entered(**times))
        assert Absence.objects.get().starts_at == datetime(year, 1, 10, 9, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"delegate": "manager"}, "Somebody else has to decide while you are away."),
            ({"delegate": "nobody"}, "There is nobody of this name"),
            ({"delegate": ""}, "This field is required."),
            ({"until": "2020-01-01T00:00"}, "It has to end after it starts."),
            ({"until": "soon"}, "Enter a valid date/time."),
        ],
    )
    def test_what_cannot_be_is_said_beside_its_field(self, manager: Client, changes: Any, words: str) -> None:
        page = manager.post("/approvals/away/new/", entered(**changes))
        assertContains(page, words, status_code=422)
        assertContains(page, 'value="Holiday"', status_code=422)
        assert not Absence.objects.exists()

    def test_a_circle_is_refused(self, manager: Client, people: dict[str, User]) -> None:
        manager.post("/approvals/away/new/", entered())
        bo = Client()
        bo.force_login(people["bo"])
        page = bo.post("/approvals/away/new/", entered(delegate="manager"))
        assertContains(page, "This would be a circle", status_code=422)

    def test_coming_back_early(self, manager: Client) -> None:
        manager.post("/approvals/away/new/", entered())
        absence = Absence.objects.get()
        manager.post(f"/approvals/away/{absence.pk}/end/")
        absence.refresh_from_db()
        assert absence.ended_at is not None
        assert absence.revision == 2  # so that open requests are told

    def test_nobody_ends_anothers(self, manager: Client, people: dict[str, User]) -> None:
        manager.post("/approvals/away/new/", entered())
        bo = Client()
        bo.force_login(people["bo"])
        assert bo.post(f"/approvals/away/{Absence.objects.get().pk}/end/").status_code == 404
        assertContains(bo.get("/approvals/away/"), "Marta Kovács")
