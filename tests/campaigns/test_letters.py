"""Everybody's letter is looked at before the first one goes out, however many there are, and each time that it comes again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from campaigns import activities, gateway
from campaigns.contract import Door, Stock
from campaigns.gateway import Draft, launching
from campaigns.models import Campaign, Contact, SandboxMessage, SendLog
from campaigns.presentation import trial
from campaigns.sending import letters
from campaigns.sending.letters import Looked, check_letters
from dashboard.roles import MARKETERS
from tests.campaigns.batches import batch, begin, campaign, cap, cid, people, uid
from tests.eventually import eventually


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


@pytest.fixture
def marketer(db: None) -> User:
    user = User.objects.create_user("mara", "mara@example.com")
    user.groups.add(Group.objects.get(name=MARKETERS))
    return user


@pytest.mark.django_db
class TestCheck:
    @pytest.fixture(autouse=True)
    def _small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(letters, "PIECE", 3)

    def test_piece_by_piece_to_the_last_one(self) -> None:
        """A piece is all that it holds, and after each it says that it lives and where it is."""
        people(10)
        Contact.objects.filter(user_id__in=[uid(5), uid(10)]).update(name="")
        row = campaign(subject="Hello {{ first_name }}", body_text="{{ attributes.plan|default:'–' }}")
        seen: list[Looked] = []
        with (
            pytest.raises(ApplicationError) as caught,
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            check_letters(row, seen.append)
        assert [one.position for one in seen] == [3, 6, 9, 10]
        assert len(queries) == 2 * 4 + 1
        assert (caught.value.type, caught.value.non_retryable) == ("MissingVariables", True)
        assert caught.value.message == (
            f"2 recipients have no first_name ({uid(5)}, {uid(10)}). "
            "Nothing was sent. Give it to them and resume it, or cancel it."
        )

    def test_goes_on_where_it_stopped_and_forgets_nothing(self) -> None:
        people(10)
        Contact.objects.filter(user_id__in=[uid(2), uid(8)]).update(name="")
        row = campaign()
        seen: list[Looked] = []
        with pytest.raises(ApplicationError):
            check_letters(row, seen.append)
        again: list[Looked] = []
        with pytest.raises(ApplicationError) as caught:
            check_letters(row, again.append, since=seen[1])
        assert [one.position for one in again] == [9, 10]
        assert uid(2) in caught.value.message
        assert uid(8) in caught.value.message

    def test_nothing_to_look_for_is_not_looked_for(self) -> None:
        people(4)
        row = campaign(subject="Hello", body_text="Dear you: {{ unsubscribe_url }}")
        with CaptureQueriesContext(connection) as queries:
            check_letters(row, lambda looked: None)
        assert len(queries) == 0

    def test_who_is_erased_gets_nothing_and_lacks_nothing(self) -> None:
        people(3)
        row = campaign()
        Contact.objects.filter(user_id=uid(2)).update(name="", erased_at=timezone.now())
        check_letters(row, lambda looked: None)


@pytest.mark.django_db(transaction=True)
class TestActivity:
    def test_says_how_far_it_is_and_takes_it_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(letters, "PIECE", 3)
        people(8)
        Contact.objects.filter(user_id=uid(1)).update(name="")
        mailing = batch(campaign()).mailing
        told: list[Any] = []
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: told.append(details)
        with pytest.raises(ApplicationError, match="1 recipient has no"):
            environment.run(activities.snapshot_audience, mailing)
        assert [looked.position for (looked,) in told] == [3, 6, 8]
        # The worker died after the second piece; what the server gives back is JSON.
        second = {"position": 6, "missing": [{"name": "name", "count": 1, "examples": [uid(1)]}]}
        environment.info = replace(environment.info, heartbeat_details=[second])
        told.clear()
        with pytest.raises(ApplicationError, match=uid(1)):
            environment.run(activities.snapshot_audience, mailing)
        assert [looked.position for (looked,) in told] == [8]
        Contact.objects.update(name="Ann")
        environment.info = replace(environment.info, heartbeat_details=[])
        assert environment.run(activities.snapshot_audience, mailing) == Stock({"pending": 8})


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
class TestWhole:
    def test_who_is_not_in_the_sample_is_found_before_the_first_message(
        self, marketer: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cap(None)
        people(6)
        Contact.objects.filter(user_id=uid(2)).update(name="")
        monkeypatch.setattr(launching, "LETTERS_AT_A_LAUNCH", 2)
        campaign_id = self._created(marketer)
        assert launching.find_missing(Campaign.objects.get()) == []
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        self._is_mended(marketer, campaign_id, sent=6)

    def test_an_occurrence_too(self, marketer: User) -> None:
        """Between two of its times somebody loses what its text needs."""
        cap(None)
        people(4)
        campaign_id = self._created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        Contact.objects.filter(user_id=uid(2)).update(name="")
        gateway.start_occurrence(campaign_id, timezone.now() + timedelta(seconds=5))
        self._is_mended(marketer, campaign_id, sent=4)

    def _created(self, marketer: User, **fields: Any) -> str:
        written = Draft(name="Spring", channel="push", subject="Hello", body_text="Dear {{ name }}", **fields)
        return gateway.create_draft(user=marketer, draft=written, key="k1").campaign_id

    def _is_mended(self, marketer: User, campaign_id: str, *, sent: int) -> None:
        row = eventually(lambda: Campaign.objects.filter(status="paused").first(), timeout=30)
        assert row is not None
        assert row.reason.startswith(f"1 recipient has no name ({uid(2)}).")
        assert (SendLog.objects.count(), SandboxMessage.objects.count()) == (0, 0)
        Contact.objects.filter(user_id=uid(2)).update(name="Ann")
        gateway.resume(campaign_id, user=marketer, door=Door.WEB, key="r1")
        eventually(lambda: Campaign.objects.filter(status="completed", sent_count=sent).exists(), timeout=30)


@pytest.mark.django_db
@pytest.mark.parametrize("most", [2, 3])
def test_the_dry_run_says_how_many_letters_were_looked_at(
    marketer: User, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    people(3, name="")
    for place in (launching, trial):
        monkeypatch.setattr(place, "LETTERS_AT_A_LAUNCH", most)
    row = campaign(status="draft")
    looked = trial.trial_of(gateway.dry_run(row.campaign_id, user=marketer))
    page = render_to_string("campaigns/_trial.html", {"trial": looked, "campaign_id": cid(1)})
    assert ("2 of these 3 letters were looked at" in page) == (most == 2)
    assert ("recipients of the 2 who were looked at" in page) == (most == 2)
