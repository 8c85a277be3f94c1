"""People who are taken out of reach, by a channel or at all, who are let in again, and who are forgotten – with their actors."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from campaigns import gateway, preferences, suppression
from campaigns.contract import MARKETING, By, Door, OptOut, Preferences, PreferencesInput, QuietHours
from campaigns.gateway import suppression as acting
from campaigns.models import Contact, PreferenceChange, UntoldSetting
from campaigns.send_log import Grant, commit_intent
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import ADMINISTRATORS, CAMPAIGN_WRITERS, MARKETERS
from temporal_worker import client as temporal
from tests.campaigns.batches import actor_of, actors_running, begin, cap, person, uid

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}
PERSON = By("", Door.MAIL)
BY_HAND = Contact.Suppressed.BY_HAND


@pytest.fixture(autouse=True)
def _ids(monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def _user(username: str, role: str) -> User:
    user = User.objects.create_user(username)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def mara(db: None) -> User:
    return _user("mara", MARKETERS)


@pytest.fixture
def will(db: None) -> User:
    return _user("will", CAMPAIGN_WRITERS)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(rest: str = "") -> str:
    return f"/campaigns/users/{uid(1)}/{rest}"


def intent(channel: str = "email", number: int = 1) -> str:
    return commit_intent(Grant(f"g-{channel}-{number}", uid(1), channel, MARKETING, campaign_id="CMP-1")).code


def changes() -> list[tuple[str, str, str, str]]:
    return list(PreferenceChange.objects.order_by("pk").values_list("what", "channel", "who", "text"))


async def _away(*args: Any, **more: Any) -> None:
    raise temporal.TemporalUnavailable("away")


class TestRows:
    """What counts at once, without Temporal."""

    def test_one_channel(self) -> None:
        person(1)
        by = By("mara", Door.WEB)
        assert suppression.suppress(uid(1), BY_HAND, by=by, channel="sms", text="ticket 7")
        assert not suppression.suppress(uid(1), BY_HAND, by=by, channel="sms")
        assert (intent("sms"), intent("email")) == ("suppressed", "")
        assert changes() == [("suppressed", "sms", "mara", "suppressed by hand: ticket 7")]
        assert UntoldSetting.objects.get().value == ["sms"]

    def test_lifting_one_of_all(self) -> None:
        person(1)
        suppression.suppress(uid(1), Contact.Suppressed.COMPLAINED, by=PERSON)
        assert preferences.preferences_of(uid(1)).suppressed_channels == ["email", "sms", "push"]
        assert suppression.lift(uid(1), ["email"], by=PERSON, text="asked for it")
        assert not suppression.lift(uid(1), ["email"], by=PERSON)
        row = Contact.objects.get()
        assert (row.suppressed_reason, row.suppressed_at, row.unreachable_channels) == ("", None, ["sms", "push"])
        assert (intent("sms"), intent("email")) == ("suppressed", "")
        assert changes()[-1] == ("unsuppressed", "email", "", "asked for it")

    def test_an_opt_out_outlives_a_lifted_suppression(self) -> None:
        person(1)
        preferences.record_opt_out(uid(1), "email", by=PERSON)
        suppression.suppress(uid(1), BY_HAND, by=PERSON, channel="email")
        suppression.lift(uid(1), ["email"], by=PERSON)
        assert intent("email") == "opted_out"

    def test_what_an_actor_still_knows_of_the_erased_does_not_come_back(self) -> None:
        person(1, hours_between=24)
        assert suppression.erase(uid(1), by=PERSON)
        late = Preferences(
            "Asia/Tokyo", "ja", [OptOut("sms")], hours_between=24, quiet_hours=QuietHours("22:00", "07:00")
        )
        preferences.save_preferences(uid(1), 3, late)
        row = Contact.objects.get()
        assert (row.time_zone, row.locale, row.hours_between, row.quiet_hours) == ("", "", None, None)
        assert intent("push") == "suppressed"
        assert set(preferences.opted_out([uid(1)], "sms", "x")) == {uid(1)}
        assert not suppression.lift(uid(1), ["push"], by=PERSON)


@pytest.mark.usefixtures("worker")
class TestActor:
    def test_hears_of_it_and_of_its_end(self, mara: User) -> None:
        cap(3)
        person(1)
        gateway.request_send(uid(1), user=mara, channel="push", grant_id="a")
        assert acting.suppress(uid(1), user=mara, door=Door.WEB, reason=BY_HAND, channel="sms")
        view = gateway.read_actor(uid(1), user=mara).view
        assert view.preferences.suppressed_channels == ["sms"]
        assert view.preferences.changed_by == By("mara", Door.WEB)
        assert not UntoldSetting.objects.exists()
        assert acting.lift_suppression(uid(1), user=mara, door=Door.WEB, channels=["sms"])
        assert gateway.read_actor(uid(1), user=mara).view.preferences.suppressed_channels == []
        assert Contact.objects.get().unreachable_channels == []

    def test_hears_of_it_later_when_temporal_was_away(self, mara: User, monkeypatch: pytest.MonkeyPatch) -> None:
        cap(3)
        person(1)
        gateway.request_send(uid(1), user=mara, channel="push", grant_id="a")
        with monkeypatch.context() as outage:
            outage.setattr(temporal, "execute_update", _away)
            assert acting.suppress(uid(1), user=mara, door=Door.WEB, reason=BY_HAND)
        # Meanwhile the actor saves a change of its own: the row stays as it was set.
        assert gateway.opt_out(uid(1), by=PERSON, channel="push")
        view = gateway.read_actor(uid(1), user=mara).view
        preferences.save_preferences(uid(1), view.version, view.preferences)
        assert Contact.objects.get().unreachable_channels == ["email", "sms", "push"]
        assert gateway.tell_settings() == 1
        view = gateway.read_actor(uid(1), user=mara).view
        assert view.preferences.suppressed_channels == ["email", "sms", "push"]

    def test_of_the_erased_it_forgets_too(self, mara: User) -> None:
        cap(3)
        person(1)
        wish = PreferencesInput(
            time_zone="Asia/Tokyo", locale="ja", hours_between=24, quiet_hours=QuietHours("22:00", "07:00"),
            paused_until=datetime(2090, 1, 1, tzinfo=UTC), opted_out_categories=["news"],
        )  # fmt: skip
        gateway.set_preferences(uid(1), user=mara, wish=wish, door=Door.WEB, key="first")
        assert acting.erase(uid(1), user=mara, door=Door.WEB)
        assert not acting.erase(uid(1), user=mara, door=Door.WEB)
        kept = gateway.read_actor(uid(1), user=mara).view.preferences
        assert (kept.time_zone, kept.locale, kept.hours_between, kept.quiet_hours) == ("", "", None, None)
        assert (kept.paused_until, kept.suppressed_channels) == (None, ["email", "sms", "push"])
        assert kept.opted_out_categories == ["news"]
        row = Contact.objects.get()
        assert (row.name, row.email, row.time_zone, row.paused_until) == ("", "", "", None)
        assert PreferenceChange.objects.get(what="erased").who == "mara"

    def test_none_is_started(self, mara: User) -> None:
        person(1)
        acting.suppress(uid(1), user=mara, door=Door.WEB, reason=BY_HAND)
        acting.erase(uid(1), user=mara, door=Door.WEB)
        assert actor_of(uid(1)) not in actors_running()


class TestRights:
    def test_are_asked_for_by_the_gateway(self, will: User) -> None:
        person(1)
        boss = _user("boss", ADMINISTRATORS)
        calls: list[Callable[..., bool]] = [
            lambda user: acting.suppress(uid(1), user=user, door=Door.WEB, reason=BY_HAND),
            lambda user: acting.lift_suppression(uid(1), user=user, door=Door.WEB, channels=["sms"]),
            lambda user: acting.erase(uid(1), user=user, door=Door.WEB),
        ]
        for call in calls:
            with pytest.raises(gateway.NotPermitted):
                call(will)
            with pytest.raises(gateway.ContactNotFound):
                call(User.objects.create_user(f"stranger-{calls.index(call)}"))
        for call in calls[:2]:
            with pytest.raises(gateway.NotPermitted):
                call(boss)
        boss.is_active = False
        with pytest.raises((gateway.NotPermitted, gateway.ContactNotFound)):
            calls[2](boss)
        assert not PreferenceChange.objects.exists()

    def test_are_asked_for_by_the_pages(self, will: User) -> None:
        person(1)
        page = browser(will).get(address())
        for noun in ("suppression/", "lifting/", "erasure/"):
            assertNotContains(page, address(noun))
            assert browser(will).get(address(noun)).status_code == 403
            assert browser(will).post(address(noun), {"confirm": uid(1)}).status_code == 403
        boss = browser(_user("boss", ADMINISTRATORS))
        assertContains(boss.get(address()), address("erasure/"))
        assertNotContains(boss.get(address()), address("suppression/"))
        assert boss.get(address("suppression/")).status_code == 403

    def test_erased_is_erased(self, mara: User) -> None:
        person(1)
        suppression.erase(uid(1), by=PERSON)
        with pytest.raises(gateway.CampaignRefused, match="erased"):
            acting.lift_suppression(uid(1), user=mara, door=Door.WEB, channels=["sms"])
        with pytest.raises(gateway.CampaignRefused, match="erased"):
            acting.suppress(uid(1), user=mara, door=Door.WEB, reason=BY_HAND)

    @pytest.mark.parametrize("wrong", [{"channel": "pigeon"}, {"reason": "erased"}, {"reason": "boredom"}])
    def test_what_makes_no_sense(self, mara: User, wrong: dict[str, str]) -> None:
        person(1)
        with pytest.raises(gateway.InvalidRequest):
            acting.suppress(uid(1), user=mara, door=Door.WEB, **{"reason": BY_HAND, **wrong})  # type: ignore[arg-type]


class TestPages:
    def test_a_channel_is_suppressed_and_lifted_again(self, mara: User) -> None:
        person(1)
        office = browser(mara)
        assertContains(office.get(address()), "Nothing is suppressed.")
        form = office.get(address("suppression/"), headers=HTMX)
        assertContains(form, "Every channel")
        sent = {"channel": "sms", "reason": "complained", "text": "ticket 7"}
        answer = office.post(address("suppression/"), sent, headers=HTMX)
        assertContains(answer, 'id="actor-hold" hx-swap-oob="true"')
        assertContains(answer, "No, suppressed")
        assert "Nothing goes out" in answer["HX-Trigger"]
        page = office.get(address())
        assertContains(page, "Suppressed by SMS: complained of spam: ticket 7")
        assertContains(page, "mara, web")
        assert re.findall(r'<option value="(\w+)"', office.get(address("suppression/")).content.decode())[:3] == [
            "email", "push", "all",
        ]  # fmt: skip
        assert office.post(address("suppression/"), sent).status_code == 422
        lifting = office.get(address("lifting/"))
        assertContains(lifting, "Suppressed: SMS.")
        assertContains(office.post(address("lifting/"), {}), "This field is required.", status_code=422)
        assert office.post(address("lifting/"), {"channels": ["sms"], "text": "a mistake"}).status_code == 302
        assert Contact.objects.get().unreachable_channels == []
        assertContains(office.get(address()), "No longer suppressed by SMS: a mistake")

    def test_every_channel_and_why_nothing_more_can_be(self, mara: User) -> None:
        person(1)
        office = browser(mara)
        assert office.post(address("suppression/"), {"channel": "all", "reason": "by_hand"}).status_code == 302
        page = office.get(address())
        assertContains(page, "All are, as they were suppressed by hand.")
        assertContains(page, "No, suppressed by hand")
        assert Contact.objects.get().suppressed_at is not None
        assertContains(office.get(address("lifting/")), "E-mail")
        assert office.post(address("lifting/"), {"channels": ["email", "sms", "push"]}).status_code == 302
        assert Contact.objects.get().suppressed_reason == ""

    def test_nobody_is_erased_by_another_id(self, mara: User) -> None:
        person(1)
        office = browser(mara)
        assertContains(office.get(address("erasure/")), "It cannot be undone")
        for typed in ("", uid(2), uid(1).lower() + "x", "yes"):
            answer = office.post(address("erasure/"), {"confirm": typed}, headers=HTMX)
            assert answer.status_code == 422
        assert Contact.objects.get().erased_at is None
        assert office.get(f"{address('erasure/')}?confirm={uid(1)}").status_code == 200
        assert Contact.objects.get().erased_at is None

    def test_who_is_erased_is_gone_from_the_page(self, mara: User) -> None:
        person(1)
        office = browser(mara)
        sent = {"confirm": f" {uid(1)} ", "text": "request 12"}
        answer = office.post(address("erasure/"), sent, headers=HTMX)
        assert answer.status_code == 200
        assertNotContains(answer, "Amara")
        assertContains(answer, "What is left is the id, the opt-outs and the send log.")
        page = office.get(address())
        assertNotContains(page, "Amara")
        assertNotContains(page, address("erasure/"))
        assertContains(page, "Erased: request 12")
        row = Contact.objects.get()
        assert row.erased_at is not None
        assert timezone.now() >= row.erased_at
        assert office.post(address("erasure/"), sent).status_code == 302
        assert PreferenceChange.objects.filter(what="erased").count() == 1
        assert office.post(address("suppression/"), {"channel": "sms", "reason": "by_hand"}).status_code in (409, 422)

    def test_the_contacts_page_leads_there(self, mara: User, will: User) -> None:
        person(1)
        edit = f"/campaigns/contacts/{uid(1)}/edit/"
        page = browser(mara).get(edit)
        for noun in ("suppression/", "erasure/"):
            assertContains(page, address(noun))
            assertNotContains(browser(will).get(edit), address(noun))
        assertNotContains(page, address("lifting/"))
        suppression.suppress(uid(1), BY_HAND, by=PERSON, channel="sms")
        assertContains(browser(mara).get(edit), address("lifting/"))
        suppression.erase(uid(1), by=PERSON)
        assertNotContains(browser(mara).get(edit), address("erasure/"))
