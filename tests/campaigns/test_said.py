"""What the Temporal CLI or another service tells an actor is in our rows, in whatever order, and outlives that actor."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from campaigns import preferences
from campaigns.actor_seed import seed_for_actor, seeds_without_log
from campaigns.contract import (
    ActorView,
    By,
    Door,
    FrequencyCapInput,
    MessageSentInput,
    OptOut,
    Preferences,
    PreferencesInput,
    Said,
    user_actor_workflow_id,
)
from campaigns.models import Contact, PreferenceChange, SendLog
from campaigns.models import OptOut as OptOutRow
from campaigns.said import write_down
from temporal_worker import client
from tests.campaigns.batches import actor_of, begin, campaign, cap, person, send, states, uid
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PERSON = By("", Door.MAIL)
SMS = OptOut("sms")


def said(minute: int, **what: Any) -> Said:
    """The n-th word of an actor, at that minute after noon."""
    return Said(**{"user_id": "USER-001", "version": minute, "at": NOON + timedelta(minutes=minute), **what})


def wished(minute: int, *opt_outs: OptOut, **fields: Any) -> Said:
    wish = PreferencesInput(opt_outs=list(opt_outs), **fields)
    return said(minute, wish=wish, preferences=Preferences(opt_outs=list(opt_outs)))


def opt_outs() -> list[tuple[str, str]]:
    return list(OptOutRow.objects.order_by("channel", "category").values_list("channel", "category"))


def history() -> list[tuple[str, str, str]]:
    return list(PreferenceChange.objects.order_by("at").values_list("what", "channel", "door"))


@pytest.mark.django_db
class TestOrder:
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_of_opt_outs_the_last_word_holds(self, order: tuple[int, ...]) -> None:
        contact()
        words = [said(1, opt_out=SMS), said(2, opt_in=SMS), said(3, opt_out=SMS)]
        for number in (*order, *order):
            write_down(words[number])
        assert opt_outs() == [("sms", "")]
        assert history()[-1][0] in ("opted_out", "opted_in")

    @pytest.mark.parametrize("order", list(permutations(range(2))))
    def test_an_opt_in_comes_after_its_opt_out(self, order: tuple[int, ...]) -> None:
        contact()
        words = [said(1, opt_out=SMS), said(2, opt_in=SMS)]
        for number in (*order, *order):
            write_down(words[number])
        assert opt_outs() == []

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_preferences_take_the_place_of_what_was_said_before(self, order: tuple[int, ...]) -> None:
        contact()
        words = [said(1, opt_out=SMS), wished(2, OptOut(category="news")), said(3, opt_out=OptOut("push"))]
        for number in (*order, *order):
            write_down(words[number])
        assert opt_outs() == [("", "news"), ("push", "")]

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_of_own_caps_the_last_one_holds(self, order: tuple[int, ...]) -> None:
        contact()
        words = [said(n, cap=FrequencyCapInput(max_per_day=n)) for n in (1, 2)]
        words.append(said(3, cap=FrequencyCapInput(max_per_day=3, by=By("crm", Door.API))))
        for number in (*order, *order):
            write_down(words[number])
        own = preferences.own_cap_of(Contact.objects.get())
        assert own is not None
        assert own.max_per_day == 3
        (last, *_) = PreferenceChange.objects.all()
        assert (last.what, last.who, last.door, last.text) == ("cap", "crm", "api", "3 a day")


@pytest.mark.django_db
class TestDoors:
    """What comes late undoes nothing that a person has said here since."""

    def test_an_opt_out_by_a_link_stays(self) -> None:
        contact()
        preferences.record_opt_out("USER-001", "sms", by=PERSON)
        write_down(said(1, opt_in=SMS, at=NOON - timedelta(days=900)))
        assert opt_outs() == [("sms", "")]

    def test_an_opt_in_here_stays(self) -> None:
        contact()
        preferences.record_opt_out("USER-001", "sms", by=PERSON)
        preferences.record_opt_in("USER-001", "sms", by=PERSON)
        write_down(said(1, opt_out=SMS, at=NOON - timedelta(days=900)))
        assert opt_outs() == []

    def test_an_opt_in_takes_away_what_a_link_has_brought_before(self) -> None:
        contact()
        preferences.record_opt_out("USER-001", "sms", by=PERSON)
        write_down(said(1, opt_in=SMS, at=datetime.now(UTC) + timedelta(seconds=1)))
        assert opt_outs() == []
        assert PreferenceChange.objects.latest("at").door == "cli"


@pytest.mark.django_db
class TestStrange:
    def test_nothing_that_no_row_can_hold(self) -> None:
        write_down(said(1, user_id="x" * 200, opt_out=SMS))
        contact()
        write_down(said(1, opt_out=OptOut("a channel with a long name")))
        write_down(wished(2, OptOut("a channel with a long name"), SMS))
        assert opt_outs() == [("sms", "")]

    def test_an_opt_out_of_nobody_whom_we_know_is_kept(self) -> None:
        write_down(said(1, opt_out=SMS))
        assert opt_outs() == [("sms", "")]
        (seed,) = seeds_without_log([contact()], {}).values()
        assert (seed.preferences and seed.preferences.opt_outs, seed.version) == ([SMS], 1)


@pytest.mark.django_db
class TestSentElsewhere:
    @pytest.mark.parametrize("message_id", ["newsletter-7", "x" * 200])
    def test_counts_once_for_each_person(self, message_id: str) -> None:
        message = MessageSentInput(message_id, "email", "orders", NOON + timedelta(days=1))
        for user_id in ("USER-001", "USER-002"):
            for _ in range(2):
                write_down(said(1, user_id=user_id, message_sent=message))
            (send,) = seed_for_actor(user_id, now=NOON).sends
            assert (send.grant_id, send.channel, send.category) == (message_id, "email", "orders")
            assert (send.elsewhere, send.at) == (True, NOON + timedelta(minutes=1)), "another clock may be ahead"
        assert SendLog.objects.count() == 2
        old = seed_for_actor("USER-001", now=NOON + timedelta(days=9))
        write_down(said(9, message_sent=MessageSentInput("later", "email", "orders", NOON + timedelta(days=8))))
        assert (old.used_grant_ids, [send.grant_id for send in old.sends]) == ([], [message_id])
        assert message_id in {
            *seed_for_actor("USER-001", now=NOON + timedelta(days=9)).used_grant_ids,
            *(send.grant_id for send in seed_for_actor("USER-001", now=NOON + timedelta(days=9)).sends),
        }


# ── With real actors ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def running(worker: None) -> str:
    begin()
    cap(3)
    person(1)
    start_actor()
    return uid(1)


def start_actor() -> None:
    start = seed_for_actor(uid(1))

    async def begin_it() -> None:
        await (await client.aget_client()).start_workflow(
            "UserActorWorkflow",
            start,
            id=actor_of(uid(1)),
            task_queue="marketing-campaign-queue",
        )

    client.call(begin_it())


def tell(signal: str, **message: Any) -> None:
    client.call(client.signal(user_actor_workflow_id(uid(1)), signal, message))


def update(name: str, **message: Any) -> ActorView:
    asked = client.execute_update(
        user_actor_workflow_id(uid(1)), name, message, update_id=f"{name} {message}", result_type=ActorView
    )
    return client.call(asked)


def lose_the_actor() -> None:
    async def end_it() -> None:
        await (await client.aget_client()).get_workflow_handle(actor_of(uid(1))).terminate("lost")

    client.call(end_it())


@pytest.mark.django_db(transaction=True)
class TestLost:
    def test_an_opt_out_by_signal_outlives_its_actor(self, running: str) -> None:
        tell("opt_out", channel="push")
        assert eventually(opt_outs) == [("push", "")]
        lose_the_actor()
        row = campaign()
        send(row)
        assert states(row) == {"denied": 1}
        assert SendLog.objects.get().code == "opted_out"

    def test_an_opt_in_by_signal_opens_the_way_for_campaigns(self, running: str) -> None:
        preferences.record_opt_out(running, "push", by=PERSON)
        tell("opt_out", channel="push", recorded=True)
        tell("opt_in", channel="push")
        eventually(lambda: not opt_outs())
        row = campaign()
        send(row)
        assert states(row) == {"sent": 1}

    def test_preferences_are_in_the_rows_when_they_are_answered(self, running: str) -> None:
        view = update("set_preferences", opted_out_channels=["sms"], locale="de")
        assert opt_outs() == [("sms", "")]
        row = Contact.objects.get()
        assert (row.locale, row.preferences_version) == ("de", view.version)
        assert PreferenceChange.objects.get().text == "language de, opted out of channels: sms"

    def test_an_own_cap_and_what_others_sent_outlive_it_too(self, running: str) -> None:
        update("set_frequency_cap", max_per_day=2)
        for number in range(2):
            sent_at = datetime.now(UTC).isoformat()
            tell("message_sent", message_id=f"shop-{number}", channel="push", category="x", sent_at=sent_at)
        eventually(lambda: SendLog.objects.count() == 2)
        lose_the_actor()
        row = campaign()
        send(row)
        decision = SendLog.objects.get(campaign_id=row.campaign_id)
        assert (decision.code, decision.limit, decision.used_by) == ("cap_day", 2, ["shop-0", "shop-1"])

    def test_what_a_new_actor_takes_in_is_newer_than_what_the_lost_one_had(self, running: str) -> None:
        for language in ("de", "fr", "it"):
            update("set_preferences", locale=language)
        lose_the_actor()
        start_actor()
        update("set_preferences", locale="es")
        assert Contact.objects.get().locale == "es"
