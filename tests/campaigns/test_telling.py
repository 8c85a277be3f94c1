"""What an import sets for somebody reaches their actor, if it runs, and undoes nothing that they have said since."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from campaigns import gateway, imports, preferences, reconciler, suppression, untold
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import By, Door, Preferences, PreferencesInput
from campaigns.gateway import telling
from campaigns.models import AudienceImport, Contact, PreferenceChange, UntoldSetting
from dashboard.roles import MARKETERS
from temporal_worker import client
from tests.campaigns.batches import actor_of, actors_running, begin, cap, person, uid

pytestmark = [pytest.mark.django_db(transaction=True)]

PERSON = By("", Door.MAIL)


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


@pytest.fixture
def marketer(db: None) -> User:
    user = User.objects.create_user("mara")
    user.groups.add(Group.objects.get(name=MARKETERS))
    return user


def bring_in(*lines: str, number: int = 1) -> AudienceImport:
    row = AudienceImport.objects.create(import_id=f"IMP-{number}", idempotency_key=f"{number}", created_by="marketer")
    imports.read_rows(row, io.BytesIO("\n".join(["id,time_zone,locale", *lines]).encode()))
    imports.compare_rows(row)
    imports.apply_rows(row)
    return row


def zone_and_language(user: User, user_id: str) -> tuple[str, str]:
    view = gateway.read_actor(user_id, user=user).view
    return view.preferences.time_zone, view.preferences.locale


def row_of(user_id: str) -> tuple[str, str]:
    return Contact.objects.values_list("time_zone", "locale").get(user_id=user_id)


async def _away(*args: Any, **more: Any) -> None:
    raise client.TemporalUnavailable("away")


class TestImport:
    def test_notes_down_what_changes_and_says_where_it_came_from(self) -> None:
        person(1)
        person(2)
        bring_in(f"{uid(1)},Asia/Tokyo,en", f"{uid(2)},Europe/Berlin,en", f"{uid(3)},Asia/Tokyo,ja")
        (row,) = UntoldSetting.objects.all()
        assert (row.user_id, row.field, row.value, row.who, row.door) == (
            uid(1), "time_zone", "Asia/Tokyo", "marketer", "system",
        )  # fmt: skip
        (change,) = PreferenceChange.objects.all()
        assert (change.user_id, change.who, change.text) == (uid(1), "marketer", "zone Asia/Tokyo: Import IMP-1")

    def test_a_later_one_takes_the_place_of_what_was_not_told_yet(self) -> None:
        person(1)
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        bring_in(f"{uid(1)},Europe/Paris,", number=2)
        (language, zone) = UntoldSetting.objects.order_by("field")
        assert (language.value, zone.value) == ("ja", "Europe/Paris")
        assert zone.at > language.at

    def test_who_was_erased_has_nothing_to_be_told(self) -> None:
        person(1)
        suppression.erase(uid(1), by=PERSON)
        UntoldSetting.objects.all().delete()
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        assert not UntoldSetting.objects.exists()


class TestRow:
    """What an actor says that has not heard of it yet is not written over it."""

    def test_stays_until_the_actor_has_heard(self) -> None:
        person(1)
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        preferences.save_preferences(uid(1), 3, Preferences("Europe/Berlin", "en", hours_between=24))
        assert row_of(uid(1)) == ("Asia/Tokyo", "ja")
        assert Contact.objects.get().hours_between == 24
        assert UntoldSetting.objects.count() == 2

    def test_gives_way_to_what_the_person_has_said_since(self) -> None:
        person(1)
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        later = timezone.now() + timedelta(seconds=1)
        preferences.save_preferences(uid(1), 3, Preferences("Europe/Paris", "en", said_at={"time_zone": later}))
        assert row_of(uid(1)) == ("Europe/Paris", "ja")
        assert [row.field for row in UntoldSetting.objects.all()] == ["locale"]


@pytest.mark.usefixtures("worker")
class TestTelling:
    def test_a_running_actor_hears_of_it_and_keeps_it(self, marketer: User) -> None:
        cap(3)
        person(1)
        wish = PreferencesInput(time_zone="Europe/Berlin", locale="de")
        gateway.set_preferences(uid(1), user=marketer, wish=wish, door=Door.WEB, key="first")
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        reconciler.tell_settings()
        assert zone_and_language(marketer, uid(1)) == ("Asia/Tokyo", "ja")
        assert not UntoldSetting.objects.exists()
        # The actor's next change of something else writes no old zone back into the row.
        pause = PreferencesInput(hours_between=24)
        gateway.set_preferences(uid(1), user=marketer, wish=pause, door=Door.WEB, key="second")
        assert row_of(uid(1)) == ("Asia/Tokyo", "ja")
        assert gateway.tell_settings() == 0

    def test_what_the_person_said_afterwards_stands(self, marketer: User) -> None:
        person(1)
        wish = PreferencesInput(time_zone="Europe/Berlin", locale="de")
        gateway.set_preferences(uid(1), user=marketer, wish=wish, door=Door.WEB, key="first")
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        word = untold.due(10)
        own = PreferencesInput(time_zone="Europe/Paris")
        gateway.set_preferences(uid(1), user=marketer, wish=own, door=Door.WEB, key="second")
        assert row_of(uid(1)) == ("Europe/Paris", "ja")
        # The import's word was on its way already, and comes late and twice.
        for _ in range(2):
            client.call(telling._tell(word[0]))
        assert zone_and_language(marketer, uid(1)) == ("Europe/Paris", "ja")
        gateway.tell_settings()
        assert row_of(uid(1)) == ("Europe/Paris", "ja")
        assert not UntoldSetting.objects.exists()

    def test_starts_nobody_and_looks_once_more_for_who_was_just_starting(self, marketer: User) -> None:
        person(1)
        before = seed_for_actor(uid(1))
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        assert gateway.tell_settings() == 1
        assert actor_of(uid(1)) not in actors_running()
        assert gateway.tell_settings() == 0, "not again at once"
        late = UntoldSetting.objects.values_list("due_at", flat=True)[0]
        assert timedelta(seconds=30) < late - timezone.now() <= untold.SEEDS_LIVE
        # An actor that began with what was read before the import hears of it then.
        assert before.preferences is not None
        assert before.preferences.time_zone == "Europe/Berlin"
        wish = PreferencesInput(hours_between=24)
        gateway.set_preferences(uid(1), user=marketer, wish=wish, door=Door.WEB, key="first")
        UntoldSetting.objects.update(due_at=timezone.now())
        assert gateway.tell_settings() == 1
        assert not UntoldSetting.objects.exists()

    def test_is_given_up_when_nobody_has_come(self) -> None:
        person(1)
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        long_ago = timezone.now() - timedelta(minutes=2)
        UntoldSetting.objects.update(at=long_ago, due_at=long_ago)
        assert gateway.tell_settings() == 1
        assert not UntoldSetting.objects.exists()
        assert row_of(uid(1)) == ("Asia/Tokyo", "ja")

    def test_waits_while_nobody_can_be_reached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        person(1)
        bring_in(f"{uid(1)},Asia/Tokyo,ja")
        with monkeypatch.context() as outage:
            outage.setattr(client, "execute_update", _away)
            assert gateway.tell_settings() == 0
        assert UntoldSetting.objects.count() == 2

    def test_many_at_once(self, marketer: User) -> None:
        for number in range(1, 6):
            person(number)
            wish = PreferencesInput(time_zone="Europe/Berlin")
            gateway.set_preferences(uid(number), user=marketer, wish=wish, door=Door.WEB, key="first")
        bring_in(*(f"{uid(number)},Asia/Tokyo," for number in range(1, 6)))
        assert gateway.tell_settings() == 5
        for number in range(1, 6):
            assert zone_and_language(marketer, uid(number))[0] == "Asia/Tokyo"
